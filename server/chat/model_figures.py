"""What each version of the model does over all workers: stored in slices by each, added up by whoever asks.

A worker stores what it counted every quarter of a minute, so what is shown lags by that much behind the others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final, Protocol

import structlog

from inference.registry import slices as counted
from inference.registry.everywhere import Agreed, ClusterFigures, everywhere
from inference.registry.live import Live
from inference.registry.slices import Slice
from server.clock import Clock
from server.errors import ProtocolError
from server.store.inbox_ports import Agreement, InboxStore
from server.store.slice_ports import SliceStore, StoredSlice

STORE_S: Final = 15.0
"""A commit in a quarter of a minute is nothing beside those of turns."""

READ_EVERY: Final = 4
HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS
FOLD_AFTER_MS: Final = 120_000
"""Folding sooner would only write the hour's slice anew more often."""

RECENT_MS: Final = 7 * DAY_MS
"""Labels of so many days are held against those before."""

_log = structlog.get_logger(__name__)


class FigureStore(SliceStore, InboxStore, Protocol):
    """The part of the store that is asked."""


class ModelFigures:
    """``figures`` are as old as the last round of ``keep`` or ``fresh``."""

    def __init__(self, live: Live, store: FigureStore, clock: Clock) -> None:
        self._live = live
        self._store = store
        self._clock = clock
        self._stored_ms = clock.now_ms()
        self._figures: Mapping[str, ClusterFigures] = {}

    @property
    def figures(self) -> Mapping[str, ClusterFigures]:
        """By version."""
        return self._figures

    async def keep(self) -> None:
        """Run for ever."""
        rounds = 0
        while True:
            try:
                await self.store()
                if rounds % READ_EVERY == 0:
                    await self.fold()
                    await self.read()
            except ProtocolError as error:
                _log.warning("model figures not kept", reason=str(error))
            except Exception:  # whatever it was, the next round must come
                _log.exception("model figures not kept")
            rounds += 1
            await asyncio.sleep(STORE_S)

    async def fresh(self) -> Mapping[str, ClusterFigures]:
        """With all that this worker has counted until now."""
        await self.store()
        await self.read()
        return self._figures

    async def store(self) -> None:
        """What was counted since the last time; it stays counted where it can't be stored."""
        taken, from_ms, until_ms = self._live.drain(), self._stored_ms, self._clock.now_ms()
        self._stored_ms = until_ms
        if not taken:
            return
        rows = [
            StoredSlice(version, from_ms, until_ms, counted.to_json(counts).decode())
            for version, counts in taken.items()
        ]
        try:
            await self._store.add_slices(rows)
        except BaseException:
            self._live.give_back(taken)
            self._stored_ms = from_ms
            raise

    async def close(self) -> None:
        """Store what was counted since the last round."""
        try:
            await self.store()
        except ProtocolError as error:  # the last seconds' counts: nothing to hold up an end for
            _log.warning("model figures not kept", reason=str(error))

    async def fold(self) -> None:
        """Slices of the last hours into hours, hours of days before yesterday into days."""
        now_ms = self._clock.now_ms()
        await self._store.fold_slices(now_ms - FOLD_AFTER_MS, HOUR_MS, _merge)
        await self._store.fold_slices((now_ms - DAY_MS) // DAY_MS * DAY_MS, DAY_MS, _merge)

    async def read(self) -> None:
        """Add up what all have stored."""
        self._figures = await figures_of(self._store, self._clock.now_ms())


async def figures_of(store: FigureStore, now_ms: int) -> dict[str, ClusterFigures]:
    """By version, from the database alone."""
    rows = await store.slices()
    agreed = agreements(await store.relabel_agreement(), await store.relabel_agreement(now_ms - RECENT_MS))
    return await asyncio.to_thread(_added_up, rows, agreed, now_ms)


def agreements(all_: Sequence[Agreement], recent: Sequence[Agreement]) -> dict[str, Agreed]:
    """By version."""
    newest = {one.model: one for one in recent}
    return {
        one.model: Agreed(
            one.labelled,
            one.agreed,
            newest[one.model].labelled if one.model in newest else 0,
            newest[one.model].agreed if one.model in newest else 0,
        )
        for one in all_
    }


def _added_up(rows: Sequence[StoredSlice], agreed: Mapping[str, Agreed], now_ms: int) -> dict[str, ClusterFigures]:
    found = [Slice(row.version, row.from_ms, row.until_ms, counted.from_json(row.counts)) for row in rows]
    return everywhere(found, agreed, now_ms)


def _merge(contents: Sequence[str]) -> str:
    return counted.merge_json(contents).decode()
