"""What callers ask of the writer, checked and encoded before it queues.

What a client can get wrong fails here, alone and without a round trip; a commit then only meets plain values.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Connection

from server.errors import Invalid
from server.store import codec
from server.store.ports import Answer, Append, Combine, DecisionRow, Opening, Resolution, RewardParts
from server.wire.parts import User


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
class ResolveOp:
    resolution: Resolution
    conversation: str


@dataclass(frozen=True, slots=True)
class SaveUserOp:
    user: User
    at_ms: int


@dataclass(frozen=True, slots=True)
class OpenOp:
    opening: Opening
    conversation: str
    metadata_json: str | None
    digest: bytes


@dataclass(frozen=True, slots=True)
class RewardOp:
    found: RewardParts
    combine: Combine
    at_ms: int


@dataclass(frozen=True, slots=True)
class WorkOp:
    """Anything else that writes. ``order`` sorts it within its group, so that every worker locks rows in one order."""

    order: tuple[str, ...]
    work: Callable[[Connection], Any]


ConversationOp = AppendOp | AnswerOp | ResolveOp
Operation = ConversationOp | SaveUserOp | OpenOp | RewardOp | WorkOp


def prepare_append(append: Append, new_id: Callable[[], str]) -> AppendOp:
    """``NotFound`` for a channel that is no conversation, ``Invalid`` for what can't be stored."""
    check_texts(text=append.text, key=append.key, reply_to=append.reply_to, sender_id=append.sender.id)
    data, data_json = _stored_data(append.data)
    return AppendOp(
        append=append,
        conversation=codec.conversation_id(append.channel),
        digest=codec.content_digest(append.text, data, append.reply_to),
        data=data,
        data_json=data_json,
        reopen_id=new_id() if append.sender.kind == "customer" else "",
    )


def prepare_answer(answer: Answer) -> AnswerOp:
    """``Invalid`` for what can't be stored."""
    check_texts(text=answer.text)
    data, data_json = _stored_data(answer.data)
    return AnswerOp(
        answer=answer,
        conversation=codec.conversation_id(answer.turn.message.channel),
        data=data,
        data_json=data_json,
        turn_json=codec.encode_turn(answer.shown),
        analysis_json=codec.encode_json(dict(answer.analysis), "analysis"),
        notes_json=codec.encode_json(dict(answer.notes), "notes"),
        decision_row=None if answer.decision is None else _decision_row(answer.decision),
    )


def _decision_row(decision: DecisionRow) -> dict[str, Any]:
    return {
        "decision_id": decision.decision_id,
        "policy": decision.policy,
        "version": decision.version,
        "arm": decision.arm,
        "propensity": decision.propensity,
        "arms_json": codec.encode_json(list(decision.arms), "arms"),
        "probabilities": codec.pack_floats(decision.probabilities),
        "features": codec.pack_floats(decision.features),
        "at_ms": decision.at_ms,
        "parts_json": "{}",
    }


def prepare_resolution(resolution: Resolution) -> ResolveOp:
    """``NotFound`` for a channel that is no conversation."""
    return ResolveOp(resolution, codec.conversation_id(resolution.channel))


def prepare_opening(opening: Opening) -> OpenOp:
    """``Invalid`` for what can't be stored."""
    check_texts(key=opening.key, user_id=opening.user.id, user_name=opening.user.name)
    metadata = None if opening.metadata is None else dict(opening.metadata)
    return OpenOp(
        opening=opening,
        conversation=codec.conversation_id(opening.channel),
        metadata_json=codec.encode_mapping(metadata, "metadata"),
        digest=codec.content_digest(metadata),
    )


def prepare_reward(found: RewardParts, combine: Combine, at_ms: int) -> RewardOp:
    """``Invalid`` for a part outside [0, 1]."""
    for name, value in found.parts.items():
        check_unit_interval(f"reward part {name!r}", value)
    return RewardOp(found, combine, at_ms)


def check_unit_interval(what: str, value: float) -> None:
    """``Invalid`` unless ``value`` is a number in [0, 1]."""
    if math.isnan(value) or not 0.0 <= value <= 1.0:
        raise Invalid(f"The {what} is {value}; it must be a number from 0 to 1.")


def _stored_data(data: Mapping[str, Any] | None) -> tuple[dict[str, Any] | None, str | None]:
    """The data as it will be read back, so that whoever gets it at once sees the same as whoever gets it later."""
    text = codec.encode_mapping(data, "data")
    return (None, None) if text is None else (orjson.loads(text), text)


def check_texts(**texts: str | None) -> None:
    """``Invalid`` for a text that not every database stores; it is named by its keyword."""
    for name, text in texts.items():
        if text is not None and not codec.is_storable(text):
            raise Invalid(f"The {name} contains a NUL character or a lone surrogate; send whole characters only.")
