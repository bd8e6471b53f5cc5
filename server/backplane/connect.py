"""Which backplane, registry and limiter a worker uses: Redis's where there is a ``redis_url``, else its own memory."""

from __future__ import annotations

import re
from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING, NamedTuple

from server.backplane.memory import MemoryBackplane, MemoryHub, MemoryLimiter, MemoryRegistry, MemoryRoll
from server.backplane.memory.registry import DEAD_AFTER_MS
from server.backplane.ports import Backplane, Limiter, Registry
from server.clock import Clock

if TYPE_CHECKING:
    from server.backplane.redis.timing import Timing

PREFIX = "parlance"


class Connected(NamedTuple):
    """What connects a worker to the others. ``backplane.start`` connects all three, ``backplane.close`` ends them."""

    backplane: Backplane
    registry: Registry
    limiter: Limiter


def connect_backplane(
    redis_url: str,
    node_id: str,
    *,
    clock: Clock,
    rng: Random,
    prefix: str = PREFIX,
    dead_after_ms: int = DEAD_AFTER_MS,
    timing: Timing | None = None,
    on_malformed: Callable[[], None] = lambda: None,
    on_local_limit: Callable[[], None] = lambda: None,
) -> Connected:
    """Everything over one client. ``node_id`` names this worker and is unique to one start of one process.

    ``on_malformed`` is told of each envelope that can't be read, ``on_local_limit`` of each action that was counted
    by this worker alone, though it should be by all.

    ``prefix`` begins every key and channel; one in ``redis_url`` goes before it. Raises ``StartupError`` for a URL that
    is none; whether somebody answers there, ``backplane.start`` says.
    """
    if not redis_url:
        return in_memory(node_id, clock=clock, dead_after_ms=dead_after_ms)
    # Late, so that a worker without Redis does not load it.
    from server.backplane.redis import RedisBackplane, RedisClient, RedisLimiter, RedisRegistry, parse_address
    from server.backplane.redis.timing import TIMING

    address = parse_address(redis_url)
    prefix = prefix if address.prefix is None else address.prefix
    name = re.sub(r"[^!-~]", "-", f"{prefix}:{node_id}")  # what CLIENT SETNAME takes
    client = RedisClient(address, name=name, prefix=prefix, rng=rng, timing=timing or TIMING)
    return Connected(
        RedisBackplane(client, node_id=node_id, prefix=prefix, on_malformed=on_malformed),
        RedisRegistry(client, worker=node_id, prefix=prefix, clock=clock, dead_after_ms=dead_after_ms),
        RedisLimiter(client, prefix=prefix, clock=clock, on_local=on_local_limit),
    )


def in_memory(
    node_id: str,
    *,
    clock: Clock,
    hub: MemoryHub | None = None,
    roll: MemoryRoll | None = None,
    dead_after_ms: int = DEAD_AFTER_MS,
) -> Connected:
    """The trio of one process; nodes that share ``hub`` and ``roll`` are workers to each other."""
    return Connected(
        MemoryBackplane(hub),
        MemoryRegistry(node_id, clock=clock, roll=roll, dead_after_ms=dead_after_ms),
        MemoryLimiter(clock),
    )
