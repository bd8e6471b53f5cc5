"""Who talks in the contract tests, and what they ask of the store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from server.store.ports import (
    Answer,
    Append,
    Appended,
    Claim,
    DecisionRow,
    Handoff,
    Opening,
    OpenTurn,
    Receipt,
    Release,
    Resolution,
    Store,
)
from server.wire.parts import ReceiptKind, Turn, User
from tests.contract.store.harness import new_id

ANN = User("user-ann", "customer", "Ann")
BEN = User("user-ben", "customer", "Ben")
EVE = User("user-eve", "agent", "Eve")
FAY = User("user-fay", "agent", "Fay")
ADA = User("user-ada", "admin", "Ada")
BOT = User("bot", "bot", "Parlance")

NOW_MS = 1_760_000_000_000


def conversation_of(channel: str) -> str:
    return channel.removeprefix("conv:")


def opening(user: User = ANN, key: str = "", metadata: Mapping[str, Any] | None = None) -> Opening:
    """With a key of its own where none is given."""
    return Opening(f"conv:{new_id()}", f"epoch-{new_id()}", user, key or new_id(), metadata, NOW_MS)


async def opened(store: Store, user: User = ANN, metadata: Mapping[str, Any] | None = None) -> str:
    """The channel of a new conversation."""
    return (await store.open_conversation(replace(opening(user), metadata=metadata))).conversation.channel


def message(
    channel: str,
    text: str = "hello",
    *,
    sender: User = ANN,
    key: str = "",
    data: Mapping[str, Any] | None = None,
    reply_to: str | None = None,
    wants_turn: bool = False,
    members_only: bool = False,
    worker: str = "worker-1",
    lease_ms: int = 60_000,
    message_id: str = "",
    at_ms: int = NOW_MS,
) -> Append:
    """With a key and an id of its own where none is given."""
    return Append(
        channel=channel,
        sender=sender,
        key=key or new_id(),
        text=text,
        message_id=message_id or new_id(),
        at_ms=at_ms,
        data=data,
        reply_to=reply_to,
        wants_turn=wants_turn,
        members_only=members_only,
        worker=worker,
        lease_ms=lease_ms,
    )


async def asked(store: Store, channel: str, text: str = "where is it?", *, worker: str = "worker-1") -> OpenTurn:
    """The turn of a new customer message."""
    appended: Appended = await store.append(message(channel, text, wants_turn=True, worker=worker))
    assert appended.turn is not None
    return appended.turn


def decision(
    policy: str = "linucb", *, arm: str = "warm", features: tuple[float, ...] = (0.1, 1 / 3, -2.0)
) -> DecisionRow:
    return DecisionRow(
        decision_id=new_id(),
        policy=policy,
        version=7,
        arm=arm,
        propensity=0.62,
        arms=("warm", "brisk"),
        probabilities=(0.62, 0.38),
        features=features,
        at_ms=NOW_MS,
    )


def answer(turn: OpenTurn, text: str = "on its way", chosen: DecisionRow | None = None, **changes: Any) -> Answer:
    """With a decision of its own where none is given."""
    made = chosen or decision()
    values: dict[str, Any] = {
        "turn": turn,
        "sender": BOT,
        "text": text,
        "message_id": new_id(),
        "at_ms": NOW_MS + 5,
        "data": {"suggestions": ["track it"]},
        "shown": Turn(made.decision_id, made.arm, made.policy, made.version, made.propensity, analysis_us=1_410),
        "decision": made,
        "analysis": {"intent": "parcel", "sentiment": {"score": -0.48}},
        "notes": {"phrases": ["p1"]},
        **changes,
    }
    return Answer(**values)


def resolution(channel: str, resolved: bool = True, by: User = ANN) -> Resolution:
    return Resolution(channel, resolved, by, new_id(), NOW_MS)


def handoff(
    channel: str, by: User = ANN, reason: str | None = "angry", *, at_ms: int = NOW_MS, **changes: Any
) -> Handoff:
    return Handoff(channel, by, reason, new_id(), at_ms, **changes)


def claim(channel: str, agent: User = EVE, *, at_ms: int = NOW_MS) -> Claim:
    return Claim(channel, agent, new_id(), at_ms)


def release(channel: str, by: User = EVE, **changes: Any) -> Release:
    return Release(channel, by, new_id(), **{"at_ms": NOW_MS, **changes})


def receipt(channel: str, offset: int, user: User = ANN, kind: ReceiptKind = "read", **changes: Any) -> Receipt:
    return Receipt(channel, user, kind, offset, **{"at_ms": NOW_MS, **changes})


async def events(store: Store, channel: str) -> list[str]:
    """What was said, in order: what the system tells by its event, everything else by its sender's kind."""
    return [
        str(one.data["event"]) if one.sender.kind == "system" and one.data is not None else one.sender.kind
        for one in await store.messages_after(channel, 0, 1_000)
    ]
