"""What all workers count of the model's versions, through one store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import cast

import pytest

from inference.registry.live import Live
from server.chat.model_figures import DAY_MS, HOUR_MS, RECENT_MS, FigureStore, ModelFigures, figures_of
from server.clock import ManualClock
from server.errors import Unavailable
from server.store.inbox_ports import Agreement
from server.store.slice_ports import Merge, StoredSlice
from tests.unit.inference.support import analysis


@dataclass
class Ledger:
    rows: list[StoredSlice] = field(default_factory=list)
    folded: list[tuple[int, int]] = field(default_factory=list)
    away: bool = False
    recent: list[int | None] = field(default_factory=list)

    async def add_slices(self, slices: Sequence[StoredSlice]) -> None:
        if self.away:
            raise Unavailable("The database can't be written now.")
        self.rows += slices

    async def slices(self) -> list[StoredSlice]:
        return list(self.rows)

    async def fold_slices(self, before_ms: int, width_ms: int, merge: Merge) -> int:
        self.folded.append((before_ms, width_ms))
        if self.rows:
            assert merge([row.counts for row in self.rows])
        return 0

    async def relabel_agreement(self, since_ms: int | None = None) -> list[Agreement]:
        self.recent.append(since_ms)
        return [Agreement("nlu-1", 80, 60)] if since_ms is None else [Agreement("nlu-1", 40, 20)]


class Worker:
    def __init__(self, ledger: Ledger, clock: ManualClock) -> None:
        self.live = Live()
        self.figures = ModelFigures(self.live, cast(FigureStore, ledger), clock)

    def reads(self, model: str, times: int) -> None:
        for _ in range(times):
            self.live.observe(replace(analysis(), model=model))


async def test_what_all_have_stored_is_added_up() -> None:
    ledger, clock = Ledger(), ManualClock()
    one, two = Worker(ledger, clock), Worker(ledger, clock)
    one.reads("nlu-1", 6)
    two.reads("nlu-1", 1)
    two.reads("nlu-2", 3)
    clock.advance(1_000)
    await two.figures.store()
    found = await one.figures.fresh()
    assert {name: (figures.answered, figures.share) for name, figures in found.items()} == {
        "nlu-1": (7, 0.7), "nlu-2": (3, 0.3),
    }  # fmt: skip
    assert one.figures.figures is found
    assert (found["nlu-1"].agreement, found["nlu-1"].agreement_fell) == (0.75, True)
    assert ledger.recent == [None, clock.now_ms() - RECENT_MS]
    assert {(row.from_ms, row.until_ms) for row in ledger.rows} == {(clock.now_ms() - 1_000, clock.now_ms())}
    assert await figures_of(cast(FigureStore, ledger), clock.now_ms() + 2 * DAY_MS) != found
    await one.figures.store()
    assert len(ledger.rows) == 3  # nobody writes: nothing was read


async def test_what_can_not_be_stored_now_is_stored_later() -> None:
    ledger, clock = Ledger(away=True), ManualClock()
    worker, began_ms = Worker(ledger, clock), clock.now_ms()
    worker.reads("nlu-1", 2)
    with pytest.raises(Unavailable):
        await worker.figures.store()
    worker.reads("nlu-1", 1)
    await worker.figures.close()  # an end is not held up
    ledger.away = False
    clock.advance(50)
    assert (await worker.figures.fresh())["nlu-1"].answered == 3
    assert [(row.from_ms, row.until_ms) for row in ledger.rows] == [(began_ms, began_ms + 50)]


async def test_hours_and_then_days_are_folded() -> None:
    ledger, clock = Ledger(), ManualClock()
    worker = Worker(ledger, clock)
    worker.reads("nlu-1", 1)
    await worker.figures.store()
    await worker.figures.fold()
    (minutes, hour), (days, day) = ledger.folded
    assert (minutes, hour, day) == (clock.now_ms() - 120_000, HOUR_MS, DAY_MS)
    assert days % DAY_MS == 0  # only days that are over
    assert days <= clock.now_ms() - DAY_MS
