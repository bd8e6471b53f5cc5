"""One group commit inside its transaction.

Every worker takes its locks in one order, so that two groups may wait for each other but never in a circle: users,
openings, conversations, turns, the other works, decisions, policies; within a table by id.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection

from server.store import converse, schema
from server.store.conversations import Opener
from server.store.dialect import Database
from server.store.learning import Rewarder
from server.store.operations import ConversationOp, OpenOp, Operation, RewardOp, SaveUserOp, WorkOp


@dataclass(slots=True)
class _Parts:
    """A group by kind, each operation with its place in the group."""

    users: dict[str, dict[str, object]] = field(default_factory=dict)
    openings: list[tuple[int, OpenOp]] = field(default_factory=list)
    conversations: list[tuple[int, ConversationOp]] = field(default_factory=list)
    rewards: list[tuple[int, RewardOp]] = field(default_factory=list)
    works: list[tuple[int, WorkOp]] = field(default_factory=list)


class GroupCommit:
    """Runs groups of operations, each in the transaction of its caller."""

    def __init__(self, database: Database) -> None:
        self._save_user = database.upsert(schema.users, ["id"], ["kind", "name"])
        self._open = Opener(database)
        self._reward = Rewarder(database)

    def __call__(self, connection: Connection, operations: Sequence[Operation]) -> list[object]:
        """The operations' outcomes in their order: values, or errors of ``server.errors`` for single callers."""
        outcomes: list[object] = [None] * len(operations)
        parts = _by_kind(operations)
        if parts.users:
            connection.execute(self._save_user, [row for _, row in sorted(parts.users.items())])
        for place, opening in sorted(parts.openings, key=lambda item: _order(item[1])):
            outcomes[place] = self._open(connection, opening)
        if parts.conversations:
            for (place, _), outcome in zip(
                parts.conversations, converse.converse(connection, [op for _, op in parts.conversations]), strict=True
            ):
                outcomes[place] = outcome
        for place, work in sorted(parts.works, key=lambda item: item[1].order):
            outcomes[place] = work.work(connection)
        if parts.rewards:
            for (place, _), event in zip(
                parts.rewards, self._reward(connection, [op for _, op in parts.rewards]), strict=True
            ):
                outcomes[place] = event
        return outcomes


def _by_kind(operations: Sequence[Operation]) -> _Parts:
    parts = _Parts()
    for place, operation in enumerate(operations):
        match operation:
            case SaveUserOp(user, at_ms):
                parts.users[user.id] = {"id": user.id, "kind": user.kind, "name": user.name, "created_at_ms": at_ms}
            case OpenOp(opening):
                user = opening.user
                parts.users[user.id] = {
                    "id": user.id,
                    "kind": user.kind,
                    "name": user.name,
                    "created_at_ms": opening.at_ms,
                }
                parts.openings.append((place, operation))
            case RewardOp():
                parts.rewards.append((place, operation))
            case WorkOp():
                parts.works.append((place, operation))
            case _:
                parts.conversations.append((place, operation))
    return parts


def _order(op: OpenOp) -> tuple[str, str]:
    return (op.opening.user.id, op.opening.key)
