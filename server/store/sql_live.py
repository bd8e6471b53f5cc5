"""What goes on: these methods of ``ports.Store``; ``live_ports`` says what they promise."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from server.store import live, outcomes
from server.store.live_ports import LiveConversation, Outcome
from server.store.roads import Roads


class LiveMethods(Roads):
    """Part of ``SqlStore``."""

    async def live_conversations(self, since_ms: int, limit: int) -> list[LiveConversation]:
        return await self._read(partial(live.conversations, since_ms=since_ms, limit=limit))

    async def outcomes(self, since_ms: int, span_ms: int) -> list[Outcome]:
        return await self._read(partial(outcomes.by_span, since_ms=since_ms, span_ms=span_ms))

    async def analyses_since(self, since_ms: int, limit: int) -> list[Mapping[str, Any]]:
        return await self._read(partial(live.analyses, since_ms=since_ms, limit=limit))
