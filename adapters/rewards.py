"""The reward of a decision, in [0, 1], from named parts that arrive one by one, or never.

A part says one thing about how the answer was received, and belongs to a group. Which parts are known is all that
counts: not their order, not how often one was told. What is unknown is left out, and the weights of the others fill its
place: first among the parts of a group, then among the groups.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields
from numbers import Real
from types import MappingProxyType

from adapters.names import suggestion

PARTS: Mapping[str, str] = MappingProxyType(
    {
        "feedback": "the customer's own rating of the answer: thumbs are 0 and 1",
        "rating": "somebody's rating of the whole conversation, for its last answer",
        "sentiment": "the mood from the message answered to the next one: 0.5 unchanged, 1 better by one or more",
        "thanks": "1 when the next message thanks, 0 when it complains",
        "resolved": "1 when the conversation was marked resolved after the answer, 0 when that was taken back",
        "handoff": "0 when the customer asked for a human after the answer",
        "reply": "1 when the customer wrote again",
        "silence": "the customer did not: 0.5 when the mood was neutral or better, down to 0 when it was worst",
        "length": "how far the conversation has come with the customer's next message: 1 from 20 of them on",
        "answer_time": "how soon the answer came: 1 at once, 0 after 60 s or more",
    }
)
GROUP_OF: Mapping[str, str] = MappingProxyType(
    dict.fromkeys(("feedback", "rating", "sentiment", "thanks", "resolved", "handoff"), "satisfaction")
    | dict.fromkeys(("reply", "silence"), "engagement")
    | {"length": "length", "answer_time": "time"}
)
LONG_TURNS = 20
SLOW_S = 60.0


@dataclass(frozen=True, slots=True)
class Before:
    """The customer's message that was answered: ``sentiment_score`` in [-1, 1], its ``act``, and which of the
    customer's messages it was, from 1 on (0: unknown). ``answer_s``: from the message to its answer; None: unknown."""

    sentiment_score: float
    act: str = "other"
    turn_number: int = 0
    answer_s: float | None = None


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
        if before.turn_number > 0:
            parts["length"] = min((before.turn_number + 1) / LONG_TURNS, 1.0)
    if after.act in {"thanks", "complaint"}:
        parts["thanks"] = float(after.act == "thanks")
    if after.resolved is not None:
        parts["resolved"] = float(after.resolved)
    if after.handoff:
        parts["handoff"] = 0.0
    # Nobody answers an answer to a goodbye: such silence says nothing.
    if after.silent and before.act not in {"thanks", "goodbye"}:
        parts["silence"] = 0.5 + min(_score(before.sentiment_score), 0.0) / 2.0
    if before.answer_s is not None and ("reply" in parts or "silence" in parts):
        parts["answer_time"] = 1.0 - min(max(before.answer_s, 0.0), SLOW_S) / SLOW_S
    return parts


@dataclass(frozen=True, slots=True)
class GroupWeights:
    """How much each group of parts counts; as ``RewardWeights``."""

    engagement: float = 0.40
    satisfaction: float = 0.30
    length: float = 0.20
    time: float = 0.10

    def __post_init__(self) -> None:
        _check_weights(self, "reward group")

    @classmethod
    def of(cls, weights: Mapping[str, float]) -> GroupWeights:
        """Weights by name, the others as they come. ``ValueError`` for an unknown name, with the nearest known one."""
        _check_names(weights, [group.name for group in fields(cls)], "reward group")
        return cls(**weights)


@dataclass(frozen=True, slots=True)
class RewardWeights:
    """How much each part counts among those of its group, and each group; finite, ≥ 0, one > 0, else ``ValueError``."""

    feedback: float = 0.60
    rating: float = 0.60
    sentiment: float = 0.12
    thanks: float = 0.06
    resolved: float = 0.10
    handoff: float = 0.08
    reply: float = 1.0
    silence: float = 1.0
    length: float = 1.0
    answer_time: float = 1.0
    groups: GroupWeights = field(default_factory=GroupWeights)

    def __post_init__(self) -> None:
        _check_weights(self, "reward", PARTS)
        if not any(getattr(self, part) * getattr(self.groups, GROUP_OF[part]) for part in PARTS):
            raise ValueError("no reward part has a weight in a group that has one. Give at least one of them both.")

    @classmethod
    def of(cls, weights: Mapping[str, float], groups: Mapping[str, float] = MappingProxyType({})) -> RewardWeights:
        """Weights by name, the others as they come. ``ValueError`` for an unknown name, with the nearest known one."""
        _check_names(weights, PARTS, "reward part")
        return cls(**weights, groups=GroupWeights.of(groups))

    def combine(self, parts: Mapping[str, float]) -> float | None:
        """The weighted mean of the known groups, each the weighted mean of its known parts, in [0, 1]; None when they
        say nothing.

        Then the customer's own word bounds it, unless ``feedback`` has no weight: a thumb down never ends above 0.5,
        nor a thumb up under, whatever else is known. ``silence`` is dropped once there is a ``reply``: the customer was
        late, not silent, whichever was told first. Names without a weight (of another version) say nothing.
        ``ValueError`` for a value out of [0, 1].
        """
        sums = {group.name: [0.0, 0.0] for group in fields(self.groups)}
        # In the order of the fields, so that the sum is the same to the bit whatever the order of the parts.
        for part in PARTS:
            value = parts.get(part)
            if value is None or (part == "silence" and "reply" in parts):
                continue
            if not 0.0 <= value <= 1.0:
                raise ValueError(f"reward part {part!r} is {value!r}. Give a number from 0 to 1.")
            weight, sums_of_group = getattr(self, part), sums[GROUP_OF[part]]
            sums_of_group[0] += weight * value
            sums_of_group[1] += weight
        known = [(getattr(self.groups, name), total / count) for name, (total, count) in sums.items() if count > 0.0]
        weight_sum = sum(weight for weight, _ in known)
        if weight_sum <= 0.0:
            return None
        reward: float = min(sum(weight * value for weight, value in known) / weight_sum, 1.0)
        if "feedback" not in parts or not self.feedback or not self.groups.satisfaction:
            return reward
        word = parts["feedback"]
        return min(max(reward, word / 2.0), (1.0 + word) / 2.0)


def _check_weights(weights: object, what: str, names: Collection[str] = ()) -> None:
    names = names or [field_.name for field_ in fields(weights)]  # type: ignore[arg-type]
    for name in names:
        value = getattr(weights, name)
        if isinstance(value, bool) or not isinstance(value, Real) or not 0.0 <= float(value) <= 1e6:
            raise ValueError(f"{what} weight {name!r} is {value!r}. Give a number from 0 on.")
    if not any(getattr(weights, name) for name in names):
        raise ValueError(f"every {what} weight is 0. Give at least one a weight.")


def _check_names(weights: Mapping[str, float], known: Collection[str], what: str) -> None:
    for name in weights:
        if name not in known:
            raise ValueError(f"there is no {what} {name!r}. {suggestion(name, known)}")


def _score(sentiment: float) -> float:
    """A sentiment score in [-1, 1]; 0 for what is no number."""
    return 0.0 if math.isnan(sentiment) else min(max(sentiment, -1.0), 1.0)
