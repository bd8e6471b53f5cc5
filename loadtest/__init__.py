"""The Python client of the protocol, load with locust, and benchmarks side by side with peers.

Of ``server`` only ``server.wire`` is imported here; the benchmark of the store also takes the store.
"""
