"""The backplane over Redis: one server, a Cluster, or what sentinels watch over."""

from server.backplane.redis.address import RedisAddress, parse_address
from server.backplane.redis.client import RedisClient
from server.backplane.redis.doorbell import RedisBackplane
from server.backplane.redis.limiter import RedisLimiter
from server.backplane.redis.registry import RedisRegistry
from server.backplane.redis.timing import Timing

__all__ = [
    "RedisAddress",
    "RedisBackplane",
    "RedisClient",
    "RedisLimiter",
    "RedisRegistry",
    "Timing",
    "parse_address",
]
