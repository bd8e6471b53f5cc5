"""Conversations, members and messages: these methods of ``ports.Store``, which says what they promise."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping, Sequence
from functools import partial
from typing import Any

from server.errors import NotFound
from server.store import claims, codec, conversations, history
from server.store.dialect import Database
from server.store.loader import Loader
from server.store.ports import (
    Append,
    Appended,
    Changed,
    Claim,
    ClaimRow,
    Handoff,
    Head,
    Opened,
    Opening,
    QueueItem,
    Release,
    Resolution,
)
from server.store.prepare import (
    check_texts,
    prepare_append,
    prepare_claim,
    prepare_handoff,
    prepare_members,
    prepare_opening,
    prepare_release,
    prepare_resolution,
)
from server.store.roads import LOOKUPS_MAX, Roads
from server.wire.frames import Message
from server.wire.parts import Conversation, User


class ConversationMethods(Roads):
    """Part of ``SqlStore``."""

    def __init__(self, database: Database, **options: Any) -> None:
        super().__init__(database, **options)
        # For the presence of whoever connects; after a restart everybody does at once.
        self._channels_of: Loader[tuple[str, int], list[str]] = Loader(self._fetch_channels_of, batch_max=LOOKUPS_MAX)

    async def _close_loaders(self) -> None:
        await super()._close_loaders()
        await self._channels_of.close()

    def open_conversation(self, opening: Opening) -> Coroutine[Any, Any, Opened]:
        return self._submit(lambda: prepare_opening(opening))

    async def conversation(self, channel: str, user_id: str) -> Conversation:
        conversation = codec.conversation_id(channel)
        return await self._read(partial(conversations.view, conversation=conversation, user_id=user_id))

    async def conversations(self, user_id: str, before_ms: int | None, limit: int) -> list[Conversation]:
        check_texts(user_id=user_id)
        return await self._read(partial(conversations.listed, user_id=user_id, before_ms=before_ms, limit=limit))

    async def channels_of(self, user_id: str, limit: int) -> list[str]:
        check_texts(user_id=user_id)
        return await self._channels_of.load((user_id, limit)) or []

    async def _fetch_channels_of(self, pairs: Sequence[tuple[str, int]]) -> Mapping[tuple[str, int], list[str]]:
        return await self._read(partial(conversations.channels_of, pairs=pairs))

    # ------------------------------------------------------------------ members

    async def is_member(self, channel: str, user_id: str) -> bool:
        if not codec.is_storable(channel) or not codec.is_storable(user_id):
            return False
        conversation = channel.removeprefix(codec.CHANNEL_PREFIX)
        return conversation != channel and bool(await self._members.load((conversation, user_id)))

    async def members(self, channel: str, limit: int) -> list[User]:
        if not codec.is_storable(channel):
            return []
        conversation = channel.removeprefix(codec.CHANNEL_PREFIX)
        return await self._read(partial(conversations.members, conversation=conversation, limit=limit))

    def change_members(
        self, channel: str, add: Sequence[str], remove: Sequence[str], at_ms: int
    ) -> Coroutine[Any, Any, tuple[list[str], list[str]]]:
        return self._submit(lambda: prepare_members(channel, add, remove, at_ms))

    # ------------------------------------------------------------------ where they stand

    async def head(self, channel: str) -> Head:
        head = await self._heads.load(codec.conversation_id(channel))
        if head is None:
            raise NotFound(f"There is no conversation {channel!r}.")
        return head

    async def heads(self, channels: Sequence[str]) -> dict[str, int]:
        ids = [
            channel.removeprefix(codec.CHANNEL_PREFIX)
            for channel in channels
            if channel.startswith(codec.CHANNEL_PREFIX) and codec.is_storable(channel)
        ]
        found = await self._fetch_heads(ids)
        return {codec.channel_of(conversation): head.offset for conversation, head in found.items()}

    # ------------------------------------------------------------------ messages

    def append(self, append: Append) -> Coroutine[Any, Any, Appended]:
        return self._submit(lambda: prepare_append(append, self._new_id))

    async def messages_after(self, channel: str, offset: int, limit: int) -> list[Message]:
        conversation = codec.conversation_id(channel)
        return await self._read(partial(history.after, conversation=conversation, offset=offset, limit=limit))

    async def messages_before(self, channel: str, offset: int | None, limit: int) -> list[Message]:
        conversation = codec.conversation_id(channel)
        return await self._read(partial(history.before, conversation=conversation, offset=offset, limit=limit))

    # ------------------------------------------------------------------ resolving and the hand-off

    def resolve(self, resolution: Resolution) -> Coroutine[Any, Any, Message | None]:
        return self._submit(lambda: prepare_resolution(resolution))

    def handoff(self, handoff: Handoff) -> Coroutine[Any, Any, Changed]:
        return self._submit(lambda: prepare_handoff(handoff, self._new_id))

    def claim(self, claim: Claim) -> Coroutine[Any, Any, Changed]:
        return self._submit(lambda: prepare_claim(claim))

    def release(self, release: Release) -> Coroutine[Any, Any, Changed]:
        return self._submit(lambda: prepare_release(release, self._new_id))

    async def queue(self, limit: int) -> list[QueueItem]:
        return await self._read(partial(claims.queue, limit=limit))

    async def claims(self) -> list[ClaimRow]:
        return await self._read(claims.held)
