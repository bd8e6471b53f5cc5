"""Checks and encodes what callers ask of the writer, before it queues.

What a client can get wrong fails here, alone and without a round trip; a commit then only meets plain values.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson

from server.errors import Invalid
from server.store import codec
from server.store.operations import (
    AnswerOp,
    AppendOp,
    ClaimOp,
    HandoffOp,
    MembersOp,
    OpenOp,
    ReceiptOp,
    ReleaseOp,
    ResolveOp,
    RewardOp,
)
from server.store.policy_ports import Repeats
from server.store.ports import (
    Answer,
    Append,
    Claim,
    Combine,
    DecisionRow,
    Handoff,
    Opening,
    Receipt,
    Release,
    Resolution,
    RewardParts,
)


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
        decision_row=None if answer.decision is None else decision_row(answer.decision),
    )


def decision_row(decision: DecisionRow) -> dict[str, Any]:
    """Its columns, but for those that a commit adds."""
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
        "mode": decision.mode,
        "seed": decision.seed,
    }


def prepare_resolution(resolution: Resolution) -> ResolveOp:
    """``NotFound`` for a channel that is no conversation."""
    return ResolveOp(resolution, codec.conversation_id(resolution.channel))


def prepare_handoff(handoff: Handoff, new_id: Callable[[], str]) -> HandoffOp:
    """``NotFound`` for a channel that is no conversation, ``Invalid`` for what can't be stored."""
    check_texts(reason=handoff.reason, user_id=handoff.by.id)
    return HandoffOp(handoff, codec.conversation_id(handoff.channel), new_id())


def prepare_claim(claim: Claim) -> ClaimOp:
    """``NotFound`` for a channel that is no conversation, ``Invalid`` for what can't be stored."""
    check_texts(agent_id=claim.agent.id, agent_name=claim.agent.name)
    return ClaimOp(claim, codec.conversation_id(claim.channel))


def prepare_release(release: Release, new_id: Callable[[], str]) -> ReleaseOp:
    """``NotFound`` for a channel that is no conversation, ``Invalid`` for what can't be stored."""
    check_texts(reason=release.reason, heir=release.heir)
    return ReleaseOp(release, codec.conversation_id(release.channel), new_id())


def prepare_members(channel: str, add: Sequence[str], remove: Sequence[str], at_ms: int) -> MembersOp:
    """``NotFound`` for a channel that is no conversation, ``Invalid`` for an id that can't be stored or is in both."""
    for user_id in (*add, *remove):
        check_texts(user_id=user_id)
    both = set(add) & set(remove)
    if both:
        raise Invalid(f"The user {min(both)!r} can't be added and removed at once; name it in one of the two lists.")
    return MembersOp(codec.conversation_id(channel), tuple(dict.fromkeys(add)), tuple(dict.fromkeys(remove)), at_ms)


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


def prepare_receipt(receipt: Receipt) -> ReceiptOp:
    """``NotFound`` for a channel that is no conversation, ``Invalid`` for a negative offset."""
    check_texts(user_id=receipt.user.id)
    if receipt.offset < 0:
        raise Invalid(f"The offset is {receipt.offset}; it must be that of a message, or 0.")
    return ReceiptOp(receipt, codec.conversation_id(receipt.channel))


def prepare_reward(found: RewardParts, combine: Combine, at_ms: int, repeats: Repeats = "last") -> RewardOp:
    """``Invalid`` for a part outside [0, 1]."""
    for name, value in found.parts.items():
        check_unit_interval(f"reward part {name!r}", value)
    return RewardOp(found, combine, at_ms, repeats)


def check_unit_interval(what: str, value: float) -> None:
    """``Invalid`` unless ``value`` is a number in [0, 1]."""
    if math.isnan(value) or not 0.0 <= value <= 1.0:
        raise Invalid(f"The {what} is {value}; it must be a number from 0 to 1.")


def check_texts(**texts: str | None) -> None:
    """``Invalid`` for a text that not every database stores; it is named by its keyword."""
    for name, text in texts.items():
        if text is not None and not codec.is_storable(text):
            raise Invalid(f"The {name} contains a NUL character or a lone surrogate; send whole characters only.")


def _stored_data(data: Mapping[str, Any] | None) -> tuple[dict[str, Any] | None, str | None]:
    """The data as it will be read back, so that whoever gets it at once sees the same as whoever gets it later."""
    text = codec.encode_mapping(data, "data")
    return (None, None) if text is None else (orjson.loads(text), text)
