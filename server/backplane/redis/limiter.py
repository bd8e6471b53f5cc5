"""Limits counted in Redis, over all workers; by each worker for itself while Redis is away or slow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from server.backplane.memory.limiter import MemoryLimiter
from server.backplane.redis.client import RedisClient
from server.backplane.redis.command import Script
from server.clock import Clock
from server.errors import Unavailable
from server.limits import Quota

# What is limited waits for the answer, so a Redis that takes longer than a person would notice is as good as away.
DEADLINE_S = 0.05
# Long enough that an outage costs a worker one wait of the deadline per second, short enough that a flood which began
# in the outage is soon seen as one.
PAUSE_MS = 1_000.0

# server.limits.gcra in Lua, in microseconds: burst, time per action, cost. The key goes when the bucket is full.
TAKE = Script("""
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local burst, every, cost = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local full_at = tonumber(redis.call('GET', KEYS[1]) or now)
full_at = math.min(math.max(full_at, now), now + burst * every)
local charged_at = full_at + math.min(cost, burst) * every
local wait = charged_at - burst * every - now
if wait > 0 then
  return math.ceil(wait)
end
redis.call('SET', KEYS[1], string.format('%.0f', charged_at), 'PX', math.max(1, math.ceil((charged_at - now) / 1000)))
return 0
""")


@dataclass(slots=True)
class LimiterStats:
    """Counters since the start: takes that were counted in Redis, and by this worker alone."""

    shared: int = 0
    local: int = 0


class RedisLimiter:
    """Takes of one tick leave together. A circuit breaker keeps a dead Redis from slowing down what is limited.

    ``on_local`` is told of each take that this worker counted alone.
    """

    def __init__(
        self,
        client: RedisClient,
        *,
        prefix: str,
        clock: Clock,
        deadline_s: float = DEADLINE_S,
        on_local: Callable[[], None] = lambda: None,
    ) -> None:
        self._client = client
        self._prefix = prefix
        self._clock = clock
        self._deadline_s = deadline_s
        self._on_local = on_local
        self._local = MemoryLimiter(clock)
        self._open_until_ms = 0.0
        self.stats = LimiterStats()

    async def take(self, quota: Quota, key: str, cost: int = 1) -> int:
        if self._clock.mono_ms() >= self._open_until_ms:
            try:
                return await self._take_shared(quota, key, cost)
            except Unavailable:
                self._open_until_ms = self._clock.mono_ms() + PAUSE_MS
        self.stats.local += 1
        self._on_local()
        return self._local.take_now(quota, key, cost)

    async def _take_shared(self, quota: Quota, key: str, cost: int) -> int:
        if self._open_until_ms:  # one tries whether Redis is back; meanwhile the others go on locally
            self._open_until_ms = self._clock.mono_ms() + PAUSE_MS
        every_us = max(1, round(quota.every_ms * 1_000))
        name = f"{self._prefix}:limit:{quota.name}:{key}".encode(errors="backslashreplace").decode()  # any key counts
        command = TAKE.on(name, quota.burst, every_us, cost)
        (wait_us,) = await self._client.call(command, within_s=self._deadline_s)
        self._open_until_ms = 0.0
        self.stats.shared += 1
        return -(-int(wait_us) // 1_000)
