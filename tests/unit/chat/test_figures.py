"""The cluster's figures, told among workers and shown to those who look."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from server.backplane.memory import MemoryHub
from server.chat.access import METRICS_CHANNEL
from server.chat.figures import SILENT_MS, WANTED_MS, Figures
from server.chat.signals import FiguresWanted, Signal, WorkerFigures
from server.clock import ManualClock
from server.store.ports import RewardEvent
from server.telemetry import Totals, Usage
from tests.unit.chat.house import Worker, caller, events


@dataclass
class Told:
    """A worker whose counts the test sets."""

    name: str
    hub: MemoryHub
    clock: ManualClock
    totals: Totals = field(default_factory=Totals)
    reads: int = 0

    def __post_init__(self) -> None:
        self.worker = Worker(self.hub)
        self.figures = Figures(
            worker=self.name,
            fanout=self.worker.fanout,
            signals=self.worker.signals,
            totals=self._read,
            usage=lambda: Usage(1.0, 1_000),
            clock=self.clock,
        )

    def _read(self) -> Totals:
        self.reads += 1
        return self.totals


@dataclass
class Cluster:
    """Some workers, and seconds that pass for all of them."""

    clock: ManualClock
    workers: list[Told]

    async def second(self, *silent: Told) -> None:
        for worker in self.workers:
            if worker not in silent:
                await worker.figures.tick()
        self.clock.advance(1_000)


async def overheard(cluster: Cluster) -> list[Signal]:
    """What workers tell each other from now on."""
    told: list[Signal] = []
    listener = Worker(cluster.workers[0].hub)
    await listener.fanout.start()
    listener.signals.on(FiguresWanted, told.append)
    listener.signals.on(WorkerFigures, told.append)
    return told


@pytest.fixture
async def both() -> Cluster:
    clock, hub = ManualClock(), MemoryHub()
    workers = [Told(name, hub, clock) for name in ("a", "b")]
    for worker in workers:
        await worker.worker.fanout.start()
    return Cluster(clock, workers)


async def test_nobody_looks_so_nobody_tells(both: Cluster) -> None:
    told = await overheard(both)
    for _ in range(5):
        await both.second()
    assert told == []
    assert both.workers[0].reads == 5
    assert await both.workers[0].figures.snapshot(caller("admin")) == {}


async def test_who_looks_sees_the_figures_of_all(both: Cluster) -> None:
    one, other = both.workers
    one.totals, other.totals = replace(one.totals, connections=2), replace(other.totals, connections=3)
    admin = await one.worker.subscribe(METRICS_CHANNEL)
    await both.second()
    await both.second()
    [first, second] = events(admin)
    assert first[0] == second[0] == "metrics"
    assert (second[1]["workers"], second[1]["connections"], second[1]["rss_bytes"]) == (2, 5, 2_000)
    assert second[1]["at_ms"] == first[1]["at_ms"] + 1_000


async def test_the_snapshot_is_what_was_shown_last(both: Cluster) -> None:
    one, _ = both.workers
    admin = await one.worker.subscribe(METRICS_CHANNEL)
    await both.second()
    [(_, shown)] = events(admin)
    assert await one.figures.snapshot(caller("admin")) == shown
    await one.worker.fanout.leave(admin, METRICS_CHANNEL)
    await both.second()
    assert await one.figures.snapshot(caller("admin")) == {}


async def test_the_first_event_has_everybody_when_the_snapshot_was_asked_for(both: Cluster) -> None:
    one, other = both.workers
    await one.figures.snapshot(caller("admin"))
    admin = await one.worker.subscribe(METRICS_CHANNEL)
    await other.figures.tick()
    await one.figures.tick()
    [(_, shown)] = events(admin)
    assert shown["workers"] == 2


async def test_a_silent_worker_drops_out_and_comes_back(both: Cluster) -> None:
    one, other = both.workers
    admin = await one.worker.subscribe(METRICS_CHANNEL)
    for _ in range(3):
        await both.second()
    for _ in range(SILENT_MS // 1_000):
        await both.second(other)
    await both.second(other)
    assert [data["workers"] for _, data in events(admin)] == [1, 2, 2, 2, 2, 1, 1]
    await both.second()
    await both.second()
    assert events(admin)[-1][1]["workers"] == 2


async def test_telling_ends_some_seconds_after_nobody_looks_any_more(both: Cluster) -> None:
    one, _ = both.workers
    admin = await one.worker.subscribe(METRICS_CHANNEL)
    await both.second()
    await one.worker.fanout.leave(admin, METRICS_CHANNEL)
    told = await overheard(both)
    for _ in range(2 * WANTED_MS // 1_000):
        await both.second()
    assert {word.worker for word in told if isinstance(word, WorkerFigures)} == {"a", "b"}
    told.clear()
    await both.second()
    assert told == []


async def test_every_worker_that_is_looked_at_shows_the_same(both: Cluster) -> None:
    admins = [await worker.worker.subscribe(METRICS_CHANNEL) for worker in both.workers]
    for _ in range(3):
        await both.second()
    one, other = (events(admin)[-1][1] for admin in admins)
    assert (one["workers"], other["workers"]) == (2, 2)


async def test_rewards_are_shown_by_persona(both: Cluster) -> None:
    one, _ = both.workers
    admin = await one.worker.subscribe(METRICS_CHANNEL)
    await both.second()
    one.figures.rewarded(RewardEvent("linucb", 1, "d", "warm", (), 0.75, None, both.clock.now_ms(), 0, 0.5))
    one.totals = replace(one.totals, decisions={"warm": 2})
    await both.second()
    assert events(admin)[-1][1]["personas"] == {"warm": {"share": 1.0, "reward": 0.75}}


async def test_only_conversations_are_counted_as_such(both: Cluster) -> None:
    one, other = both.workers
    admin = await one.worker.subscribe(METRICS_CHANNEL)
    for worker in (one, other):
        await worker.worker.subscribe("conv:shared")
        await worker.worker.subscribe("user:ann")
    await other.worker.subscribe("conv:other")
    await both.second()
    await both.second()
    assert events(admin)[-1][1]["conversations"] == 2
