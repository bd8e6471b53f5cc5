"""The outbox: taking over turns, renewing their leases, and what was answered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, bindparam, exists, literal_column, select, update

from server.store import codec, schema
from server.store.dialect import database_now_ms
from server.store.ports import OpenTurn, PastTurn

_conversations, _messages, _turns = schema.conversations, schema.messages, schema.turns
_decisions = schema.decisions
_answer = _messages.alias("answer")

_earlier = _turns.alias("earlier")

# A literal, not a parameter: the index of open turns serves only a query that says so itself.
_OPEN: ColumnElement[str] = literal_column("'open'")
_IS_OPEN = _turns.c.state == _OPEN
_NOW = database_now_ms()
_LEASED = _NOW + bindparam("lease_ms")
# Asked for once: no index serves a comparison with a clock that is read anew for every row.
_HAS_LAPSED = _turns.c.lease_until_ms <= select(_NOW).scalar_subquery()
_IN_ORDER = (_turns.c.conversation_id, _turns.c.offset)

# A conversation is taken by its first open turn: whoever holds that one is at work, whatever lapsed behind it.
_LAPSED_CONVERSATIONS = (
    select(_turns.c.conversation_id)
    .join_from(_turns, _conversations, _turns.c.conversation_id == _conversations.c.id)
    .where(
        _IS_OPEN,
        _HAS_LAPSED,
        _conversations.c.state != "claimed",
        ~exists().where(
            _earlier.c.conversation_id == _turns.c.conversation_id,
            _earlier.c.state == _OPEN,
            _earlier.c.offset < _turns.c.offset,
        ),
    )
    .order_by(_turns.c.offset, _turns.c.turn_id)
    .limit(bindparam("most"))
    .with_for_update(of=_turns, skip_locked=True, key_share=True)
)
_LAPSED = (
    select(_turns.c.turn_id)
    .where(_IS_OPEN, _HAS_LAPSED, _turns.c.conversation_id.in_(bindparam("ids", expanding=True)))
    .order_by(*_IN_ORDER)
    .with_for_update(key_share=True)
)
_TAKE = (
    update(_turns)
    .where(_turns.c.turn_id.in_(bindparam("ids", expanding=True)))
    .values(lease_number=_turns.c.lease_number + 1, worker=bindparam("holder"), lease_until_ms=_LEASED)
)
_OPEN_TURNS = (
    select(_turns.c.turn_id, _turns.c.lease_number, *codec.MESSAGE_COLUMNS)
    .join_from(_turns, _messages, _turns.c.turn_id == _messages.c.message_id)
    .join(_conversations, _messages.c.conversation_id == _conversations.c.id)
    .order_by(_messages.c.offset, _messages.c.message_id)
)
_TAKEN = _OPEN_TURNS.where(_turns.c.turn_id.in_(bindparam("ids", expanding=True)))
_OWN = _OPEN_TURNS.where(_IS_OPEN, _turns.c.worker == bindparam("holder")).limit(bindparam("most"))
_OWN_IN_ONE = _OWN.where(_turns.c.conversation_id == bindparam("conversation"))
_HELD = (
    select(_turns.c.turn_id)
    .where(_turns.c.turn_id.in_(bindparam("ids", expanding=True)), _turns.c.worker == bindparam("holder"), _IS_OPEN)
    .order_by(*_IN_ORDER)
    .with_for_update(key_share=True)
)
_RENEW = update(_turns).where(_turns.c.turn_id.in_(bindparam("ids", expanding=True))).values(lease_until_ms=_LEASED)
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
    """Lease the lapsed turns of at most ``limit`` conversations to ``worker``, lowest offsets first.

    Conversations that another worker takes now are passed over.
    """
    conversations = list(connection.scalars(_LAPSED_CONVERSATIONS, {"most": limit}))
    ids = list(connection.scalars(_LAPSED, {"ids": sorted(conversations)})) if conversations else []
    if not ids:
        return []
    connection.execute(_TAKE, {"ids": ids, "holder": worker, "lease_ms": lease_ms})
    return _open_turns(connection.execute(_TAKEN, {"ids": ids}).all())


def own(connection: Connection, worker: str, limit: int, conversation: str | None) -> list[OpenTurn]:
    """Open turns of ``worker`` (in one conversation, or in all), lowest offsets first, lapsed ones too unless somebody
    else has taken them."""
    if conversation is None:
        return _open_turns(connection.execute(_OWN, {"holder": worker, "most": limit}).all())
    given = {"holder": worker, "most": limit, "conversation": conversation}
    return _open_turns(connection.execute(_OWN_IN_ONE, given).all())


def _open_turns(rows: Sequence[Row[*tuple[Any, ...]]]) -> list[OpenTurn]:
    return [OpenTurn(row.turn_id, row.lease_number, codec.message_of(row)) for row in rows]


def renew(connection: Connection, worker: str, turn_ids: Sequence[str], lease_ms: int) -> None:
    """Extend the leases of these turns that ``worker`` still holds."""
    held = list(connection.scalars(_HELD, {"ids": list(turn_ids), "holder": worker}))
    if held:
        connection.execute(_RENEW, {"ids": held, "lease_ms": lease_ms})


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
