"""Who the simulated customers are: what they like, what moods they come in, how they react. Values, as in a file.

A taste is a table: in which circumstances (a feature of the context) which trait of a persona is liked (> 0) or
disliked (< 0). That of a person is everybody's plus their segment's plus a deviation of their own, so that there is
something to learn for all, for a segment and for one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from adapters.features import FEATURE_NAMES
from adapters.names import suggestion
from adapters.simulation.moods import MOOD_NAMES
from adapters.simulation.speech import check_says
from adapters.traits import TRAIT_NAMES

Likes = Mapping[str, Mapping[str, float]]
Matrix = NDArray[np.float64]

ALWAYS = "always"
"""In a taste: whatever the circumstances. The context's feature of that meaning is called constant."""

MOST_CUSTOMERS = 100_000
STRONGEST = 20.0  # beyond that a reward is 0 or 1 to nine digits


class CustomersError(ValueError):
    """Customers that can't be: the text says where, what, and what to do."""


@dataclass(frozen=True, slots=True)
class Drift:
    """A change of heart. ``share`` of the segment's customers take on the taste of the segment ``to``; they begin at
    ``at`` of the simulated time, in [0, 1], and take ``over`` of it, 0: from one turn to the next."""

    share: float
    to: str
    at: float = 0.5
    over: float = 0.0

    def __post_init__(self) -> None:
        _within("drift.share", self.share, 0.0, 1.0)
        _within("drift.at", self.at, 0.0, 1.0)
        _within("drift.over", self.over, 0.0, 1.0)


@dataclass(frozen=True, slots=True)
class Delay:
    """``share`` of the segment's customers react late: after ``hours`` on average, exponentially distributed."""

    share: float
    hours: float

    def __post_init__(self) -> None:
        _within("delay.share", self.share, 0.0, 1.0)
        _within("delay.hours", self.hours, 0.0, 24.0 * 365.0)


@dataclass(frozen=True, slots=True)
class Segment:
    """Customers of one kind.

    ``share``: of all customers, relative to the other segments'. ``moods``: how often they come in which mood, in
    relation; empty: each as often. ``likes``: beside what everybody likes. ``deviation``: standard deviation of a
    person's own liking of each trait. ``reacts``: chance that a turn is reacted to; ``silent``: share of customers who
    never react.
    """

    name: str
    share: float = 1.0
    moods: Mapping[str, float] = field(default_factory=dict)
    likes: Likes = field(default_factory=dict)
    deviation: float = 0.0
    reacts: float = 1.0
    silent: float = 0.0
    delay: Delay | None = None
    drift: Drift | None = None

    def __post_init__(self) -> None:
        if not self.name.strip():
            raise CustomersError("a segment has no name. Give each a 'name'.")
        _within("share", self.share, 0.0, 1e6)
        _within("deviation", self.deviation, 0.0, STRONGEST)
        _within("reacts", self.reacts, 0.0, 1.0)
        _within("silent", self.silent, 0.0, 1.0)
        for name, weight in self.moods.items():
            _known("mood", name, MOOD_NAMES)
            _within(f"moods.{name}", weight, 0.0, 1e6)
        if self.moods and not sum(self.moods.values()) > 0.0:
            raise CustomersError("every mood has the weight 0. Give at least one a weight, or leave 'moods' away.")
        taste(self.likes)


