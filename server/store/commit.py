"""One group commit inside its transaction.

Every worker takes its locks in one order, so that two groups may wait for each other but never in a circle: users,
counters, openings, conversations, turns, receipts, the other works, decisions, policies; within a table by id.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from sqlalchemy import Connection

from server.store import converse
from server.store.account_plan import plan_accounts
from server.store.accounts import Accounts
from server.store.conversations import Opener
from server.store.dialect import Database
from server.store.learning import Rewarder
from server.store.operations import (
    AbsenceOp,
    ChangeOp,
    ClaimOp,
    ConversationOp,
    DefaultOp,
    LearningOp,
    OpenOp,
    Operation,
    ReceiptOp,
    RevokeOp,
    RewardOp,
    SaveUserOp,
    SawOp,
    StatusOp,
    UserOp,
    WorkOp,
)
from server.store.receipts import Receiver
from server.wire.parts import User

Op = TypeVar("Op")
Placed = list[tuple[int, Op]]
"""Operations with their places in the group."""


@dataclass(slots=True)
class _Parts:
    """A group by kind. ``saved`` and ``met``: users with the time since when they are known, should they be new."""

    saved: dict[str, tuple[User, int]] = field(default_factory=dict)
    met: dict[str, tuple[User, int]] = field(default_factory=dict)
    users: Placed[UserOp] = field(default_factory=list)
    openings: Placed[OpenOp] = field(default_factory=list)
    conversations: Placed[ConversationOp] = field(default_factory=list)
    receipts: Placed[ReceiptOp] = field(default_factory=list)
    rewards: Placed[LearningOp] = field(default_factory=list)
    works: Placed[WorkOp] = field(default_factory=list)


class GroupCommit:
    """Runs groups of operations, each in the transaction of its caller."""

    def __init__(self, database: Database) -> None:
        self._accounts = Accounts(database)
        self._open = Opener(database)
        self._receive = Receiver(database)
        self._reward = Rewarder(database)

    def __call__(self, connection: Connection, operations: Sequence[Operation]) -> list[object]:
        """The operations' outcomes in their order: values, or errors of ``server.errors`` for single callers."""
        outcomes: list[object] = [None] * len(operations)
        parts = _by_kind(operations)
        if parts.users or parts.met or parts.saved:
            _put(outcomes, parts.users, self._keep_users(connection, parts))
        for place, opening in sorted(parts.openings, key=lambda item: _order(item[1])):
            outcomes[place] = self._open(connection, opening)
        if parts.conversations:
            _put(outcomes, parts.conversations, converse.converse(connection, _operations(parts.conversations)))
        if parts.receipts:
            _put(outcomes, parts.receipts, self._receive(connection, _operations(parts.receipts)))
        for place, work in sorted(parts.works, key=lambda item: item[1].order):
            outcomes[place] = work.work(connection)
        if parts.rewards:
            _put(outcomes, parts.rewards, self._reward(connection, _operations(parts.rewards)))
        return outcomes

    def _keep_users(self, connection: Connection, parts: _Parts) -> list[object]:
        operations = _operations(parts.users)
        known = {}
        if operations or parts.met:
            # Rows that are locked by id first can't be met in another order by the statements that follow; a group
            # with nothing but openings has one statement, which is ordered itself.
            known = self._accounts.lock(connection, _named(operations) | {*parts.saved, *parts.met})
        self._accounts.save(connection, parts.saved)
        self._accounts.meet(connection, {id_: new for id_, new in parts.met.items() if id_ not in parts.saved})
        plan = plan_accounts(known, operations)
        plan.present |= parts.met.keys()
        self._accounts.write(connection, plan)
        return list(plan.outcomes)


def _by_kind(operations: Sequence[Operation]) -> _Parts:
    parts = _Parts()
    for place, operation in enumerate(operations):
        match operation:
            case SaveUserOp() | StatusOp() | SawOp() | RevokeOp() | AbsenceOp():
                parts.users.append((place, operation))
                if isinstance(operation, SaveUserOp):
                    parts.saved[operation.user.id] = (operation.user, operation.at_ms)
            case OpenOp(opening):
                parts.openings.append((place, operation))
                parts.saved[opening.user.id] = (opening.user, opening.at_ms)
            case ReceiptOp():
                parts.receipts.append((place, operation))
            case RewardOp() | DefaultOp() | ChangeOp():
                parts.rewards.append((place, operation))
            case WorkOp():
                parts.works.append((place, operation))
            case _:
                parts.conversations.append((place, operation))
                if isinstance(operation, ClaimOp):
                    # Who claims is present, whatever was noted before.
                    parts.met[operation.claim.agent.id] = (operation.claim.agent, operation.claim.at_ms)
    return parts


def _operations(placed: Placed[Op]) -> list[Op]:
    return [operation for _, operation in placed]


def _put(outcomes: list[object], placed: Placed[Op], found: Iterable[object]) -> None:
    for (place, _), outcome in zip(placed, found, strict=True):
        outcomes[place] = outcome


def _order(op: OpenOp) -> tuple[str, str]:
    return (op.opening.user.id, op.opening.key)


def _named(operations: Sequence[UserOp]) -> set[str]:
    named: set[str] = set()
    for operation in operations:
        match operation:
            case SaveUserOp(user):
                named.add(user.id)
            case StatusOp() | RevokeOp():
                named.add(operation.user_id)
            case SawOp(user_ids):
                named.update(user_ids)
            case AbsenceOp(absent, present):
                named.update(absent, present)
    return named
