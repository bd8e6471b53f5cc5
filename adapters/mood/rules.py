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
        return OPERATORS[self.sign](signs.value(self.measure), self.threshold)

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
    """While every one of ``conditions`` holds, ``traits`` change by these amounts, each in ±``MAX_BEND``."""

    name: str
    conditions: tuple[Condition, ...]
    traits: Mapping[str, float]

    @property
    def ladder(self) -> str:
        """Rules of one ladder are levels of the same thing: only the furthest that holds counts. A rule with several
        conditions stands by itself."""
        if len(self.conditions) > 1:
            return f"= {self.name}"
        (only,) = self.conditions
        return f"{only.measure} {'high' if only.side > 0 else 'low'}"


@dataclass(frozen=True, slots=True)
class MoodRules:
    """All rules; names are unique. ``half_life_turns``: after how many turns of the customer a rule that fires no more
    counts half."""

    rules: tuple[Rule, ...] = ()
    half_life_turns: float = HALF_LIFE_TURNS
    fade: float = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "fade", 0.5 ** (1.0 / self.half_life_turns))


NO_RULES = MoodRules()
