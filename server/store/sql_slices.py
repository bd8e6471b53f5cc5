"""What versions of the model did: these methods of ``ports.Store``; ``slice_ports`` says what they promise."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from server.store import slices as rows
from server.store.prepare import check_texts
from server.store.roads import Roads
from server.store.slice_ports import Merge, StoredSlice

_ORDER = "5 slices"


class SliceMethods(Roads):
    """Part of ``SqlStore``."""

    async def add_slices(self, slices: Sequence[StoredSlice]) -> None:
        for one in slices:
            check_texts(version=one.version, counts=one.counts)
        await self._work((_ORDER,), partial(rows.add, slices=slices, new_id=self._new_id))

    async def slices(self) -> list[StoredSlice]:
        return await self._read(rows.read)

    async def fold_slices(self, before_ms: int, width_ms: int, merge: Merge) -> int:
        work = partial(rows.fold, before_ms=before_ms, width_ms=width_ms, merge=merge, new_id=self._new_id)
        return await self._work((_ORDER,), work)
