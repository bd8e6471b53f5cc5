"""Edited documents: these methods of ``ports.Store``; ``edit_ports`` says what they promise."""

from __future__ import annotations

from functools import partial

from server.store import edits
from server.store.edit_ports import Edit
from server.store.prepare import check_texts
from server.store.roads import Roads


class EditMethods(Roads):
    """Part of ``SqlStore``."""

    async def add_edit(self, edit: Edit) -> None:
        check_texts(kind=edit.kind, by=edit.by)
        await self._work(("7 edits", edit.kind), partial(edits.add, edit=edit))

    async def edits(self, kind: str, limit: int) -> list[Edit]:
        check_texts(kind=kind)
        return await self._read(partial(edits.newest, kind=kind, limit=limit))

    async def edit_revisions(self) -> dict[str, int]:
        return await self._read(edits.revisions)
