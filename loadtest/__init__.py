"""Load with locust, and benchmarks side by side with peers. They speak through ``parlance_client``.

Of ``server`` only ``server.wire`` is imported here; the benchmark of the store also takes the store.
"""
