"""The outbox: taking over turns, renewing their leases, and what was answered."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, literal_column, select, update

from server.store import codec, schema
from server.store.dialect import database_now_ms
from server.store.ports import OpenTurn, PastTurn

_conversations, _messages, _turns = schema.conversations, schema.messages, schema.turns
_decisions = schema.decisions
_answer = _messages.alias("answer")

# A literal, not a parameter: the index of open turns serves only a query that says so itself.
_IS_OPEN = _turns.c.state == literal_column("'open'")
_NOW = database_now_ms()
_LEASED = _NOW + bindparam("lease_ms")

_LAPSED = (
    select(_turns.c.turn_id)
    .join_from(_turns, _conversations, _turns.c.conversation_id == _conversations.c.id)
    .where(_IS_OPEN, _turns.c.lease_until_ms <= _NOW, _conversations.c.state != "claimed")
    .order_by(_turns.c.offset, _turns.c.turn_id)
    .limit(bindparam("most"))
    .with_for_update(of=_turns, skip_locked=True)
)
_TAKE = (
    update(_turns)
    .where(_turns.c.turn_id.in_(bindparam("ids", expanding=True)))
    .values(lease_number=_turns.c.lease_number + 1, worker=bindparam("holder"), lease_until_ms=_LEASED)
)
_TAKEN = (
    select(_turns.c.turn_id, _turns.c.lease_number, *codec.MESSAGE_COLUMNS)
    .join_from(_turns, _messages, _turns.c.turn_id == _messages.c.message_id)
    .join(_conversations, _messages.c.conversation_id == _conversations.c.id)
    .where(_turns.c.turn_id.in_(bindparam("ids", expanding=True)))
    .order_by(_messages.c.offset, _messages.c.message_id)
)
_RENEW = (
    update(_turns)
    .where(
        _turns.c.turn_id.in_(bindparam("ids", expanding=True)),
        _turns.c.worker == bindparam("holder"),
        _IS_OPEN,
    )
    .values(lease_until_ms=_LEASED)
)
_EXPIRE = update(_turns).where(_IS_OPEN, _turns.c.lease_until_ms > _NOW).values(lease_until_ms=0)
_PAST = (
    select(
        _turns.c.turn_id,
        _decisions.c.decision_id,
        _decisions.c.arm,
        _messages.c.text,
        _turns.c.analysis_json,
        _turns.c.notes_json,
        _messages.c.at_ms,
        _answer.c.at_ms.label("answered_at_ms"),
    )
    .join_from(_turns, _messages, _turns.c.turn_id == _messages.c.message_id)
    .join(_answer, _answer.c.answers == _turns.c.turn_id)
    .outerjoin(_decisions, _decisions.c.message_id == _answer.c.message_id)
    .where(_turns.c.conversation_id == bindparam("conversation"), _turns.c.state == "answered")
    .order_by(_turns.c.offset.desc())
    .limit(bindparam("most"))
)


def take(connection: Connection, worker: str, lease_ms: int, limit: int) -> list[OpenTurn]:
    """Lease lapsed turns to ``worker``, lowest offsets first. Turns that another worker takes now are passed over."""
    ids = list(connection.scalars(_LAPSED, {"most": limit}))
    if not ids:
        return []
    connection.execute(_TAKE, {"ids": ids, "holder": worker, "lease_ms": lease_ms})
    return [
        OpenTurn(row.turn_id, row.lease_number, codec.message_of(row))
        for row in connection.execute(_TAKEN, {"ids": ids}).all()
    ]


def renew(connection: Connection, worker: str, turn_ids: Sequence[str], lease_ms: int) -> None:
    """Extend the leases of these turns that ``worker`` still holds."""
    connection.execute(_RENEW, {"ids": list(turn_ids), "holder": worker, "lease_ms": lease_ms})


def expire(connection: Connection) -> int:
    """End every running lease and return their number."""
    return connection.execute(_EXPIRE).rowcount


def past(connection: Connection, conversation: str, limit: int) -> list[PastTurn]:
    """The last answered turns, in offset order."""
    rows = connection.execute(_PAST, {"conversation": conversation, "most": limit}).all()
    return [
        PastTurn(
            turn_id=row.turn_id,
            decision_id=row.decision_id,
            arm=row.arm,
            text=row.text,
            analysis=codec.decode_mapping(row.analysis_json),
            notes=codec.decode_mapping(row.notes_json),
            at_ms=row.at_ms,
            answered_at_ms=row.answered_at_ms,
        )
        for row in reversed(rows)
    ]
