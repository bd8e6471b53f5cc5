"""A commit's operations on conversations: find what the plan needs to know, plan, write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import BigInteger, Connection, bindparam, delete, func, insert, literal_column, update

from server.store import inbox, questions, schema, trial_records, usage
from server.store.batch import Batch, Batches
from server.store.dialect import database_now_ms
from server.store.find import find
from server.store.ledger import HeadRow, NewMessage, Outcome, Plan, TurnRow
from server.store.operations import ConversationOp
from server.store.plan import plan_group

_conversations, _messages, _turns = schema.conversations, schema.messages, schema.turns
_members = schema.members

_INSERT_MESSAGES = Batch(insert(_messages), [column.name for column in _messages.c])
_MOVE_HEAD = Batch(
    update(_conversations)
    .where(_conversations.c.id == bindparam("of"))
    .values(last_offset=bindparam("last"), resolved=bindparam("now_resolved"), at_ms=bindparam("at")),
    ("last", "now_resolved", "at", "of"),
)
_SET_STATE = Batch(
    update(_conversations)
    .where(_conversations.c.id == bindparam("of"))
    .values(
        state=bindparam("now_state"),
        agent_id=bindparam("now_agent"),
        claim_number=bindparam("now_claim"),
        waiting_since_ms=bindparam("now_since_ms"),
        waiting_reason=bindparam("now_reason"),
    ),
    ("now_state", "now_agent", "now_claim", "now_since_ms", "now_reason", "of"),
)
_INSERT_TURNS = Batch(
    insert(_turns).values(
        turn_id=bindparam("turn"),
        conversation_id=bindparam("conversation"),
        offset=bindparam("position"),
        state=literal_column("'open'"),
        lease_number=literal_column("1"),
        worker=bindparam("holder"),
        lease_until_ms=func.coalesce(
            bindparam("until_ms", type_=BigInteger), database_now_ms() + bindparam("lease_ms")
        ),
    ),
    ("turn", "conversation", "position", "holder", "until_ms", "lease_ms"),
)
_CLOSE_TURN = Batch(
    update(_turns)
    .where(_turns.c.turn_id == bindparam("turn"))
    .values(state=literal_column("'answered'"), analysis_json=bindparam("analysis"), notes_json=bindparam("notes")),
    ("analysis", "notes", "turn"),
)
_DROP_TURN = Batch(
    update(_turns).where(_turns.c.turn_id == bindparam("turn")).values(state=literal_column("'dropped'")), ("turn",)
)
_LEAVE = Batch(
    delete(_members).where(
        _members.c.conversation_id == bindparam("conversation"), _members.c.user_id == bindparam("user")
    ),
    ("conversation", "user"),
)
_JOIN = Batch(insert(_members), ("conversation_id", "user_id", "joined_at_ms"))
_DECIDED = tuple(
    column.name for column in schema.decisions.c if column.name not in ("message_id", "reward", "log_offset")
)
_INSERT_DECISIONS = Batch(insert(schema.decisions), (*_DECIDED, "message_id"))
_INSERT_DOUBTS = Batch(insert(schema.doubts), inbox.DOUBT_COLUMNS)
_INSERT_TRIAL_TURNS = Batch(insert(schema.trial_turns), trial_records.TURN_COLUMNS)

_WRITE = Batches(
    _INSERT_MESSAGES,
    _MOVE_HEAD,
    _INSERT_TURNS,
    _INSERT_DECISIONS,
    _SET_STATE,
    _CLOSE_TURN,
    _DROP_TURN,
    _LEAVE,
    _JOIN,
    _INSERT_DOUBTS,
    _INSERT_TRIAL_TURNS,
    usage.INSERT,
    questions.INSERT_TURNS,
    questions.INSERT_CITATIONS,
)


def converse(connection: Connection, operations: Sequence[ConversationOp]) -> list[Outcome]:
    """Outcomes in the order of the operations, which is the order in which they take effect."""
    plan = plan_group(find(connection, operations), operations)
    _write(connection, plan)
    return plan.outcomes


def _write(connection: Connection, plan: Plan) -> None:
    closed = [(op.analysis_json, op.notes_json, op.answer.turn.turn_id) for op in plan.answers]
    _WRITE.run(
        connection,
        (
            [_message_row(new) for new in plan.messages],
            [(head.last_offset, head.resolved, head.at_ms, head.conversation) for head in plan.heads.values()],
            [_turn_row(turn) for turn in plan.turns],
            [
                _decision_row(op.decision_row, op.answer.message_id)
                for op in plan.answers
                if op.decision_row is not None
            ],
            [_state_row(plan.heads[conversation]) for conversation in sorted(plan.states)],
            closed,
            [(turn_id,) for turn_id in plan.dropped],
            sorted(plan.leaves),
            [(*pair, at_ms) for pair, at_ms in sorted(plan.joins.items())],
            [
                inbox.row_of(op.answer.turn.turn_id, op.answer.turn.message.at_ms, op.answer.doubt)
                for op in plan.answers
                if op.answer.doubt is not None
            ],
            [trial_records.turn_row(op) for op in plan.answers if op.answer.trial is not None],
            [
                *(
                    usage.row_of(op.answer.turn.turn_id, op.conversation, op.answer.usage)
                    for op in plan.answers
                    if op.answer.usage is not None
                ),
                *(usage.row_of(*row) for row in plan.used),
            ],
            [questions.turn_row(op) for op in plan.answers if op.answer.question is not None],
            [row for op in plan.answers for row in questions.citation_rows(op)],
        ),
    )
    trial_records.expose(connection, plan.answers)


def _decision_row(row: Mapping[str, object], message_id: str) -> tuple[object, ...]:
    return (*(row[name] for name in _DECIDED), message_id)


def _state_row(head: HeadRow) -> tuple[object, ...]:
    return (
        head.state,
        head.agent_id,
        head.claim_number,
        head.waiting_since_ms,
        head.waiting_reason,
        head.conversation,
    )


def _turn_row(turn: TurnRow) -> tuple[object, ...]:
    return (turn.turn_id, turn.conversation, turn.offset, turn.worker, turn.lease_until_ms, turn.lease_ms)


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
