"""Notes of agents about conversations."""

from __future__ import annotations

from typing import Any, cast

from sqlalchemy import Connection, Row, bindparam, select

from server.errors import Conflict, NotFound
from server.store import codec, schema
from server.store.desk_ports import Note
from server.store.dialect import Database
from server.wire.parts import Kind, User

_notes = schema.notes

_KNOWN = select(schema.conversations.c.id).where(schema.conversations.c.id == bindparam("conversation"))
_BY_KEY = select(*_notes.c).where(
    _notes.c.conversation_id == bindparam("conversation"),
    _notes.c.author_id == bindparam("author"),
    _notes.c.key == bindparam("key"),
)
_NEWEST = (
    select(*_notes.c)
    .where(_notes.c.conversation_id == bindparam("conversation"))
    .order_by(_notes.c.note_id.desc())
    .limit(bindparam("most"))
)
_OLDER = _NEWEST.where(_notes.c.note_id < bindparam("before"))


class Notebook:
    """Stores notes."""

    def __init__(self, database: Database) -> None:
        self._add = database.upsert(_notes, ["conversation_id", "author_id", "key"], []).returning(_notes.c.note_id)

    def __call__(
        self, connection: Connection, conversation: str, note: Note
    ) -> tuple[Note, bool] | NotFound | Conflict:
        """The note as it stands, and whether the key had made it before."""
        if connection.execute(_KNOWN, {"conversation": conversation}).first() is None:
            return NotFound(f"There is no conversation {note.channel!r}.")
        if connection.execute(self._add, _row(conversation, note)).first() is not None:
            return note, False
        values = {"conversation": conversation, "author": note.author.id, "key": note.key}
        first = _note_of(connection.execute(_BY_KEY, values).one())
        if first.text != note.text:
            return Conflict(f"The key {note.key!r} was used for another note.")
        return first, True


def newest(connection: Connection, conversation: str, before: str | None, limit: int) -> list[Note]:
    """The earliest first."""
    values = {"conversation": conversation, "most": limit}
    found = connection.execute(
        _NEWEST if before is None else _OLDER, values | ({} if before is None else {"before": before})
    )
    return [_note_of(row) for row in reversed(found.all())]


def _row(conversation: str, note: Note) -> dict[str, object]:
    author = note.author
    return {
        "note_id": note.note_id,
        "conversation_id": conversation,
        "author_id": author.id,
        "author_kind": author.kind,
        "author_name": author.name,
        "key": note.key,
        "text": note.text,
        "at_ms": note.at_ms,
    }


def _note_of(row: Row[*tuple[Any, ...]]) -> Note:
    return Note(
        note_id=row.note_id,
        channel=codec.channel_of(row.conversation_id),
        author=User(row.author_id, cast(Kind, row.author_kind), row.author_name),
        key=row.key,
        text=row.text,
        at_ms=row.at_ms,
    )
