"""When a phrase may be said: the ``when`` mapping of the phrase files.

A trait is ``low`` below 0.4, ``high`` from 0.6 and ``medium`` between. All conditions of a phrase must hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, get_args

from adapters.names import suggestion
from adapters.traits import TRAIT_NAMES
from inference.documents import Place

Level = Literal["low", "medium", "high"]
Mood = Literal["negative", "neutral", "positive"]
Kind = Literal[
    "greeting",
    "thanks",
    "praise",
    "goodbye",
    "affirm",
    "deny",
    "question",
    "request",
    "complaint",
    "other",
    "information",
    "clarification",
    "out_of_scope",
    "other_language",
    "handover",
    "error",
]

LEVELS: Final = get_args(Level)
MOODS: Final = get_args(Mood)
KINDS: Final = get_args(Kind)
EMOTIONS: Final = ("joy", "anger", "fear", "sadness", "surprise", "neutral")
TURNS: Final = ("first", "later")
# What the customer named; filled from the analysis. The other slots come from the conversation, the phrase files, the
# persona (very), the languages that there are phrases in or, for coin and die, by chance.
ENTITY_SLOTS: Final = ("order", "amount", "date", "time", "product", "email", "phone")
SOMETIMES_FILLED: Final = (*ENTITY_SLOTS, "name", "topic", "other_topic", "previous", "need", "page")
ALWAYS_FILLED: Final = ("very", "coin", "die", "languages")
SLOTS: Final = (*SOMETIMES_FILLED, *ALWAYS_FILLED)

_VALUES: Final[Mapping[str, tuple[str, ...]]] = {
    "mood": MOODS,
    "emotion": EMOTIONS,
    "kind": KINDS,
    "turn": TURNS,
    "with": SOMETIMES_FILLED,
    "without": SOMETIMES_FILLED,
    **dict.fromkeys(TRAIT_NAMES, LEVELS),
}


def level(value: float) -> Level:
    """The level of a trait's value in [0, 1]."""
    if value < 0.4:
        return "low"
    return "high" if value >= 0.6 else "medium"


@dataclass(frozen=True, slots=True)
class Moment:
    """What conditions look at: the same for every phrase of one answer.

    ``levels``: trait → level; ``slots``: the words that can be filled in, by slot name; ``facts``: what conditions are
    compared with, by their name.
    """

    kind: Kind
    mood: Mood
    emotion: str
    first: bool
    levels: Mapping[str, Level]
    slots: Mapping[str, str]
    facts: Mapping[str, str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        turn = "first" if self.first else "later"
        facts = {**self.levels, "kind": self.kind, "mood": self.mood, "emotion": self.emotion, "turn": turn}
        object.__setattr__(self, "facts", facts)


@dataclass(frozen=True, slots=True)
class When:
    """Parsed conditions: condition → values of which one must hold.

    ``with`` holds when all of its slots are known, ``without`` when none of them is.
    """

    conditions: tuple[tuple[str, frozenset[str]], ...] = ()

    def holds(self, moment: Moment) -> bool:
        """Whether every condition holds."""
        for name, values in self.conditions:  # noqa: SIM110  (half of all's time; twenty phrases a turn are asked)
            if not _holds(name, values, moment):
                return False
        return True

    def values(self, name: str) -> frozenset[str] | None:
        """The values of one condition, None where there is no such condition."""
        return dict(self.conditions).get(name)


def _holds(name: str, values: frozenset[str], moment: Moment) -> bool:
    if name == "with":
        return values <= moment.slots.keys()
    if name == "without":
        return values.isdisjoint(moment.slots)
    return moment.facts.get(name, "medium") in values


def parse_when(value: object, at: Place) -> When:
    """A ``when`` mapping: condition → one value or a list of values. Raises ``PhraseError``."""
    if not isinstance(value, Mapping) or not value:
        raise at.error("'when' is not a mapping", "Write it as {formality: high, mood: negative}.")
    conditions = []
    for name, wanted in value.items():
        if name not in _VALUES:
            raise at.error(f"unknown condition {name!r}", suggestion(str(name), _VALUES))
        values = wanted if isinstance(wanted, list) else [wanted]
        if not values:
            raise at.error(f"condition {name!r} is an empty list", "Name a value or remove it.")
        for one in values:
            if one not in _VALUES[name]:
                raise at.error(f"{name!r} can't be {one!r}", suggestion(str(one), _VALUES[name]))
        conditions.append((str(name), frozenset(values)))
    return When(tuple(conditions))
