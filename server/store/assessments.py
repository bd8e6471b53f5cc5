"""Ratings of whole conversations."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, select

from server.errors import NotFound
from server.store import codec, conversations, satisfaction, schema
from server.store.dialect import Database
from server.store.ports import Assessment

_KNOWN = select(schema.conversations.c.id).where(schema.conversations.c.id == bindparam("conversation"))


class Assessor:
    """Stores assessments."""

    def __init__(self, database: Database) -> None:
        columns = ["rating", "comment", "categories_json", "at_ms", "agent_id"]
        self._save = database.upsert(schema.assessments, ["conversation_id", "user_id"], columns)

    def __call__(self, connection: Connection, conversation: str, assessment: Assessment) -> NotFound | None:
        """Store or replace; an error where the user may not rate the conversation."""
        by = assessment.by
        pair = (conversation, by.id)
        if assessment.members_only:
            known = bool(conversations.memberships(connection, [pair]))
        else:
            known = connection.execute(_KNOWN, {"conversation": conversation}).first() is not None
        if not known:
            return NotFound(f"There is no conversation {assessment.channel!r}.")
        connection.execute(
            self._save,
            {
                "conversation_id": conversation,
                "user_id": by.id,
                "rating": assessment.rating,
                "comment": assessment.comment,
                "categories_json": codec.encode_json(list(assessment.categories), "categories"),
                "at_ms": assessment.at_ms,
                "agent_id": satisfaction.resolver(connection, conversation) if by.kind == "customer" else None,
            },
        )
        return None
