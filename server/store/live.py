"""What goes on, read along the turns' primary key, which is in the order of time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import orjson
from sqlalchemy import Connection, bindparam, func, select

from server.store import codec, schema
from server.store.alerts import floor_of
from server.store.live_ports import LiveConversation
from server.wire.parts import Kind, State, User

_turns, _messages, _conversations = schema.turns, schema.messages, schema.conversations

TURNS_PER_CONVERSATION = 20
"""How many turns are looked at to find one more conversation: a busy one must not hide the others."""

_RECENT = (
    select(_turns.c.turn_id, _turns.c.conversation_id)
    .where(_turns.c.turn_id >= bindparam("floor"))
    .order_by(_turns.c.turn_id.desc())
    .limit(bindparam("looked_at"))
    .subquery("recent")
)
_LAST = (
    select(func.max(_RECENT.c.turn_id).label("turn_id"))
    .group_by(_RECENT.c.conversation_id)
    .order_by(func.max(_RECENT.c.turn_id).desc())
    .limit(bindparam("most"))
    .subquery("last")
)
_LIVE = (
    select(
        _conversations.c.id,
        _conversations.c.state,
        _conversations.c.resolved,
        _conversations.c.last_offset,
        _messages.c.sender_id,
        _messages.c.sender_kind,
        _messages.c.sender_name,
        _messages.c.text,
        _messages.c.at_ms,
        _turns.c.analysis_json,
    )
    .join_from(_LAST, _turns, _turns.c.turn_id == _LAST.c.turn_id)
    .join(_messages, _messages.c.message_id == _turns.c.turn_id)
    .join(_conversations, _conversations.c.id == _turns.c.conversation_id)
    .order_by(_turns.c.turn_id.desc())
)
_ANALYSES = (
    select(_turns.c.analysis_json)
    .where(_turns.c.turn_id >= bindparam("floor"), _turns.c.state == "answered")
    .order_by(_turns.c.turn_id.desc())
    .limit(bindparam("most"))
)


def conversations(connection: Connection, since_ms: int, limit: int) -> list[LiveConversation]:
    """The latest first."""
    given = {"floor": floor_of(since_ms), "most": limit, "looked_at": limit * TURNS_PER_CONVERSATION}
    return [
        LiveConversation(
            channel=codec.channel_of(row.id),
            state=cast(State, row.state),
            resolved=bool(row.resolved),
            messages=row.last_offset,
            customer=User(row.sender_id, cast(Kind, row.sender_kind), row.sender_name),
            text=row.text,
            at_ms=row.at_ms,
            analysis=codec.decode_mapping(row.analysis_json),
        )
        for row in connection.execute(_LIVE, given).all()
    ]


def analyses(connection: Connection, since_ms: int, limit: int) -> list[Mapping[str, Any]]:
    """The newest first."""
    texts = connection.scalars(_ANALYSES, {"floor": floor_of(since_ms), "most": limit}).all()
    return [found for text in texts if text and (found := orjson.loads(text))]
