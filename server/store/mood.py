"""Moods and contexts over time: reading."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sqlalchemy import Connection, Row, bindparam, func, select

from server.store import codec, schema
from server.store.mood_ports import HeardTurn, MeanContext

# Who has more has had them long ago, and a look at thousands of rows would tell the same.
MAX_CONVERSATIONS = 50

_conversations, _members, _messages = schema.conversations, schema.members, schema.messages
_turns, _decisions = schema.turns, schema.decisions

_LAST_JOINED = (
    select(_members.c.conversation_id)
    .where(_members.c.user_id == bindparam("user"))
    .order_by(_members.c.joined_at_ms.desc(), _members.c.conversation_id.desc())
    .limit(MAX_CONVERSATIONS)
)
_HEARD = (
    select(_messages.c.conversation_id, _messages.c.offset, _messages.c.at_ms, _turns.c.analysis_json)
    .join_from(_turns, _messages, _turns.c.turn_id == _messages.c.message_id)
    .where(_turns.c.state == "answered")
    .limit(bindparam("most"))
)
_HEARD_OF = _HEARD.where(
    _turns.c.conversation_id.in_(_LAST_JOINED), _messages.c.sender_id == bindparam("user")
).order_by(_messages.c.at_ms.desc(), _messages.c.message_id.desc())
_HEARD_IN = _HEARD.where(_turns.c.conversation_id == bindparam("conversation")).order_by(_turns.c.offset.desc())
_OPENED = select(func.count()).select_from(
    select(_conversations.c.open_key)
    .where(_conversations.c.opener_id == bindparam("user"))
    .limit(bindparam("most"))
    .subquery()
)
_CONTEXTS = select(_messages.c.conversation_id, _decisions.c.features).join_from(
    _decisions, _messages, _decisions.c.message_id == _messages.c.message_id
)
_LATEST = _CONTEXTS.order_by(_decisions.c.decision_id.desc()).limit(bindparam("most"))
_OF_ONE = _CONTEXTS.where(_messages.c.conversation_id == bindparam("conversation"))


def heard_of(connection: Connection, user_id: str, limit: int) -> list[HeardTurn]:
    """The earliest first."""
    return _turns_of(connection.execute(_HEARD_OF, {"user": user_id, "most": limit}).all())


def heard_in(connection: Connection, conversation: str, limit: int) -> list[HeardTurn]:
    """The earliest first."""
    return _turns_of(connection.execute(_HEARD_IN, {"conversation": conversation, "most": limit}).all())


def _turns_of(rows: Sequence[Row[*tuple[Any, ...]]]) -> list[HeardTurn]:
    return [
        HeardTurn(
            channel=codec.channel_of(row.conversation_id),
            offset=row.offset,
            at_ms=row.at_ms,
            analysis=codec.decode_mapping(row.analysis_json),
        )
        for row in reversed(rows)
    ]


def opened(connection: Connection, user_id: str, most: int) -> int:
    """At most ``most``."""
    return connection.execute(_OPENED, {"user": user_id, "most": most}).scalar_one()


def mean_contexts(connection: Connection, conversation: str, limit: int) -> list[MeanContext]:
    """The conversation itself first."""
    own = connection.execute(_OF_ONE, {"conversation": conversation}).all()
    latest = connection.execute(_LATEST, {"most": limit}).all()
    contexts: dict[str, list[bytes]] = {}
    for row in (*own, *(row for row in latest if row.conversation_id != conversation)):
        contexts.setdefault(row.conversation_id, []).append(row.features)
    return [MeanContext(codec.channel_of(one), len(packed), _mean(packed)) for one, packed in contexts.items()]


def _mean(packed: list[bytes]) -> tuple[float, ...]:
    vectors = [np.frombuffer(each, dtype="<f8") for each in packed]
    total = np.zeros(max(map(len, vectors)))
    for vector in vectors:
        total[: len(vector)] += vector
    return tuple((total / len(vectors)).tolist())
