"""``append``, ``answer`` and ``resolve`` of one commit: lock the conversations, find keys and turns, plan, write."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, insert, literal_column, select, update

from server.store import codec, schema
from server.store.batch import Batch
from server.store.dialect import database_now_ms
from server.store.lookup import Lookup
from server.store.operations import AnswerOp, AppendOp, ConversationOp
from server.store.plan import (
    Facts,
    HeadRow,
    MessageKey,
    NewMessage,
    Outcome,
    Plan,
    StoredMessage,
    TurnRow,
    message_key,
    plan_group,
)

_conversations, _messages, _turns = schema.conversations, schema.messages, schema.turns

_LOCK_HEADS = (
    select(
        _conversations.c.id,
        _conversations.c.epoch,
        _conversations.c.state,
        _conversations.c.resolved,
        _conversations.c.last_offset,
        _conversations.c.at_ms,
    )
    .where(_conversations.c.id.in_(bindparam("ids", expanding=True)))
    .order_by(_conversations.c.id)
    .with_for_update()
)
_FIND_KEYS = Lookup(
    _messages,
    by=(_messages.c.conversation_id, _messages.c.sender_id, _messages.c.key),
    columns=codec.MESSAGE_COLUMNS,
    joins=((_messages.c.conversation_id, _conversations.c.id),),
)
_LOCK_TURNS = (
    select(_turns.c.turn_id, _turns.c.conversation_id, _turns.c.state, _turns.c.lease_number)
    .where(_turns.c.turn_id.in_(bindparam("ids", expanding=True)))
    .order_by(_turns.c.turn_id)
    .with_for_update()
)
_INSERT_MESSAGES = Batch(insert(_messages), [column.name for column in _messages.c])
_MOVE_HEAD = Batch(
    update(_conversations)
    .where(_conversations.c.id == bindparam("of"))
    .values(last_offset=bindparam("last"), resolved=bindparam("now_resolved"), at_ms=bindparam("at")),
    ("last", "now_resolved", "at", "of"),
)
_INSERT_TURNS = Batch(
    insert(_turns).values(
        turn_id=bindparam("turn"),
        conversation_id=bindparam("conversation"),
        offset=bindparam("position"),
        state=literal_column("'open'"),
        lease_number=literal_column("1"),
        worker=bindparam("holder"),
        lease_until_ms=database_now_ms() + bindparam("lease_ms"),
    ),
    ("turn", "conversation", "position", "holder", "lease_ms"),
)
_CLOSE_TURN = Batch(
    update(_turns)
    .where(_turns.c.turn_id == bindparam("turn"))
    .values(state=literal_column("'answered'"), analysis_json=bindparam("analysis"), notes_json=bindparam("notes")),
    ("analysis", "notes", "turn"),
)
_INSERT_DECISIONS = insert(schema.decisions)


def converse(connection: Connection, operations: Sequence[ConversationOp]) -> list[Outcome]:
    """Outcomes in the order of the operations, which is the order in which they take effect."""
    plan = plan_group(_find(connection, operations), operations)
    _write(connection, plan)
    return plan.outcomes


def _find(connection: Connection, operations: Sequence[ConversationOp]) -> Facts:
    ids = sorted({operation.conversation for operation in operations})
    heads = {
        row.id: HeadRow(row.id, row.epoch, row.state, row.resolved, row.last_offset, row.at_ms)
        for row in connection.execute(_LOCK_HEADS, {"ids": ids}).all()
    }
    keys = [message_key(op) for op in operations if isinstance(op, AppendOp) and op.conversation in heads]
    turn_ids = sorted({op.answer.turn.turn_id for op in operations if isinstance(op, AnswerOp)})
    return Facts(
        heads=heads,
        stored=_find_stored(connection, keys) if keys else {},
        turns=_lock_turns(connection, turn_ids) if turn_ids else {},
    )


def _find_stored(connection: Connection, keys: Sequence[MessageKey]) -> dict[MessageKey, StoredMessage]:
    return {
        (row.conversation_id, row.sender_id, row.key): StoredMessage(codec.message_of(row), row.digest)
        for row in _FIND_KEYS.rows(connection, keys)
    }


def _lock_turns(connection: Connection, turn_ids: Sequence[str]) -> dict[str, TurnRow]:
    return {
        row.turn_id: TurnRow(row.turn_id, row.conversation_id, row.state, row.lease_number)
        for row in connection.execute(_LOCK_TURNS, {"ids": turn_ids}).all()
    }


def _write(connection: Connection, plan: Plan) -> None:
    _INSERT_MESSAGES.run(connection, [_message_row(new) for new in plan.messages])
    _MOVE_HEAD.run(
        connection,
        [(head.last_offset, head.resolved, head.at_ms, head.conversation) for head in plan.heads.values()],
    )
    _INSERT_TURNS.run(
        connection,
        [(turn.turn_id, turn.conversation, turn.offset, turn.worker, turn.lease_ms) for turn in plan.turns],
    )
    _CLOSE_TURN.run(connection, [(op.analysis_json, op.notes_json, op.answer.turn.turn_id) for op in plan.answers])
    decisions = [
        {**op.decision_row, "message_id": op.answer.message_id} for op in plan.answers if op.decision_row is not None
    ]
    if decisions:
        connection.execute(_INSERT_DECISIONS, decisions)


def _message_row(new: NewMessage) -> tuple[object, ...]:
    """Values in the order of the table's columns."""
    message = new.message
    sender = message.sender
    return (
        message.message_id,
        new.conversation,
        message.offset,
        sender.id,
        sender.kind,
        sender.name,
        message.key,
        new.digest,
        message.text,
        new.data_json,
        message.reply_to,
        new.answers,
        new.turn_json,
        message.at_ms,
    )
