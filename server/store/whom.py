"""Whom a decision was for, from the message that its answer replies to; nothing of that is stored twice."""

from __future__ import annotations

from sqlalchemy import FromClause

from server.store import schema

_reply, _asked, _conversations = schema.messages.alias("reply"), schema.messages.alias("asked"), schema.conversations

WHOM = (_asked.c.sender_id.label("user"), _conversations.c.metadata_json)
"""Columns of ``with_whom``; ``codec.segment_of`` reads the second."""
ASKED_ID = _asked.c.message_id
"""There too: of the message that was answered, which is its turn's id as well."""


def with_whom(decisions: FromClause) -> FromClause:
    """``decisions``, or what they are joined with, and who wrote the message that each answered."""
    return (
        decisions.outerjoin(_reply, _reply.c.message_id == schema.decisions.c.message_id)
        .outerjoin(_asked, _asked.c.message_id == _reply.c.answers)
        .outerjoin(_conversations, _conversations.c.id == _asked.c.conversation_id)
    )
