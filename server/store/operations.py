"""What callers ask of the writer, as the plain values that a commit meets; ``prepare`` makes and checks them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from server.store.policy_ports import PolicyChange, Repeats
from server.store.ports import (
    Answer,
    Append,
    Claim,
    Combine,
    Handoff,
    Opening,
    OpenTurn,
    Receipt,
    Release,
    Resolution,
    RewardParts,
)
from server.store.usage_ports import ModelUsage
from server.wire.parts import Status, User

# --------------------------------------------------------------------------- conversations, in the order of the calls


@dataclass(frozen=True, slots=True)
class AppendOp:
    """``data`` is what will be read back; ``reopen_id`` is the id of the system message, should there be one."""

    append: Append
    conversation: str
    digest: bytes
    data: dict[str, Any] | None
    data_json: str | None
    reopen_id: str


@dataclass(frozen=True, slots=True)
class AnswerOp:
    """``decision_row`` holds the columns of ``decisions`` that the commit does not add."""

    answer: Answer
    conversation: str
    data: dict[str, Any] | None
    data_json: str | None
    turn_json: str | None
    analysis_json: str
    notes_json: str
    decision_row: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class AbandonOp:
    turn: OpenTurn
    conversation: str
    used: ModelUsage | None


@dataclass(frozen=True, slots=True)
class ResolveOp:
    resolution: Resolution
    conversation: str


@dataclass(frozen=True, slots=True)
class HandoffOp:
    """``reopen_id`` is the id of the message that reopens a resolved conversation."""

    handoff: Handoff
    conversation: str
    reopen_id: str


@dataclass(frozen=True, slots=True)
class ClaimOp:
    claim: Claim
    conversation: str


@dataclass(frozen=True, slots=True)
class ReleaseOp:
    """``second_id`` is the id of the second message of a release to the queue or to an heir."""

    release: Release
    conversation: str
    second_id: str


@dataclass(frozen=True, slots=True)
class MembersOp:
    """``add`` and ``remove`` have no id in common."""

    conversation: str
    add: tuple[str, ...]
    remove: tuple[str, ...]
    at_ms: int


# --------------------------------------------------------------------------- users


@dataclass(frozen=True, slots=True)
class SaveUserOp:
    user: User
    at_ms: int


@dataclass(frozen=True, slots=True)
class StatusOp:
    user_id: str
    status: Status
    text: str | None


@dataclass(frozen=True, slots=True)
class SawOp:
    user_ids: tuple[str, ...]
    at_ms: int


@dataclass(frozen=True, slots=True)
class RevokeOp:
    user_id: str
    tokens_from_ms: int
    banned: bool | None


@dataclass(frozen=True, slots=True)
class AbsenceOp:
    """Users whose absence begins, unless it has begun, and users whose absence ends."""

    absent: tuple[str, ...]
    present: tuple[str, ...]


# --------------------------------------------------------------------------- others


@dataclass(frozen=True, slots=True)
class OpenOp:
    opening: Opening
    conversation: str
    metadata_json: str | None
    digest: bytes


@dataclass(frozen=True, slots=True)
class ReceiptOp:
    receipt: Receipt
    conversation: str


@dataclass(frozen=True, slots=True)
class RewardOp:
    found: RewardParts
    combine: Combine
    at_ms: int
    repeats: Repeats = "last"


@dataclass(frozen=True, slots=True)
class DefaultOp:
    """A reward for decisions of ``policy`` from before ``before_ms`` that have none."""

    policy: str
    reward: float
    before_ms: int
    at_ms: int
    limit: int


@dataclass(frozen=True, slots=True)
class ChangeOp:
    """``change`` as it will be read back, but for its ``log_offset``."""

    change: PolicyChange
    data_json: str


@dataclass(frozen=True, slots=True)
class WorkOp:
    """Anything else that writes. ``order`` sorts it within its group, so that every worker locks rows in one order."""

    order: tuple[str, ...]
    work: Callable[[Connection], Any]


ConversationOp = AppendOp | AnswerOp | AbandonOp | ResolveOp | HandoffOp | ClaimOp | ReleaseOp | MembersOp
UserOp = SaveUserOp | StatusOp | SawOp | RevokeOp | AbsenceOp
LearningOp = RewardOp | DefaultOp | ChangeOp
Operation = ConversationOp | UserOp | OpenOp | ReceiptOp | LearningOp | WorkOp
