"""A customer's profile: what is stored of somebody anyway, brought together."""

from __future__ import annotations

from typing import Any, cast

from sqlalchemy import Connection, Row, bindparam, func, select

from server.store import codec, schema
from server.store.desk_ports import Customer, PastConversation
from server.wire.parts import Kind, State, User

_users, _conversations = schema.users, schema.conversations
_messages, _assessments = schema.messages, schema.assessments

_USER = select(_users.c.id, _users.c.kind, _users.c.name, _users.c.created_at_ms, _users.c.last_seen_ms).where(
    _users.c.id == bindparam("user")
)
_RATED = (_assessments.c.conversation_id == _conversations.c.id) & (
    _assessments.c.user_id == _conversations.c.opener_id
)
_SUMS = (
    select(
        func.count().label("conversations"),
        func.count(_assessments.c.rating).label("rated"),
        func.avg(_assessments.c.rating).label("mean_rating"),
    )
    .select_from(_conversations.outerjoin(_assessments, _RATED))
    .where(_conversations.c.opener_id == bindparam("user"))
)
_FIRST_TEXT = (
    select(_messages.c.text)
    .where(_messages.c.conversation_id == _conversations.c.id, _messages.c.sender_kind == "customer")
    .order_by(_messages.c.offset)
    .limit(1)
    .correlate(_conversations)
    .scalar_subquery()
)
_PAST = (
    select(
        _conversations.c.id,
        _conversations.c.state,
        _conversations.c.resolved,
        _conversations.c.created_at_ms,
        _conversations.c.at_ms,
        _conversations.c.last_offset,
        _conversations.c.metadata_json,
        _FIRST_TEXT.label("first_text"),
        _assessments.c.rating,
    )
    .select_from(_conversations.outerjoin(_assessments, _RATED))
    .where(_conversations.c.opener_id == bindparam("user"))
    .order_by(_conversations.c.at_ms.desc(), _conversations.c.id.desc())
    .limit(bindparam("most"))
)
_OPENER = (
    select(_users.c.id, _users.c.kind, _users.c.name)
    .join_from(_conversations, _users, _users.c.id == _conversations.c.opener_id)
    .where(_conversations.c.id == bindparam("conversation"))
)


def opener(connection: Connection, conversation: str) -> User | None:
    """Who opened it."""
    row = connection.execute(_OPENER, {"conversation": conversation}).first()
    return None if row is None else User(row.id, cast(Kind, row.kind), row.name)


def customer(connection: Connection, user: str, past: int) -> Customer | None:
    """None for unknown users."""
    row = connection.execute(_USER, {"user": user}).first()
    if row is None:
        return None
    sums = connection.execute(_SUMS, {"user": user}).one()
    found = connection.execute(_PAST, {"user": user, "most": max(1, past)}).all()
    return Customer(
        user=User(row.id, cast(Kind, row.kind), row.name),
        created_at_ms=row.created_at_ms,
        last_seen_ms=row.last_seen_ms,
        conversations=sums.conversations,
        rated=sums.rated,
        mean_rating=None if sums.mean_rating is None else float(sums.mean_rating),
        metadata=codec.decode_mapping(found[0].metadata_json) if found else {},
        past=tuple(_past(one) for one in found[:past]),
    )


def _past(row: Row[*tuple[Any, ...]]) -> PastConversation:
    return PastConversation(
        channel=codec.channel_of(row.id),
        state=cast(State, row.state),
        resolved=bool(row.resolved),
        created_at_ms=row.created_at_ms,
        at_ms=row.at_ms,
        messages=row.last_offset,
        first_text=row.first_text,
        rating=row.rating,
    )
