"""Who may take part in an experiment: rules on what is known of a user."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from adapters.names import suggestion

Value = str | float | bool
Attributes = Mapping[str, Value | None]
"""What is known of a user, by name; what is missing or None is not known."""


def _number(value: Value) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _ordered(compare: Callable[[float, float], bool]) -> Callable[[Value, tuple[Value, ...]], bool]:
    def holds(value: Value, wanted: tuple[Value, ...]) -> bool:
        own, bound = _number(value), _number(wanted[0])
        return own is not None and bound is not None and compare(own, bound)

    return holds


_TESTS: dict[str, Callable[[Value, tuple[Value, ...]], bool]] = {
    "is": lambda value, wanted: value in wanted,
    "is_not": lambda value, wanted: value not in wanted,
    "at_least": _ordered(lambda own, bound: own >= bound),
    "below": _ordered(lambda own, bound: own < bound),
}
OPERATORS: tuple[str, ...] = tuple(_TESTS)


@dataclass(frozen=True, slots=True)
class Rule:
    """``attribute`` ``operator`` ``values``: "language" "is" ("en", "de"), "turns" "at_least" (5,).

    Of an attribute that is not known nothing holds, "is_not" neither: nobody is let in by what we don't know.
    ``ValueError`` for an unknown operator, or bounds that are not one number.
    """

    attribute: str
    operator: str
    values: tuple[Value, ...]

    def __post_init__(self) -> None:
        if self.operator not in _TESTS:
            raise ValueError(f"there is no operator {self.operator!r}. {suggestion(self.operator, OPERATORS)}")
        if not self.attribute or not self.values:
            raise ValueError("a targeting rule needs an attribute and at least one value.")
        if self.operator in ("at_least", "below") and (len(self.values) > 1 or _number(self.values[0]) is None):
            raise ValueError(f"{self.attribute} {self.operator} {self.values!r}: give one number.")

    def holds(self, attributes: Attributes) -> bool:
        """Whether it holds for a user."""
        value = attributes.get(self.attribute)
        return value is not None and _TESTS[self.operator](value, self.values)


def matches(rules: Sequence[Rule], attributes: Attributes) -> bool:
    """Whether all rules hold; without rules, everybody is eligible."""
    return all(rule.holds(attributes) for rule in rules)
