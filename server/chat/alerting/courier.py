"""Letters to webhooks and mailboxes: each target has its own bounded line, in order, with tries that lie further and
further apart. What can't be delivered is counted and logged, never kept for ever."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

import structlog

from server.chat.alerting.letters import Channel, Letter, Target

MAX_WAITING: Final = 100
"""Letters per target: an hour's worth of a bad day. A target that is away that long is told of the newest."""

MAX_TRIES: Final = 8
FIRST_PAUSE_S: Final = 1.0
MAX_PAUSE_S: Final = 120.0
CLOSE_S: Final = 2.0

_log = structlog.get_logger(__name__)


class DeliveryError(Exception):
    """A letter was not taken. ``lasting``: it will never be, so that trying again is no use."""

    def __init__(self, reason: str, *, lasting: bool = False, retry_after_s: float | None = None) -> None:
        super().__init__(reason)
        self.lasting = lasting
        self.retry_after_s = retry_after_s


class Carrier(Protocol):
    """Delivers one letter, once. Raises ``DeliveryError``."""

    async def carry(self, letter: Letter) -> None: ...

    async def close(self) -> None: ...


@dataclass(slots=True)
class _Line:
    letters: deque[Letter] = field(default_factory=deque)
    task: asyncio.Task[None] | None = None


def pause_s(tries: int, rng: random.Random) -> float:
    """Before the next try, after ``tries`` that failed: doubling, with full jitter in the upper half."""
    longest = min(MAX_PAUSE_S, FIRST_PAUSE_S * 2.0 ** (tries - 1))
    return longest * (0.5 + 0.5 * rng.random())


class Courier:
    """``count`` hears of the outcome of each letter: delivered, dead (never taken) or dropped (the line was full), and
    of each try that failed: retried. ``ended`` hears of letters that are done with, whichever way."""

    def __init__(
        self,
        carriers: Mapping[Channel, Carrier],
        *,
        rng: random.Random,
        count: Callable[[Channel, str], None],
        ended: Callable[[Letter], None] = lambda _: None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        max_waiting: int = MAX_WAITING,
    ) -> None:
        self._carriers = carriers
        self._rng = rng
        self._count = count
        self._ended = ended
        self._sleep = sleep
        self._max_waiting = max_waiting
        self._lines: dict[Target, _Line] = {}

    @property
    def waiting(self) -> int:
        """Letters that are not done with."""
        return sum(len(line.letters) for line in self._lines.values())

    def send(self, letter: Letter) -> None:
        """Into the target's line; of a full one the oldest that nobody is at goes."""
        line = self._lines.setdefault(letter.target, _Line())
        if len(line.letters) >= self._max_waiting:
            oldest = line.letters[1]  # the first is under way
            del line.letters[1]
            self._done(oldest, "dropped", "its line is full")
        line.letters.append(letter)
        if line.task is None:
            line.task = asyncio.create_task(self._serve(letter.target, line))

    async def close(self) -> None:
        """Let what is under way end for a moment, and give up the rest."""
        tasks = [line.task for line in self._lines.values() if line.task is not None]
        if tasks:
            await asyncio.wait(tasks, timeout=CLOSE_S)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for carrier in self._carriers.values():
            await carrier.close()

    async def _serve(self, target: Target, line: _Line) -> None:
        try:
            while line.letters:
                await self._deliver(line.letters[0])
                line.letters.popleft()
        finally:
            line.task = None
            if not line.letters:
                self._lines.pop(target, None)

    async def _deliver(self, letter: Letter) -> None:
        for tries in range(1, MAX_TRIES + 1):
            try:
                await self._carriers[letter.target.channel].carry(letter)
            except DeliveryError as error:
                if error.lasting or tries == MAX_TRIES:
                    return self._done(letter, "dead", str(error))
                self._count(letter.target.channel, "retried")
                pause = max(pause_s(tries, self._rng), min(error.retry_after_s or 0.0, MAX_PAUSE_S))
                await self._sleep(pause)
            except Exception as error:  # a carrier's own fault must not stop the line
                _log.exception("alert not delivered")
                return self._done(letter, "dead", repr(error))
            else:
                return self._done(letter, "delivered", "")
        return None

    def _done(self, letter: Letter, outcome: str, reason: str) -> None:
        target = letter.target
        self._count(target.channel, outcome)
        if outcome != "delivered":
            _log.warning("alert not delivered", channel=target.channel, outcome=outcome, reason=reason)
        self._ended(letter)
