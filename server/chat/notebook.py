"""Notes of agents about a conversation: kept beside it, seen by agents and admins alone.

They are no messages: customers and services never get them, and neither prompts nor features of policies are made of
them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from server.backplane.ports import Envelope
from server.chat.access import require_agent, require_conversation
from server.chat.content import normal_text
from server.chat.peer import Caller
from server.clock import Clock
from server.fanout.hub import Fanout
from server.store.desk_ports import Note
from server.store.ports import Store
from server.wire.codec import JSON
from server.wire.frames import Event

MAX_NOTES = 100


class Notebook:
    """``fanout`` tells those agents who look on (the event ``note``)."""

    def __init__(self, *, store: Store, fanout: Fanout, clock: Clock, new_id: Callable[[], str]) -> None:
        self._store = store
        self._fanout = fanout
        self._clock = clock
        self._new_id = new_id

    async def add(self, caller: Caller, channel: str, text: str, key: str) -> tuple[Note, bool]:
        """The note, and whether the same key had made it before. ``NotFound``, ``Forbidden``, ``Invalid``,
        ``Conflict`` where the key made another."""
        await require_conversation(self._store, caller, channel)
        require_agent(caller, "notes")
        wanted = Note(self._new_id(), channel, caller.user, key, normal_text(text), self._clock.now_ms())
        note, again = await self._store.add_note(wanted)
        if not again:
            event = Event(channel=channel, name="note", data=note_shown(note))
            await self._fanout.publish(Envelope(channel, 0, JSON.encode(event), audience="agents"))
        return note, again

    async def page(self, caller: Caller, channel: str, before: str | None, limit: int) -> tuple[list[Note], bool]:
        """The newest before ``before``, the earliest of them first, and whether there are older ones. ``NotFound``,
        ``Forbidden``."""
        await require_conversation(self._store, caller, channel)
        require_agent(caller, "notes")
        found = await self._store.notes(channel, before, limit + 1)
        return found[-limit:], len(found) > limit


def note_shown(note: Note) -> dict[str, Any]:
    """As agents see it, in the event and over HTTP."""
    return {
        "note_id": note.note_id,
        "channel": note.channel,
        "author": msgspec.to_builtins(note.author),
        "text": note.text,
        "at_ms": note.at_ms,
    }
