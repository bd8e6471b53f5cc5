"""Language models' use: these methods of ``ports.Store``; ``usage_ports`` says what they promise."""

from __future__ import annotations

from collections.abc import Coroutine
from functools import partial
from typing import Any

from server.store import codec, usage
from server.store.operations import AbandonOp
from server.store.ports import OpenTurn
from server.store.prepare import check_texts
from server.store.roads import Roads
from server.store.usage_ports import ContextWish, LanguageContext, ModelUsage, UsageSum


class UsageMethods(Roads):
    """Part of ``SqlStore``."""

    def abandon(self, turn: OpenTurn, used: ModelUsage | None = None) -> Coroutine[Any, Any, bool]:
        return self._submit(lambda: AbandonOp(turn, codec.conversation_id(turn.message.channel), used))

    async def language_context(self, wish: ContextWish) -> LanguageContext:
        check_texts(user_id=wish.user_id)
        conversation = codec.conversation_id(wish.channel)
        return await self._read(partial(usage.context, conversation=conversation, wish=wish))

    async def model_usage(self, since_ms: int, until_ms: int) -> list[UsageSum]:
        return await self._read(partial(usage.sums, since_ms=since_ms, until_ms=until_ms))
