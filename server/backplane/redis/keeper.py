"""Keeps one link up: connects, serves until it breaks, and tries again with jittered, growing pauses."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from random import Random
from typing import Generic, NoReturn, TypeVar

import structlog
from redis.asyncio.connection import Connection

from server.backplane.redis.dial import DIAL_ERRORS
from server.backplane.redis.link import Link, LinkLost
from server.backplane.redis.timing import Timing

_log = structlog.get_logger(__name__)

L = TypeVar("L", bound=Link)

# While Redis stays away, every tenth attempt is worth a line: about one in 8 s.
LOG_EVERY = 10


class Keeper(Generic[L]):
    """``dial`` opens a connection to wherever the server is now; ``make`` turns it into a link.

    ``on_up(link)`` is called when a link begins to serve, ``on_down()`` when it has ended or could not be made.
    """

    def __init__(
        self,
        dial: Callable[[], Awaitable[Connection]],
        make: Callable[[Connection], L],
        *,
        name: str,
        timing: Timing,
        rng: Random,
        on_up: Callable[[L], None] = lambda _: None,
        on_down: Callable[[], None] = lambda: None,
    ) -> None:
        self._dial = dial
        self._make = make
        self._name = name
        self._timing = timing
        self._rng = rng
        self._on_up = on_up
        self._on_down = on_down
        self._task: asyncio.Task[NoReturn] | None = None
        self._serving: asyncio.Task[NoReturn] | None = None
        self._up = asyncio.Event()
        self._failures = 0
        self.link: L | None = None
        self.dials = 0

    @property
    def is_away(self) -> bool:
        """Whether the server could not be reached when last tried; False before the first attempt has ended."""
        return self.link is None and self._failures > 0

    def start(self) -> None:
        """Begin, in the running loop. Started again: ignored."""
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name=f"redis-keeper-{self._name}")

    async def close(self) -> None:
        """End the link and stop trying. Idempotent."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def drop(self) -> None:
        """Give up the present link and make another: it leads to a server that is not the right one any more."""
        if self._serving is not None:
            self._serving.cancel()

    async def wait_up(self, within_s: float) -> L | None:
        """The link once it is up; None when that takes too long."""
        try:
            async with asyncio.timeout(within_s):
                await self._up.wait()
        except TimeoutError:
            return None
        return self.link

    async def _run(self) -> NoReturn:
        while True:
            connection = await self._try_dial()
            if connection is not None:
                await self._serve(connection)
            await asyncio.sleep(self._pause_s())
            self._failures += 1

    async def _try_dial(self) -> Connection | None:
        self.dials += 1
        try:
            return await self._dial()
        except DIAL_ERRORS as error:
            self._report(str(error) or type(error).__name__)
        except Exception:  # whatever it was, the next attempt must come
            _log.exception("connecting to redis failed", server=self._name)
        self._failures = max(self._failures, 1)
        self._on_down()
        return None

    async def _serve(self, connection: Connection) -> None:
        link = self._make(connection)
        began_s = asyncio.get_running_loop().time()
        self._serving = asyncio.create_task(link.run(), name=f"redis-link-{self._name}")
        self.link = link
        self._up.set()
        try:
            self._on_up(link)
            await asyncio.wait({self._serving})
        except Exception:  # whatever it was, the next link must come
            _log.exception("redis link can't begin", server=self._name)
        finally:
            self.link = None
            self._up.clear()
            self._serving.cancel()
            await asyncio.gather(self._serving, return_exceptions=True)
            self._settle(asyncio.get_running_loop().time() - began_s)
            self._on_down()

    def _settle(self, lived_s: float) -> None:
        """A link that held for a while makes the next attempts quick again; one that fell at once does not."""
        if lived_s > self._timing.retry_max_s:
            self._failures = 0
        serving, self._serving = self._serving, None
        error = serving.exception() if serving is not None and not serving.cancelled() else None
        if error is not None and not isinstance(error, LinkLost):
            _log.error("redis link failed", server=self._name, exc_info=error)
        elif error is not None:
            self._report(str(error))
        self._failures = max(self._failures, 1)

    def _report(self, reason: str) -> None:
        if self._failures % LOG_EVERY == 0:
            _log.warning("redis is away", server=self._name, reason=reason, failures=self._failures)

    def _pause_s(self) -> float:
        # "Equal jitter": workers that lost the same server must not all come back in the same instant.
        longest_s = min(self._timing.retry_first_s * 2.0 ** min(self._failures, 16), self._timing.retry_max_s)
        return longest_s * (0.5 + self._rng.random() / 2)
