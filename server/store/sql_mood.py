"""Moods over time: these methods of ``ports.Store``; ``mood_ports`` says what they promise."""

from __future__ import annotations

from functools import partial

from server.store import codec, mood
from server.store.mood_ports import HeardTurn, MeanContext
from server.store.prepare import check_texts
from server.store.roads import Roads


class MoodMethods(Roads):
    """Part of ``SqlStore``."""

    async def heard_of(self, user_id: str, limit: int) -> list[HeardTurn]:
        check_texts(user_id=user_id)
        return await self._read(partial(mood.heard_of, user_id=user_id, limit=limit))

    async def heard_in(self, channel: str, limit: int) -> list[HeardTurn]:
        conversation = codec.conversation_id(channel)
        return await self._read(partial(mood.heard_in, conversation=conversation, limit=limit))

    async def conversations_opened(self, user_id: str, most: int) -> int:
        check_texts(user_id=user_id)
        return await self._read(partial(mood.opened, user_id=user_id, most=most))

    async def mean_contexts(self, channel: str, limit: int) -> list[MeanContext]:
        conversation = codec.conversation_id(channel)
        return await self._read(partial(mood.mean_contexts, conversation=conversation, limit=limit))
