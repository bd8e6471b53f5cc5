"""Slices of what versions of the model did: appended by all, folded by whoever comes first, and nothing lost."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence

from server.store.slice_ports import StoredSlice
from server.store.sql import SqlStore
from tests.contract.store.harness import Harness

HOUR = 100


def merge(counts: Sequence[str]) -> str:
    return json.dumps(sum(json.loads(one) for one in counts))


def slice_of(version: str, from_ms: int, count: int = 1) -> StoredSlice:
    return StoredSlice(version, from_ms, from_ms + 10, json.dumps(count))


async def test_they_come_back_in_order(store: SqlStore) -> None:
    assert await store.slices() == []
    await store.add_slices([])
    await store.add_slices([slice_of("nlu-2", 20, 7), slice_of("nlu-1", 10)])
    await store.add_slices([slice_of("nlu — ü", 0)])
    assert await store.slices() == [slice_of("nlu — ü", 0), slice_of("nlu-1", 10), slice_of("nlu-2", 20, 7)]


async def test_they_are_folded_by_version_and_stretch_again_and_again(store: SqlStore) -> None:
    await store.add_slices([slice_of(version, start) for version in ("a", "b") for start in (10, 50, 110, 190)])
    assert await store.fold_slices(190, HOUR, merge) == 6  # 190 has not begun before
    assert await store.slices() == [
        StoredSlice("a", 10, 60, "2"), StoredSlice("b", 10, 60, "2"),
        StoredSlice("a", 110, 120, "1"), StoredSlice("b", 110, 120, "1"),
        slice_of("a", 190), slice_of("b", 190),
    ]  # fmt: skip
    assert await store.fold_slices(190, HOUR, merge) == 0
    assert await store.fold_slices(1_000, HOUR, merge) == 2  # into what is there already
    assert (await store.slices())[2:] == [StoredSlice("a", 110, 200, "2"), StoredSlice("b", 110, 200, "2")]
    assert await store.fold_slices(1_000, 10 * HOUR, merge) == 4
    assert await store.slices() == [StoredSlice("a", 10, 200, "4"), StoredSlice("b", 10, 200, "4")]


async def test_workers_that_fold_and_add_at_once_lose_nothing(harness: Harness) -> None:
    stores = [harness.store(), harness.store()]
    for store in stores:
        await store.start()
    for place in range(8):
        await asyncio.gather(
            *(store.add_slices([slice_of("a", 10 * place)]) for store in stores),
            *(store.fold_slices(1_000, HOUR, merge) for store in stores),
        )
    await stores[0].fold_slices(1_000, HOUR, merge)
    assert sum(json.loads(one.counts) for one in await stores[1].slices()) == 16
