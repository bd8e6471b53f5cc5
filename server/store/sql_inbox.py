"""The inbox of doubts: these methods of ``ports.Store``; ``inbox_ports`` says what they promise."""

from __future__ import annotations

from functools import partial
from typing import cast

from server.store import inbox
from server.store.inbox_ports import Agreement, DoubtState, InboxItem, Judgement
from server.store.prepare import check_texts
from server.store.roads import Roads

_ORDER = "3 doubts"


class InboxMethods(Roads):
    """Part of ``SqlStore``."""

    async def inbox(
        self, *, state: DoubtState | None = None, model: str | None = None, before: str | None = None, limit: int
    ) -> list[InboxItem]:
        check_texts(model=model, before=before)
        return await self._read(partial(inbox.items, state=state, model=model, before=before, limit=limit))

    async def judge(self, judgement: Judgement) -> InboxItem:
        check_texts(turn_id=judgement.turn_id, label=judgement.label, by=judgement.by)
        order = (_ORDER, judgement.turn_id)
        return cast(InboxItem, await self._work(order, partial(inbox.judge, judgement=judgement)))

    async def inbox_labels(self) -> list[str]:
        return await self._read(inbox.labels)

    async def count_open_doubts(self) -> int:
        return await self._read(inbox.count_open)

    async def lapse_doubts(self, before_ms: int, keep: int, limit: int) -> int:
        return await self._work((_ORDER,), partial(inbox.lapse, before_ms=before_ms, keep=keep, limit=limit))

    async def relabel_agreement(self, since_ms: int | None = None) -> list[Agreement]:
        return await self._read(partial(inbox.agreement, since_ms=since_ms))
