"""``admin:metrics``: the cluster's figures every second, while somebody looks (PROTOCOL §7).

A worker with a subscriber, or the one that looks after the alerts, says so each second; whoever has heard that in the
last ``WANTED_MS`` tells its own figures each second; who asked adds up what it hears. There is no leader, and nobody
looking costs nothing but a sample a second.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import structlog

from server.backplane.ports import Envelope
from server.chat.access import METRICS_CHANNEL, is_conversation
from server.chat.peer import Caller
from server.chat.rollup import RecentRewards, Sample, Windows, cluster
from server.chat.signals import FiguresWanted, Signals, WorkerFigures, WorkerHealth
from server.clock import Clock
from server.fanout.hub import Fanout
from server.store.ports import RewardEvent
from server.telemetry import Totals, Usage
from server.wire.codec import JSON
from server.wire.frames import Event

EVERY_MS = 1_000
# Word may be lost: figures are told until five requests have not come.
WANTED_MS = 5_000
SILENT_MS = 3_000

_log = structlog.get_logger(__name__)


class Figures:
    """One worker's share in telling and adding up. ``totals`` and ``usage`` read the counts of this process."""

    def __init__(
        self,
        *,
        worker: str,
        fanout: Fanout,
        signals: Signals,
        totals: Callable[[], Totals],
        usage: Callable[[], Usage],
        clock: Clock,
    ) -> None:
        self._worker = worker
        self._fanout = fanout
        self._signals = signals
        self._totals = totals
        self._usage = usage
        self._clock = clock
        self._windows = Windows()
        self._rewards = RecentRewards()
        self._wanted_ms = float("-inf")
        self._heard: dict[str, tuple[float, WorkerFigures]] = {}
        self._shown: dict[str, Any] = {}
        self._watched = False
        self._health: Callable[[], WorkerHealth] = WorkerHealth
        signals.on(FiguresWanted, self._want)
        signals.on(WorkerFigures, self._hear)

    async def snapshot(self, _: Caller) -> dict[str, Any]:
        """What was shown last; empty where nobody was looking. The other workers hear now that somebody does."""
        await self._signals.send(FiguresWanted())
        return self._shown

    @property
    def reports(self) -> list[WorkerFigures]:
        """What workers told in the last ``SILENT_MS``, while somebody looks or watches."""
        return [word for _, word in self._heard.values()]

    def watch(self, on: bool) -> None:
        """Whether this worker wants to hear the others' figures though nobody looks at them."""
        self._watched = on

    def tell_of(self, health: Callable[[], WorkerHealth]) -> None:
        """What this worker's figures say of itself from now on."""
        self._health = health

    def rewarded(self, event: RewardEvent) -> None:
        """The policy has learned a reward."""
        self._rewards.add(event.decision_id, event.arm, event.reward, event.previous, event.at_ms)

    async def keep(self) -> None:
        """Sample, tell and show every second, for ever."""
        due_ms = self._clock.mono_ms()
        while True:
            try:
                await self.tick()
            except Exception:  # whatever it was, the next second must come
                _log.exception("figures not told")
            due_ms = max(due_ms + EVERY_MS, self._clock.mono_ms())
            await asyncio.sleep((due_ms - self._clock.mono_ms()) / 1000)

    async def tick(self) -> None:
        """One second's work."""
        now = Sample(self._clock.mono_ms(), self._totals(), self._usage())
        self._windows.add(now)
        looked_at = bool(self._fanout.subscribers(METRICS_CHANNEL))
        if looked_at or self._watched:
            await self._signals.send(FiguresWanted())
        if now.at_ms - self._wanted_ms <= WANTED_MS:
            told = self._windows.figures(self._worker, now, self._conversations())
            await self._signals.send(msgspec.structs.replace(told, health=self._health()))
        self._heard = {worker: heard for worker, heard in self._heard.items() if now.at_ms - heard[0] < SILENT_MS}
        if looked_at:
            self._show()
        else:
            self._shown = {}

    def _conversations(self) -> list[str]:
        return [channel for channel in self._fanout.channels() if is_conversation(channel)]

    def _want(self, _: FiguresWanted) -> None:
        self._wanted_ms = self._clock.mono_ms()

    def _hear(self, word: WorkerFigures) -> None:
        self._heard[word.worker] = (self._clock.mono_ms(), word)

    def _show(self) -> None:
        reports = self.reports
        wall_ms = self._clock.now_ms()
        self._shown = cluster(reports, self._rewards.means(wall_ms), wall_ms)
        event = Event(channel=METRICS_CHANNEL, name="metrics", data=self._shown)
        self._fanout.show(Envelope(METRICS_CHANNEL, 0, JSON.encode(event)))
