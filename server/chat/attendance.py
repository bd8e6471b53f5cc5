"""Keeps the registry of all workers true: this worker's devices, its heartbeat, and what dead workers have left.

One task does it in rounds, so that connecting waits for nobody, and a thousand connections a second cost a few
pipelines. While the registry is away the roll gathers what is due; nothing else notices.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable
from dataclasses import dataclass
from typing import TypeVar

import structlog

from server.backplane.ports import Registry
from server.chat.announcer import Announcer, Arrived, Departed
from server.chat.roll import Roll, Work
from server.chat.standing import USERS_PER_LOOK, Standings
from server.clock import Clock
from server.errors import Unavailable

BEAT_MS = 3_000.0
BURY_MS = 2_000.0
DEAD_AFTER_MS = 10_000.0
"""Others may take a worker that was silent for so long for dead, and bury it."""
RETRY_MS = 1_000.0
ROUND_S = 0.05
DEVICES_PER_ROUND = 512
ROUNDS_PER_STEP = 40
"""So many until the heartbeat's turn comes again, however many connect."""
BURIED_PER_CALL = 200

T = TypeVar("T")

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Pulse:
    """When this worker's heart has beaten. Times are monotonic milliseconds."""

    last_ms: float | None = None
    steady_since_ms: float = 0.0

    def beat(self, now_ms: float) -> None:
        """A beat has reached the registry."""
        if self.last_ms is None or self.may_be_buried(now_ms):
            self.steady_since_ms = now_ms
        self.last_ms = now_ms

    def is_due(self, now_ms: float) -> bool:
        return self.last_ms is None or now_ms - self.last_ms >= BEAT_MS

    def may_be_buried(self, now_ms: float) -> bool:
        """Whether others may have taken this worker for dead since its last beat."""
        return self.last_ms is not None and now_ms - self.last_ms >= DEAD_AFTER_MS

    def may_bury(self, now_ms: float) -> bool:
        """Whether this worker could have heard others: after an interruption that met everybody they look dead too."""
        return (
            self.last_ms is not None
            and not self.may_be_buried(now_ms)
            and now_ms - self.steady_since_ms >= DEAD_AFTER_MS
        )


class Attendance:
    """``wake`` when the roll has changed; ``run`` does the rest."""

    def __init__(
        self, *, roll: Roll, registry: Registry, standings: Standings, announcer: Announcer, clock: Clock
    ) -> None:
        self._roll = roll
        self._registry = registry
        self._standings = standings
        self._announcer = announcer
        self._clock = clock
        self._wake = asyncio.Event()
        self._pulse = Pulse()
        self._bury_ms = 0.0
        self._away = False

    @property
    def is_away(self) -> bool:
        """Whether the registry could not be reached the last time."""
        return self._away

    def wake(self) -> None:
        """The roll has changed."""
        self._wake.set()

    async def run(self) -> None:
        """For ever."""
        while True:
            try:
                await self.step()
            except Exception:  # whatever it was, the next beat must come
                _log.exception("attendance failed")
                self._away = True
            await self._pause()

    async def _pause(self) -> None:
        if self._away:
            await asyncio.sleep(RETRY_MS / 1000)
            return
        now_ms = self._clock.mono_ms()
        wait_ms = self._next_ms() - now_ms
        if wait_ms > 0 and not self._roll.has_work(now_ms):
            try:
                async with asyncio.timeout(wait_ms / 1000):
                    await self._wake.wait()
            except TimeoutError:
                pass
        await asyncio.sleep(ROUND_S)

    def _next_ms(self) -> float:
        beat_ms = 0.0 if self._pulse.last_ms is None else self._pulse.last_ms + BEAT_MS
        return min(beat_ms, self._bury_ms, beat_ms if self._roll.due_ms is None else self._roll.due_ms)

    async def step(self) -> None:
        """Whatever is due now. A registry that is away is no error: it is due again later."""
        self._wake.clear()
        try:
            if self._pulse.may_be_buried(self._clock.mono_ms()):
                await self._rise()
            for _ in range(ROUNDS_PER_STEP):
                if not self._roll.has_work(self._clock.mono_ms()):
                    break
                await self._round()
            if self._pulse.is_due(self._clock.mono_ms()):
                await self._registry.beat(self._roll.devices(self._clock.now_ms()))
                self._pulse.beat(self._clock.mono_ms())
            if self._bury_ms <= self._clock.mono_ms():
                await self._bury()
        except Unavailable as error:
            if not self._away:
                _log.warning("registry away, presence stands still", reason=str(error))
            self._away = True
        else:
            self._away = False

    async def _round(self) -> None:
        work = self._roll.take(DEVICES_PER_ROUND, self._clock.mono_ms())
        try:
            try:
                await self._arrive(work)
            finally:  # a registry that is away has to hear of them too: it makes up for them later
                await _all(self._registry.remove(*key) for key in work.removes)
        except Unavailable:
            self._roll.arrive_again(work.arrivals)
            raise
        finally:
            for gone in work.gone:  # after the removals: of two workers that lose somebody at once one must see it
                self._announcer.put(Departed(gone.user_id, gone.at_ms))

    async def _arrive(self, work: Work) -> None:
        """Register; who was on no worker before has arrived. ``work.arrivals`` keeps those of whom it is unknown."""
        others = await _all(self._registry.add(device) for device in work.adds)
        alone = {device.user_id for device, count in zip(work.adds, others, strict=True) if count == 0}
        # Of the others some have only what the registry has kept of this worker's own: removals that did not reach it.
        unsure = sorted(work.arrivals - alone)
        elsewhere = await self._standings.elsewhere(unsure) if unsure else set()
        for user_id in sorted(work.arrivals - elsewhere):
            self._announcer.put(Arrived(user_id))
        work.arrivals.clear()

    async def _rise(self) -> None:
        """This worker may have been buried: who was, has arrived again; the others are still in the registry."""
        users = self._roll.connected()
        for start in range(0, len(users), USERS_PER_LOOK):
            few = users[start : start + USERS_PER_LOOK]
            found = await self._registry.devices(few)
            lost = [
                user_id
                for user_id in few
                if all(device.worker != self._roll.worker for device in found.get(user_id, ()))
            ]
            self._roll.arrive_again(lost, were_told=True)

    async def _bury(self) -> None:
        now_ms = self._clock.mono_ms()
        if not self._pulse.may_bury(now_ms):
            self._bury_ms = now_ms + BURY_MS
            return
        buried = await self._registry.bury(BURIED_PER_CALL)
        for user_id in buried:
            self._announcer.put(Departed(user_id, self._clock.now_ms()))
        if len(buried) < BURIED_PER_CALL:
            self._bury_ms = now_ms + BURY_MS


async def _all(calls: Iterable[Awaitable[T]]) -> list[T]:
    """Every result; an error once all have ended, so that none is still under way."""
    results = await asyncio.gather(*calls, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return [result for result in results if not isinstance(result, BaseException)]