@dataclass(frozen=True, slots=True)
class Customers:
    """All of them.

    ``count`` people; ``turns_per_day`` of all together; ``conversation_turns``: mean length of a conversation.
    ``base``: the reward of a persona that is neither liked nor disliked, as log-odds. ``likes``: everybody's taste.
    ``noise`` in [0, 1]: a reward's variance in relation to the largest it could have; 0: always what is expected,
    1: nothing but thumbs, up or down. ``says``: lines by mood and reaction, for the live simulation. Raises
    ``CustomersError``.
    """

    segments: tuple[Segment, ...]
    count: int = 200
    turns_per_day: float = 500.0
    conversation_turns: float = 4.0
    base: float = 0.0
    noise: float = 0.5
    likes: Likes = field(default_factory=dict)
    says: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.segments or not sum(segment.share for segment in self.segments) > 0.0:
            raise CustomersError("nobody is there. Give 'segments' at least one with a share above 0.")
        _within("count", self.count, 1, MOST_CUSTOMERS)
        _within("turns_per_day", self.turns_per_day, 1e-3, 1e9)
        _within("conversation_turns", self.conversation_turns, 1.0, 1_000.0)
        _within("base", self.base, -STRONGEST, STRONGEST)
        _within("noise", self.noise, 0.0, 1.0)
        taste(self.likes)
        try:
            check_says(self.says)
        except ValueError as error:
            raise CustomersError(str(error)) from None
        names = [segment.name for segment in self.segments]
        for segment in self.segments:
            if names.count(segment.name) > 1:
                raise CustomersError(f"two segments are named {segment.name!r}. Rename one of them.")
            if segment.drift is not None:
                _known(f"segment to drift to from {segment.name!r}", segment.drift.to, names)


def taste(likes: Likes) -> Matrix:
    """``likes`` as numbers: float64 (traits, features). ``CustomersError`` for an unknown name or a weight that is out
    of [-20, 20]."""
    weights = np.zeros((len(TRAIT_NAMES), len(FEATURE_NAMES)))
    for when, traits in likes.items():
        feature = "constant" if when == ALWAYS else when
        _known("circumstance", when, (ALWAYS, *FEATURE_NAMES[1:]))
        for trait, weight in traits.items():
            _known("trait", trait, TRAIT_NAMES)
            _within(f"likes.{when}.{trait}", weight, -STRONGEST, STRONGEST)
            weights[TRAIT_NAMES.index(trait), FEATURE_NAMES.index(feature)] = weight
    return weights


def parse_customers(document: object, source: str = "customers.yaml") -> Customers:
    """Customers from what a YAML or JSON parser made of ``source``. Raises ``CustomersError``."""
    if not isinstance(document, Mapping) or "segments" not in document:
        raise CustomersError(f"{source}: expected a key 'segments' with a list under it.")
    for problem in _unknown_keys(document):
        raise CustomersError(f"{source}: {problem}")
    try:
        return msgspec.convert(document, Customers)
    except msgspec.ValidationError as error:
        raise CustomersError(f"{source}: {_said(str(error), document)}") from None
    except CustomersError as error:
        raise CustomersError(f"{source}: {error}") from None


def _said(message: str, document: Mapping[Any, Any]) -> str:
    """msgspec's sentence with the segment's name in place of its number."""
    for number, segment in enumerate(document["segments"] if isinstance(document["segments"], list) else ()):
        name = segment.get("name") if isinstance(segment, Mapping) else None
        message = message.replace(f"$.segments[{number}]", f"segment {name!r}" if name else f"segment {number + 1}")
    return message.replace("`$.", "`")


def _unknown_keys(document: Mapping[Any, Any]) -> Iterator[str]:
    yield from _unknown(document, Customers, "")
    segments = document["segments"]
    for number, segment in enumerate(segments if isinstance(segments, list) else (), start=1):
        if isinstance(segment, Mapping):
            where = f"segment {segment.get('name', number)!r}: "
            yield from _unknown(segment, Segment, where)
            for key, kind in (("drift", Drift), ("delay", Delay)):
                if isinstance(segment.get(key), Mapping):
                    yield from _unknown(segment[key], kind, f"{where}{key}: ")


def _unknown(value: Mapping[Any, Any], kind: type, where: str) -> Iterator[str]:
    known = [one.name for one in fields(kind)]
    for key in value:
        if key not in known:
            yield f"{where}there is no key {key!r}. {suggestion(key, known)}"


def _known(what: str, name: str, known: tuple[str, ...] | list[str]) -> None:
    if name not in known:
        raise CustomersError(f"there is no {what} {name!r}. {suggestion(name, known)}")


def _within(name: str, value: float, low: float, high: float) -> None:
    if isinstance(value, bool) or not (math.isfinite(value) and low <= value <= high):
        raise CustomersError(f"'{name}' is {value!r}. Give a number from {low:g} to {high:g}.")
