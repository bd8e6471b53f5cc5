"""Rules as values: when this is so, change these traits by that much."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from adapters.mood.signs import Signs

OPERATORS: Mapping[str, Callable[[float, float], bool]] = MappingProxyType(
    {"<=": operator.le, "<": operator.lt, ">=": operator.ge, ">": operator.gt}
)
HALF_LIFE_TURNS = 2.0


@dataclass(frozen=True, slots=True)
class Condition:
    """``measure`` (of ``signs.MEASURES``) compared with ``threshold`` by ``sign`` (of ``OPERATORS``)."""

    measure: str
    sign: str
    threshold: float

    def holds(self, signs: Signs) -> bool:
        return OPERATORS[self.sign](signs.values[self.measure], self.threshold)

    @property
    def side(self) -> int:
        """1 for conditions about much of something, -1 for those about little."""
        return 1 if self.sign.startswith(">") else -1

    @property
    def reach(self) -> tuple[float, bool]:
        """How far out it is: whatever meets a condition of one measure and side meets those of less reach."""
        return (self.side * self.threshold, len(self.sign) == 1)

    def __str__(self) -> str:
        return f"{self.measure} {self.sign} {self.threshold:g}"


@dataclass(frozen=True, slots=True)
class Rule:
    """While every one of ``conditions`` holds, ``traits`` change by these amounts, each in ±``MAX_BEND``.

    Rules of one ``ladder`` are levels of the same thing, of which only the furthest that holds counts; a rule with
    several conditions stands by itself.
    """

    name: str
    conditions: tuple[Condition, ...]
    traits: Mapping[str, float]
    ladder: str = field(init=False, repr=False, compare=False)
    reach: tuple[float, bool] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        first = self.conditions[0]
        level = f"{first.measure} {'high' if first.side > 0 else 'low'}"
        object.__setattr__(self, "ladder", level if len(self.conditions) == 1 else f"= {self.name}")
        object.__setattr__(self, "reach", first.reach)

    def holds(self, signs: Signs) -> bool:
        return all(condition.holds(signs) for condition in self.conditions)


@dataclass(frozen=True, slots=True)
class MoodRules:
    """All rules; names are unique. ``half_life_turns``: after how many turns of the customer a rule that fires no more
    counts half."""

    rules: tuple[Rule, ...] = ()
    half_life_turns: float = HALF_LIFE_TURNS
    fade: float = field(init=False, repr=False, compare=False)
    by_name: Mapping[str, Rule] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_name", {rule.name: rule for rule in self.rules})
        object.__setattr__(self, "fade", 0.5 ** (1.0 / self.half_life_turns))


NO_RULES = MoodRules()
