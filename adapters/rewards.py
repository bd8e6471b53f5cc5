"""The reward of a decision, in [0, 1], from named parts that arrive one by one, or never.

A part says one thing about how the answer was received. Which parts are known is all that counts: not their order, not
how often one was told. What is unknown is left out, and the weights of the others fill its place.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from numbers import Real
from types import MappingProxyType

from adapters.names import suggestion

PARTS: Mapping[str, str] = MappingProxyType(
    {
        "feedback": "the customer's own rating of the answer: thumbs are 0 and 1",
        "sentiment": "the mood from the message answered to the next one: 0.5 unchanged, 1 better by one or more",
        "thanks": "1 when the next message thanks, 0 when it complains",
        "resolved": "1 when the conversation was marked resolved after the answer, 0 when that was taken back",
        "handoff": "0 when the customer asked for a human after the answer",
        "reply": "1 when the customer wrote again",
        "silence": "the customer did not: 0.5 when the mood was neutral or better, down to 0 when it was worst",
        "outcome": "the customer's rating of the whole conversation (with credit_lambda)",
    }
)

CREDIT = "credit"
"""Beside the parts of an answer that others followed: how much of ``FROM_THE_END`` is its merit, in [0, 1]
(``adapters.credit``); it scales their weights, and is no part itself."""
FROM_THE_END = frozenset({"resolved", "outcome"})


@dataclass(frozen=True, slots=True)
class Before:
    """The customer's message that was answered: ``sentiment_score`` in [-1, 1], and its ``act``."""

    sentiment_score: float
    act: str = "other"


@dataclass(frozen=True, slots=True)
class After:
    """What is known to have followed the answer, now.

    ``sentiment_score`` in [-1, 1] and ``act``: of the customer's next message, None while there is none. ``resolved``:
    the conversation was marked so (True), or unmarked (False). ``handoff``: a human was asked for. ``silent``: the
    waiting time has passed without a message.
    """

    sentiment_score: float | None = None
    act: str | None = None
    resolved: bool | None = None
    handoff: bool = False
    silent: bool = False


def next_turn_parts(before: Before, after: After) -> dict[str, float]:
    """The parts that ``after`` makes known, each in [0, 1]; none for an ``after`` that says nothing."""
    parts: dict[str, float] = {}
    if after.sentiment_score is not None:
        change = _score(after.sentiment_score) - _score(before.sentiment_score)
        parts["sentiment"] = min(max(0.5 + change / 2.0, 0.0), 1.0)
        parts["reply"] = 1.0
    if after.act in {"thanks", "complaint"}:
        parts["thanks"] = float(after.act == "thanks")
    if after.resolved is not None:
        parts["resolved"] = float(after.resolved)
    if after.handoff:
        parts["handoff"] = 0.0
    # Nobody answers an answer to a goodbye: such silence says nothing.
    if after.silent and before.act not in {"thanks", "goodbye"}:
        parts["silence"] = 0.5 + min(_score(before.sentiment_score), 0.0) / 2.0
    return parts


@dataclass(frozen=True, slots=True)
class RewardWeights:
    """How much each part counts; finite, ≥ 0, one of them > 0, else ``ValueError``.

    As they come, ``feedback`` outweighs all the others together: a thumb up never ends under 0.5, nor a thumb down
    above.
    """

    feedback: float = 0.60
    sentiment: float = 0.12
    thanks: float = 0.06
    resolved: float = 0.10
    handoff: float = 0.08
    reply: float = 0.02
    silence: float = 0.04
    outcome: float = 0.15

    def __post_init__(self) -> None:
        for name in PARTS:
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, Real) or not 0.0 <= float(value) <= 1e6:
                raise ValueError(f"reward weight {name!r} is {value!r}. Give a number from 0 on.")
        if not any(getattr(self, name) for name in PARTS):
            raise ValueError("every reward weight is 0. Give at least one part a weight.")

    @classmethod
    def of(cls, weights: Mapping[str, float]) -> RewardWeights:
        """Weights by name, the others as they come. ``ValueError`` for an unknown name, with the nearest known one."""
        for name in weights:
            if name not in PARTS:
                raise ValueError(f"there is no reward part {name!r}. {suggestion(name, PARTS)}")
        return cls(**weights)

    def combine(self, parts: Mapping[str, float]) -> float | None:
        """The weighted mean of the known parts, in [0, 1]; None when they say nothing.

        ``silence`` is dropped once there is a ``reply``: the customer was late, not silent, whichever was told first.
        ``CREDIT`` scales what is known from the end only. Names without a weight (of another version) say nothing.
        ``ValueError`` for a value out of [0, 1].
        """
        total = weight_sum = 0.0
        credit = parts.get(CREDIT, 1.0)
        if not 0.0 <= credit <= 1.0:
            raise ValueError(f"reward credit is {credit!r}. Give a number from 0 to 1.")
        # In the order of the fields, so that the sum is the same to the bit whatever the order of the parts.
        for part in fields(self):
            value = parts.get(part.name)
            if value is None or (part.name == "silence" and "reply" in parts):
                continue
            if not 0.0 <= value <= 1.0:
                raise ValueError(f"reward part {part.name!r} is {value!r}. Give a number from 0 to 1.")
            weight = getattr(self, part.name) * (credit if part.name in FROM_THE_END else 1.0)
            total += weight * value
            weight_sum += weight
        return min(total / weight_sum, 1.0) if weight_sum > 0.0 else None


def _score(sentiment: float) -> float:
    """A sentiment score in [-1, 1]; 0 for what is no number."""
    return 0.0 if math.isnan(sentiment) else min(max(sentiment, -1.0), 1.0)
