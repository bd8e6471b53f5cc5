"""The Python client of the protocol, load with locust, and benchmarks side by side with peers.

Nothing of ``server`` is imported here but ``server.wire.frames``.
"""
