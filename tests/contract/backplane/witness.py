"""A worker over Redis that remembers what it was told, for tests that harm the connection."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from random import Random

from server.backplane.connect import connect_backplane
from server.backplane.ports import Envelope
from server.backplane.redis import RedisBackplane, RedisLimiter, Timing
from server.clock import SystemClock
from server.errors import Unavailable

# A quarter of the usual patience, so that outages are short; still patient enough for a busy machine.
QUICK = Timing(
    ping_s=0.25, silence_s=0.75, dial_s=1.0, answer_s=1.0, retry_max_s=0.25, refresh_s=0.1, recheck_s=0.5
)  # fmt: skip
HEALS_WITHIN_S = 30.0


class Witness:
    """One worker. ``heard`` are offsets by channel, ``reconnects`` how often ``on_reconnect`` was called.

    ``told`` are the words that operators get to see.
    """

    def __init__(self, url: str, name: str) -> None:
        self.told: list[str] = []
        backplane, self.registry, limiter = connect_backplane(
            url,
            name,
            clock=SystemClock(),
            rng=Random(),
            timing=QUICK,
            on_malformed=lambda: self.told.append("malformed"),
            on_local_limit=lambda: self.told.append("limited locally"),
        )
        assert isinstance(backplane, RedisBackplane)
        assert isinstance(limiter, RedisLimiter)
        self.backplane = backplane
        self.limiter = limiter
        self.heard: dict[str, list[int]] = {}
        self.reconnects = 0

    async def start(self) -> Witness:
        await self.backplane.start(self._hear, self._reconnected)
        return self

    def _hear(self, envelope: Envelope) -> None:
        self.heard.setdefault(envelope.channel, []).append(envelope.offset)

    def _reconnected(self) -> None:
        self.reconnects += 1

    async def listen(self, *channels: str) -> None:
        await asyncio.gather(*(self.backplane.listen(channel) for channel in channels))

    async def ring(self, channel: str, offset: int) -> bool:
        """Publish; whether others may hear it."""
        try:
            await self.backplane.publish(Envelope(channel, offset, b"{}"))
        except Unavailable:
            return False
        return True


class Scene:
    """Workers that are closed at the end, with a check that nothing of them is left."""

    def __init__(self) -> None:
        self._stack = AsyncExitStack()
        self._offsets = 1_000

    async def witness(self, url: str, name: str) -> Witness:
        made = Witness(url, name)
        self._stack.push_async_callback(made.backplane.close)
        return await made.start()

    async def hears_again(self, speaker: Witness, listener: Witness, channels: Sequence[str]) -> None:
        """Wait until ``listener`` hears ``speaker`` on every one of ``channels``."""
        missing = set(channels)
        first = self._offsets
        async with asyncio.timeout(HEALS_WITHIN_S):
            while missing:
                self._offsets += 1
                for channel in missing:
                    await speaker.ring(channel, self._offsets)
                await asyncio.sleep(0.02)
                missing = {name for name in missing if max(listener.heard.get(name, [0])) <= first}

    async def close(self) -> None:
        await self._stack.aclose()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        left = [task.get_name() for task in others if task.get_name().startswith("redis")]
        assert left == []


async def until(is_so: Callable[[], bool]) -> None:
    """Wait for something that is bound to come."""
    async with asyncio.timeout(HEALS_WITHIN_S):
        while not is_so():
            await asyncio.sleep(0.01)
