"""Limits counted by one process: a worker's own, and what every worker falls back to when the others are away."""

from __future__ import annotations

import math

from server.clock import Clock
from server.limits import Quota, gcra

# About 200 bytes each, so 20 MB at the worst. Who floods the table with new keys pushes out those that were charged
# longest ago; a key that is pushed out starts with a full bucket again.
MAX_KEYS = 100_000


class MemoryLimiter:
    """Counts on the monotonic clock. ``take`` never waits, and takes the same time whatever the number of keys."""

    def __init__(self, clock: Clock, max_keys: int = MAX_KEYS) -> None:
        self._clock = clock
        self._max_keys = max_keys
        # In order of the last charge, so that what has lapsed is found at the front.
        self._full_at_ms: dict[tuple[str, str], float] = {}

    def __len__(self) -> int:
        """How many keys are kept."""
        return len(self._full_at_ms)

    async def take(self, quota: Quota, key: str, cost: int = 1) -> int:
        return self.take_now(quota, key, cost)

    def take_now(self, quota: Quota, key: str, cost: int = 1) -> int:
        """``take`` without a coroutine, for paths that run per frame."""
        now_ms = self._clock.mono_ms()
        name = (quota.name, key)
        before_ms = self._full_at_ms.pop(name, now_ms)
        full_at_ms, wait_ms = gcra(before_ms, now_ms, burst=quota.burst, every=quota.every_ms, cost=cost)
        if full_at_ms > now_ms:
            self._full_at_ms[name] = full_at_ms
        self._forget(now_ms)
        return math.ceil(wait_ms)

    def _forget(self, now_ms: float) -> None:
        # One key comes per call and up to two go, so that what has lapsed does not pile up.
        for _ in range(2):
            oldest = next(iter(self._full_at_ms), None)
            if oldest is None:
                return
            if self._full_at_ms[oldest] > now_ms and len(self._full_at_ms) <= self._max_keys:
                return
            del self._full_at_ms[oldest]
