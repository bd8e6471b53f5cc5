"""Who waits for an agent, and which agents have claimed what."""

from __future__ import annotations

from typing import Any, cast

from sqlalchemy import Connection, Row, bindparam, literal_column, select

from server.store import codec, schema
from server.store.dialect import database_now_ms
from server.store.ports import ClaimRow, QueueItem
from server.wire.parts import Kind, User

_conversations, _messages, _turns, _users = schema.conversations, schema.messages, schema.turns, schema.users
_offers = schema.offers

# Both walk a conversation from its end and stop at the first hit.
_LAST_TEXT = (
    select(_messages.c.text)
    .where(_messages.c.conversation_id == _conversations.c.id, _messages.c.sender_kind == "customer")
    .order_by(_messages.c.offset.desc())
    .limit(1)
    .correlate(_conversations)
    .scalar_subquery()
)
LAST_ANALYSIS = (
    select(_turns.c.analysis_json)
    .where(_turns.c.conversation_id == _conversations.c.id, _turns.c.analysis_json != "{}")
    .order_by(_turns.c.offset.desc())
    .limit(1)
    .correlate(_conversations)
    .scalar_subquery()
)
# Literals, not parameters: a partial index serves only a query that says so itself.
_WAITING = (
    select(
        _conversations.c.id,
        _conversations.c.waiting_since_ms,
        _conversations.c.waiting_reason,
        _LAST_TEXT.label("last_text"),
        LAST_ANALYSIS.label("analysis_json"),
        _offers.c.agent_id.label("offered_to"),
        _offers.c.until_ms.label("offered_until_ms"),
    )
    .select_from(
        _conversations.outerjoin(
            _offers,
            (_offers.c.conversation_id == _conversations.c.id)
            & (_offers.c.state == literal_column("'open'"))
            & (_offers.c.waiting_since_ms == _conversations.c.waiting_since_ms)
            & (_offers.c.until_ms > database_now_ms()),
        )
    )
    .where(_conversations.c.state == literal_column("'waiting'"))
)
_QUEUE = _WAITING.order_by(_conversations.c.waiting_since_ms, _conversations.c.id).limit(bindparam("most"))
_CLAIMS = (
    select(
        _conversations.c.id.label("conversation"),
        _conversations.c.claim_number,
        (database_now_ms() - _users.c.absent_since_ms).label("absent_ms"),
        _users.c.id,
        _users.c.kind,
        _users.c.name,
    )
    .join_from(_conversations, _users, _conversations.c.agent_id == _users.c.id)
    .where(_conversations.c.state == literal_column("'claimed'"))
    .order_by(_conversations.c.id)
)


def queue(connection: Connection, limit: int) -> list[QueueItem]:
    """Those who wait, longest first."""
    return [_item(row) for row in connection.execute(_QUEUE, {"most": limit}).all()]


def _item(row: Row[*tuple[Any, ...]]) -> QueueItem:
    analysis = codec.decode_mapping(row.analysis_json)
    return QueueItem(
        channel=codec.channel_of(row.id),
        waiting_since_ms=row.waiting_since_ms,
        reason=row.waiting_reason,
        urgency=_number(analysis.get("urgency")),
        sentiment_score=_number((analysis.get("sentiment") or {}).get("score")),
        last_text=row.last_text,
        offered_to=row.offered_to,
        offered_until_ms=row.offered_until_ms,
    )


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def held(connection: Connection) -> list[ClaimRow]:
    """Every claim that is held now."""
    return [
        ClaimRow(
            channel=codec.channel_of(row.conversation),
            agent=User(row.id, cast(Kind, row.kind), row.name),
            claim_number=row.claim_number,
            absent_ms=row.absent_ms,
        )
        for row in connection.execute(_CLAIMS).all()
    ]
