"""Receipts: how far each user has got in a conversation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from sqlalchemy import Column, Connection, bindparam, literal_column, select, update

from server.errors import Invalid, NotFound
from server.store import conversations, schema
from server.store.batch import Batch
from server.store.dialect import Database
from server.store.lookup import Lookup
from server.store.operations import ReceiptOp
from server.wire.parts import Kind, ReceiptMark, User

_receipts, _users = schema.receipts, schema.users

Pair = tuple[str, str]
"""Conversation and user."""

_FIND = Lookup(
    _receipts,
    by=(_receipts.c.conversation_id, _receipts.c.user_id),
    columns=(_receipts.c.conversation_id, _receipts.c.user_id, _receipts.c.delivered_offset, _receipts.c.read_offset),
)


def _raise(column: Column[int]) -> Batch:
    # Two devices may write at once on two workers: whatever was read before, a receipt never goes back.
    statement = (
        update(_receipts)
        .where(
            _receipts.c.conversation_id == bindparam("conversation"),
            _receipts.c.user_id == bindparam("user"),
            column < bindparam("above"),
        )
        .values({column: bindparam("to"), _receipts.c.at_ms: bindparam("moved_at_ms")})
    )
    return Batch(statement, ("to", "moved_at_ms", "conversation", "user", "above"))


_DELIVER, _READ = _raise(_receipts.c.delivered_offset), _raise(_receipts.c.read_offset)
_LIST = (
    select(
        _receipts.c.delivered_offset,
        _receipts.c.read_offset,
        _users.c.id,
        _users.c.kind,
        _users.c.name,
    )
    .join_from(_receipts, _users, _receipts.c.user_id == _users.c.id)
    .where(_receipts.c.conversation_id == bindparam("conversation"))
    .order_by(_receipts.c.at_ms.desc(), _receipts.c.user_id)
    .limit(bindparam("most"))
)


@dataclass(frozen=True, slots=True)
class Mark:
    """``read`` is never above ``delivered``."""

    delivered: int = 0
    read: int = 0
    at_ms: int = 0

    def moved(self, op: ReceiptOp) -> Mark:
        """As it is after ``op``; the same where ``op`` is no step forward."""
        receipt = op.receipt
        delivered = max(self.delivered, receipt.offset)
        read = max(self.read, receipt.offset) if receipt.kind == "read" else self.read
        return self if (delivered, read) == (self.delivered, self.read) else Mark(delivered, read, receipt.at_ms)


@dataclass(slots=True)
class ReceiptPlan:
    """``outcomes`` stand in the order of the operations: whether they moved anything."""

    outcomes: list[bool | NotFound | Invalid] = field(default_factory=list)
    moved: dict[Pair, Mark] = field(default_factory=dict)


def plan_receipts(
    heads: Mapping[str, int], members: Mapping[Pair, bool], known: Mapping[Pair, Mark], operations: Sequence[ReceiptOp]
) -> ReceiptPlan:
    """What one commit does to receipts. ``heads``: last offsets; what does not exist is in none of the maps."""
    plan = ReceiptPlan()
    for op in operations:
        pair = pair_of(op)
        last_offset = heads.get(op.conversation)
        if last_offset is None or (op.receipt.members_only and pair not in members):
            plan.outcomes.append(NotFound(f"There is no conversation {op.receipt.channel!r}."))
        elif op.receipt.offset > last_offset:
            plan.outcomes.append(Invalid(f"The offset {op.receipt.offset} is beyond the last message {last_offset}."))
        else:
            before = plan.moved.get(pair) or known.get(pair) or Mark()
            after = before.moved(op)
            if after is not before:
                plan.moved[pair] = after
            plan.outcomes.append(after is not before)
    return plan


def pair_of(op: ReceiptOp) -> Pair:
    """Whose receipt where."""
    return (op.conversation, op.receipt.user.id)


class Receiver:
    """Writes the receipts of a commit."""

    def __init__(self, database: Database) -> None:
        begin = database.upsert(_receipts, ["conversation_id", "user_id"], [])
        self._begin = Batch(
            begin.values(
                conversation_id=bindparam("conversation"),
                user_id=bindparam("user"),
                delivered_offset=literal_column("0"),
                read_offset=literal_column("0"),
                at_ms=literal_column("0"),
            ),
            ("conversation", "user"),
        )

    def __call__(self, connection: Connection, operations: Sequence[ReceiptOp]) -> list[bool | NotFound | Invalid]:
        """Whether each moved anything, in the order of the operations; or the error for its caller."""
        heads = conversations.heads(connection, sorted({op.conversation for op in operations}))
        last_offsets = {conversation: head.offset for conversation, head in heads.items()}
        closed = [pair_of(op) for op in operations if op.receipt.members_only]
        members = conversations.memberships(connection, closed) if closed else {}
        known = _find(connection, operations)
        plan = plan_receipts(last_offsets, members, known, operations)
        moved = sorted(plan.moved.items())
        self._begin.run(connection, [pair for pair, _ in moved if pair not in known])
        _DELIVER.run(connection, [(mark.delivered, mark.at_ms, *pair, mark.delivered) for pair, mark in moved])
        _READ.run(connection, [(mark.read, mark.at_ms, *pair, mark.read) for pair, mark in moved])
        return plan.outcomes


def _find(connection: Connection, operations: Sequence[ReceiptOp]) -> dict[Pair, Mark]:
    rows = _FIND.rows(connection, list({pair_of(op): None for op in operations}))
    return {(row.conversation_id, row.user_id): Mark(row.delivered_offset, row.read_offset) for row in rows}


def listed(connection: Connection, conversation: str, limit: int) -> list[ReceiptMark]:
    """How far each user has got, those who moved last first; "read" stands for "delivered" too where they agree."""
    marks: list[ReceiptMark] = []
    for row in connection.execute(_LIST, {"conversation": conversation, "most": limit}).all():
        user = User(row.id, cast(Kind, row.kind), row.name)
        if row.read_offset:
            marks.append(ReceiptMark(user, "read", row.read_offset))
        if row.delivered_offset > row.read_offset:
            marks.append(ReceiptMark(user, "delivered", row.delivered_offset))
    return marks[:limit]
