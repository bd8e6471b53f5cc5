"""The agents' desk and the search: ``desk_ports`` and ``search_ports`` say what these methods of ``ports.Store``
promise."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, cast

from server.store import codec, customers, message_search, notes, satisfaction
from server.store.desk_ports import Customer, Note, Satisfaction
from server.store.dialect import Database
from server.store.prepare import check_texts
from server.store.roads import Roads
from server.store.search_ports import Found, Search
from server.wire.parts import User


class DeskMethods(Roads):
    """Part of ``SqlStore``."""

    def __init__(self, database: Database, **options: Any) -> None:
        super().__init__(database, **options)
        self._notebook = notes.Notebook(database)
        self._indexer = message_search.Indexer(database)

    async def add_note(self, note: Note) -> tuple[Note, bool]:
        check_texts(text=note.text, key=note.key, author_id=note.author.id, author_name=note.author.name)
        conversation = codec.conversation_id(note.channel)
        order = ("3 notes", conversation, note.author.id)
        return cast(
            tuple[Note, bool], await self._work(order, partial(self._notebook, conversation=conversation, note=note))
        )

    async def notes(self, channel: str, before: str | None, limit: int) -> list[Note]:
        check_texts(before=before)
        conversation = codec.conversation_id(channel)
        return await self._read(partial(notes.newest, conversation=conversation, before=before, limit=limit))

    async def customer(self, user_id: str, past: int) -> Customer | None:
        if not codec.is_storable(user_id):
            return None
        return await self._read(partial(customers.customer, user=user_id, past=past))

    async def opener(self, channel: str) -> User | None:
        return await self._read(partial(customers.opener, conversation=codec.conversation_id(channel)))

    async def satisfaction(self, from_ms: int, to_ms: int) -> list[Satisfaction]:
        return await self._read(partial(satisfaction.sums, from_ms=from_ms, to_ms=to_ms))

    async def search(self, search: Search) -> list[Found]:
        check_texts(customer=search.customer, agent=search.agent, before=search.before and search.before[1])
        return await self._read(partial(message_search.search, search=search))

    async def index_words(self, channels: Sequence[str], limit: int) -> int:
        conversations = [codec.conversation_id(channel) for channel in channels]
        order = ("3 search", *conversations)
        return await self._work(order, partial(self._indexer, conversations=conversations, limit=limit))

    async def unindexed(self, after: str | None, limit: int) -> list[str]:
        behind = "" if after is None else codec.conversation_id(after)
        return await self._read(partial(message_search.unindexed, after=behind, limit=limit))
