"""Edited documents: a log by kind, whose last entry holds."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, func, insert, select

from server.errors import Conflict
from server.store import codec, schema
from server.store.edit_ports import Edit

_edits = schema.edits

_LAST = select(func.coalesce(func.max(_edits.c.revision), 0)).where(_edits.c.kind == bindparam("of"))
_NEWEST = (
    select(_edits).where(_edits.c.kind == bindparam("of")).order_by(_edits.c.revision.desc()).limit(bindparam("most"))
)
_REVISIONS = select(_edits.c.kind, func.max(_edits.c.revision).label("revision")).group_by(_edits.c.kind)


def add(connection: Connection, edit: Edit) -> Conflict | None:
    """Keep it, or an error where somebody was faster."""
    if connection.execute(_LAST, {"of": edit.kind}).scalar_one() != edit.revision - 1:
        return Conflict("It was changed meanwhile; look at it again.")
    connection.execute(
        insert(_edits).values(
            kind=edit.kind,
            revision=edit.revision,
            document_json=codec.encode_mapping(edit.document, "document"),
            by_id=edit.by,
            at_ms=edit.at_ms,
        )
    )
    return None


def newest(connection: Connection, kind: str, limit: int) -> list[Edit]:
    """The newest first."""
    return [
        Edit(
            row.kind,
            row.revision,
            None if row.document_json is None else codec.decode_mapping(row.document_json),
            row.by_id,
            row.at_ms,
        )
        for row in connection.execute(_NEWEST, {"of": kind, "most": limit}).all()
    ]


def revisions(connection: Connection) -> dict[str, int]:
    """By kind."""
    return {row.kind: row.revision for row in connection.execute(_REVISIONS).all()}
