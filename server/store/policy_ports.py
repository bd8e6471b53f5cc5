"""Policies: what else than rewards happens to them, and what they had learned at some place of their log.

Part of ``ports.Store``, whose text says what holds for every method. Changes and reward events of a policy share one
gapless numbering, the policy's log: whoever folds it meets a change at the same place as everybody else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from server.store.ports import DecisionRow, RewardEvent

Repeats = Literal["last", "first", "sum"]
"""What becomes of a part of a reward that is told again: the later value, the first, or all added up, at most 1."""

PolicyMode = Literal["live", "log_only", "apprentice"]
"""What is played and learned: the policy, from customers; chance alone, while the policy learns from that; or the
policy, from agents' choices only."""

ChangeKind = Literal["rollback", "add", "remove", "pause", "resume"]
SnapshotReason = Literal["interval", "shutdown", "manual"]


@dataclass(frozen=True, slots=True)
class PolicyChange:
    """An entry of a policy's log that is no reward. ``kind`` is a ``ChangeKind``, or one of a newer release.

    ``data``: for "rollback" ``{"to": log_offset}``; for "add" ``persona`` (as in ``personas.yaml``) and perhaps
    ``like`` (an arm) and ``weight``; for the others ``arm``. ``by``: who did it.
    """

    policy: str
    log_offset: int
    kind: str
    data: Mapping[str, Any]
    by: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a policy had made of its log up to and including ``log_offset``.

    ``state``: the policy's bytes, empty where many are listed. ``digest``: their SHA-256, hexadecimal. ``parameters``:
    what a policy must be like to load them (algorithm, arms, dimension, shaping parameters).
    """

    policy: str
    log_offset: int
    digest: str
    parameters: Mapping[str, Any]
    reason: SnapshotReason
    by: str
    created_ms: int
    state: bytes = field(default=b"", repr=False)


class PolicyStore(Protocol):
    """What ``ports.Store`` promises of policies."""

    async def log_decision(self, decision: DecisionRow, message_id: str) -> bool:
        """Keep a decision about a message that is stored already. False, and nothing stored, where it has one."""

    async def default_rewards(self, policy: str, reward: float, before_ms: int, at_ms: int, limit: int) -> int:
        """Give ``reward``, in [0, 1], to decisions of ``policy`` that were taken before ``before_ms`` and have none: an
        event each, at most ``limit``, the oldest first. How many; rows that another worker holds are its to reward."""

    async def policy_salt(self) -> int:
        """A random number below 2^63 that this database keeps, the same for everybody who asks: what policies know
        users by is made with it."""

    async def log_after(self, policy: str, log_offset: int, limit: int) -> list[RewardEvent | PolicyChange]:
        """The log's next entries, in order."""

    async def log_ends(self) -> dict[str, int]:
        """The last ``log_offset`` of every policy that has a log, by its name, ascending."""

    async def reward_event(self, policy: str, log_offset: int) -> RewardEvent | None:
        """One event; None where there is none, or a change stands there."""

    async def change_policy(
        self, policy: str, kind: ChangeKind, data: Mapping[str, Any], by: str, at_ms: int
    ) -> PolicyChange:
        """Append a change to the policy's log."""

    async def policy_changes(self, policy: str) -> list[PolicyChange]:
        """All of them, in order."""

    async def save_snapshot(self, snapshot: Snapshot, keep: int) -> bool:
        """Store it and let go of all but the ``keep`` newest; manual ones stay, and replace what there is. False, and
        nothing stored, where another worker has made one that is not manual at that place before."""

    async def snapshots(self, policy: str, limit: int) -> list[Snapshot]:
        """The newest first, without their states."""

    async def snapshot(self, policy: str, log_offset: int) -> Snapshot | None:
        """One, with its state."""
