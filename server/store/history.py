"""Reading a conversation's messages."""

from __future__ import annotations

from sqlalchemy import Connection, Select, bindparam, select

from server.store import codec, schema
from server.wire.frames import Message

_conversations, _messages = schema.conversations, schema.messages

SELECT_MESSAGES: Select[tuple[object, ...]] = select(*codec.MESSAGE_COLUMNS).join_from(
    _messages, _conversations, _messages.c.conversation_id == _conversations.c.id
)
_OF = SELECT_MESSAGES.where(_messages.c.conversation_id == bindparam("conversation")).limit(bindparam("most"))
_AFTER = _OF.where(_messages.c.offset > bindparam("position")).order_by(_messages.c.offset)
_NEWEST = _OF.order_by(_messages.c.offset.desc())
_BEFORE = _NEWEST.where(_messages.c.offset < bindparam("position"))


def after(connection: Connection, conversation: str, offset: int, limit: int) -> list[Message]:
    """The ``limit`` lowest messages above ``offset``, ascending."""
    values = {"conversation": conversation, "position": offset, "most": limit}
    return [codec.message_of(row) for row in connection.execute(_AFTER, values).all()]


def before(connection: Connection, conversation: str, offset: int | None, limit: int) -> list[Message]:
    """The ``limit`` highest messages below ``offset`` (None: any), ascending."""
    values: dict[str, object] = {"conversation": conversation, "most": limit}
    if offset is not None:
        values["position"] = offset
    rows = connection.execute(_NEWEST if offset is None else _BEFORE, values).all()
    return [codec.message_of(row) for row in reversed(rows)]
