"""What a commit has to know of its conversations before it can plan: the locks, and the look-ups under them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, bindparam, literal_column, select

from server.store import codec, conversations, schema
from server.store.ledger import Facts, HeadRow, Membership, MessageKey, StoredMessage, TurnRow
from server.store.lookup import Lookup
from server.store.operations import (
    AbandonOp,
    AnswerOp,
    AppendOp,
    ClaimOp,
    ConversationOp,
    HandoffOp,
    MembersOp,
    ReleaseOp,
)
from server.store.plan import message_key
from server.store.query import Query
from server.wire.parts import User

_conversations, _messages, _turns = schema.conversations, schema.messages, schema.turns
_users = schema.users

# Not FOR UPDATE: rows of other tables that refer to a conversation may be inserted meanwhile, since its id stays.
_LOCK_HEADS = Query(
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
    .with_for_update(key_share=True),
    ("ids",),
)
_FIND_KEYS = Lookup(
    _messages,
    by=(_messages.c.conversation_id, _messages.c.sender_id, _messages.c.key),
    columns=codec.MESSAGE_COLUMNS,
    joins=((_messages.c.conversation_id, _conversations.c.id),),
)
# A literal, not a parameter: the index of open turns serves only a query that says so itself.
_LOCK_OPEN_TURNS = Query(
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
    .with_for_update(key_share=True),
    ("ids",),
)
_FIND_USERS = Query(
    select(_users.c.id, _users.c.kind, _users.c.name).where(_users.c.id.in_(bindparam("ids", expanding=True))),
    ("ids",),
)


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
            case AnswerOp() | AbandonOp():
                self._add_turns(head)
            case HandoffOp(handoff):
                if handoff.members_only:
                    self.members.add((op.conversation, handoff.by.id))
                self._add_agent(head)
            case ClaimOp(claim):
                self.members.add((op.conversation, claim.agent.id))
                self._add_turns(head)
            case ReleaseOp(release):
                self._add_agent(head)
                if release.heir is not None:
                    self.users.add(release.heir)
                    self.members.add((op.conversation, release.heir))
            case MembersOp():
                self.members.update((op.conversation, user_id) for user_id in (*op.add, *op.remove))
                self.users.update(op.add)

    def _add_turns(self, head: HeadRow) -> None:
        if head.state != "claimed":  # a claim drops what is open, and nothing opens under it
            self.turns_of.add(head.conversation)

    def _add_agent(self, head: HeadRow) -> None:
        if head.agent_id is not None:
            self.users.add(head.agent_id)


def find(connection: Connection, operations: Sequence[ConversationOp]) -> Facts:
    """Lock the conversations, then look up what the operations on those that exist depend on."""
    ids = sorted({operation.conversation for operation in operations})
    # The columns stand in the order of the fields.
    heads = {row.id: HeadRow(*row) for row in _LOCK_HEADS.rows(connection, ids)}
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


def _find_stored(connection: Connection, keys: Sequence[MessageKey]) -> dict[MessageKey, StoredMessage]:
    return {
        (row.conversation_id, row.sender_id, row.key): StoredMessage(codec.message_of(row), row.digest)
        for row in _FIND_KEYS.rows(connection, keys)
    }


def _lock_turns(connection: Connection, conversations_of: set[str]) -> dict[str, list[TurnRow]]:
    found: dict[str, list[TurnRow]] = {}
    for row in _LOCK_OPEN_TURNS.rows(connection, sorted(conversations_of)):
        found.setdefault(row.conversation_id, []).append(TurnRow(*row))
    return found


def _find_users(connection: Connection, user_ids: set[str]) -> dict[str, User]:
    return {row.id: User(*row) for row in _FIND_USERS.rows(connection, sorted(user_ids))}
