"""A commit's operations on conversations: lock them, find what the plan needs to know, plan, write."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from sqlalchemy import BigInteger, Connection, Row, bindparam, delete, func, insert, literal_column, select, update

from server.store import codec, conversations, schema
from server.store.batch import Batch
from server.store.dialect import database_now_ms
from server.store.ledger import (
    Facts,
    HeadRow,
    Membership,
    MessageKey,
    NewMessage,
    Outcome,
    Plan,
    StoredMessage,
    TurnRow,
)
from server.store.lookup import Lookup
from server.store.operations import AnswerOp, AppendOp, ClaimOp, ConversationOp, HandoffOp, MembersOp, ReleaseOp
from server.store.plan import message_key, plan_group
from server.wire.parts import Kind, User

_conversations, _messages, _turns = schema.conversations, schema.messages, schema.turns
_members, _users = schema.members, schema.users

# Not FOR UPDATE: rows of other tables that refer to a conversation may be inserted meanwhile, since its id stays.
_LOCK_HEADS = (
    select(
        _conversations.c.id,
        _conversations.c.epoch,
        _conversations.c.state,
        _conversations.c.resolved,
        _conversations.c.last_offset,
        _conversations.c.at_ms,
        _conversations.c.agent_id,
        _conversations.c.claim_number,
        _conversations.c.waiting_since_ms,
        _conversations.c.waiting_reason,
    )
    .where(_conversations.c.id.in_(bindparam("ids", expanding=True)))
    .order_by(_conversations.c.id)
    .with_for_update(key_share=True)
)
_FIND_KEYS = Lookup(
    _messages,
    by=(_messages.c.conversation_id, _messages.c.sender_id, _messages.c.key),
    columns=codec.MESSAGE_COLUMNS,
    joins=((_messages.c.conversation_id, _conversations.c.id),),
)
# A literal, not a parameter: the index of open turns serves only a query that says so itself.
_LOCK_OPEN_TURNS = (
    select(
        _turns.c.turn_id,
        _turns.c.conversation_id,
        _turns.c.offset,
        _turns.c.lease_number,
        _turns.c.worker,
        _turns.c.lease_until_ms,
    )
    .where(_turns.c.state == literal_column("'open'"), _turns.c.conversation_id.in_(bindparam("ids", expanding=True)))
    .order_by(_turns.c.conversation_id, _turns.c.offset)
    .with_for_update(key_share=True)
)
_FIND_USERS = select(_users.c.id, _users.c.kind, _users.c.name).where(_users.c.id.in_(bindparam("ids", expanding=True)))
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
_INSERT_DECISIONS = insert(schema.decisions)


def converse(connection: Connection, operations: Sequence[ConversationOp]) -> list[Outcome]:
    """Outcomes in the order of the operations, which is the order in which they take effect."""
    plan = plan_group(_find(connection, operations), operations)
    _write(connection, plan)
    return plan.outcomes


# --------------------------------------------------------------------------- finding


@dataclass(slots=True)
class _Wanted:
    """What the plan has to know, beyond the heads. Most groups want the keys only."""

    keys: list[MessageKey] = field(default_factory=list)
    turns_of: set[str] = field(default_factory=set)
    members: set[Membership] = field(default_factory=set)
    users: set[str] = field(default_factory=set)

    def add(self, op: ConversationOp, head: HeadRow) -> None:
        """Note what ``op`` needs."""
        match op:
            case AppendOp(append):
                self.keys.append(message_key(op))
                if append.members_only:
                    self.members.add((op.conversation, append.sender.id))
                if append.wants_turn:
                    self._add_turns(head)
            case AnswerOp():
                self._add_turns(head)
            case HandoffOp(handoff):
                if handoff.members_only:
                    self.members.add((op.conversation, handoff.by.id))
                self._add_agent(head)
            case ClaimOp(claim):
                self.members.add((op.conversation, claim.agent.id))
                self._add_turns(head)
            case ReleaseOp():
                self._add_agent(head)
            case MembersOp():
                self.members.update((op.conversation, user_id) for user_id in (*op.add, *op.remove))
                self.users.update(op.add)

    def _add_turns(self, head: HeadRow) -> None:
        if head.state != "claimed":  # a claim drops what is open, and nothing opens under it
            self.turns_of.add(head.conversation)

    def _add_agent(self, head: HeadRow) -> None:
        if head.agent_id is not None:
            self.users.add(head.agent_id)


def _find(connection: Connection, operations: Sequence[ConversationOp]) -> Facts:
    ids = sorted({operation.conversation for operation in operations})
    heads = {row.id: _head(row) for row in connection.execute(_LOCK_HEADS, {"ids": ids}).all()}
    wanted = _Wanted()
    for operation in operations:
        head = heads.get(operation.conversation)
        if head is not None:
            wanted.add(operation, head)
    return Facts(
        heads=heads,
        stored=_find_stored(connection, wanted.keys) if wanted.keys else {},
        turns=_lock_turns(connection, wanted.turns_of) if wanted.turns_of else {},
        members=conversations.memberships(connection, sorted(wanted.members)) if wanted.members else {},
        users=_find_users(connection, wanted.users) if wanted.users else {},
    )


def _head(row: Row[*tuple[Any, ...]]) -> HeadRow:
    """The columns stand in the order of the fields."""
    return HeadRow(*row)


def _find_stored(connection: Connection, keys: Sequence[MessageKey]) -> dict[MessageKey, StoredMessage]:
    return {
        (row.conversation_id, row.sender_id, row.key): StoredMessage(codec.message_of(row), row.digest)
        for row in _FIND_KEYS.rows(connection, keys)
    }


def _lock_turns(connection: Connection, conversations_of: set[str]) -> dict[str, list[TurnRow]]:
    found: dict[str, list[TurnRow]] = {}
    for row in connection.execute(_LOCK_OPEN_TURNS, {"ids": sorted(conversations_of)}).all():
        found.setdefault(row.conversation_id, []).append(TurnRow(*row))
    return found


def _find_users(connection: Connection, user_ids: set[str]) -> dict[str, User]:
    rows = connection.execute(_FIND_USERS, {"ids": sorted(user_ids)}).all()
    return {row.id: User(row.id, cast(Kind, row.kind), row.name) for row in rows}


# --------------------------------------------------------------------------- writing


def _write(connection: Connection, plan: Plan) -> None:
    _INSERT_MESSAGES.run(connection, [_message_row(new) for new in plan.messages])
    _MOVE_HEAD.run(
        connection,
        [(head.last_offset, head.resolved, head.at_ms, head.conversation) for head in plan.heads.values()],
    )
    _SET_STATE.run(connection, [_state_row(plan.heads[conversation]) for conversation in sorted(plan.states)])
    _INSERT_TURNS.run(connection, [_turn_row(turn) for turn in plan.turns])
    _CLOSE_TURN.run(connection, [(op.analysis_json, op.notes_json, op.answer.turn.turn_id) for op in plan.answers])
    _DROP_TURN.run(connection, [(turn_id,) for turn_id in plan.dropped])
    _LEAVE.run(connection, sorted(plan.leaves))
    _JOIN.run(connection, [(*pair, at_ms) for pair, at_ms in sorted(plan.joins.items())])
    decisions = [
        {**op.decision_row, "message_id": op.answer.message_id} for op in plan.answers if op.decision_row is not None
    ]
    if decisions:
        connection.execute(_INSERT_DECISIONS, decisions)


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
