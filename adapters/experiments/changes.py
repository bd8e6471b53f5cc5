"""What a variant changes: plain values, checked when an experiment is written rather than when a customer meets it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from adapters.names import suggestion
from adapters.traits import TRAIT_NAMES

Scalar = str | float | bool
CLARIFICATIONS = ("immediate", "after_failure", "proactive")


def _number(low: float, high: float) -> Callable[[object], str]:
    def problem(value: object) -> str:
        fits = isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high
        return "" if fits else f"give a number from {low:g} to {high:g}"

    return problem


def _text(value: object) -> str:
    return "" if isinstance(value, str) and value.strip() else "give a text"


def _choice(*known: str) -> Callable[[object], str]:
    return lambda value: "" if value in known else f"give one of {', '.join(known)}"


def _finite(value: object) -> str:
    fits = isinstance(value, str | bool) or (isinstance(value, int | float) and math.isfinite(value))
    return "" if fits else "give a text, a truth value or a finite number"


_ANY = "*"
_TRAITS_BY = {name: _number(-1.0, 1.0) for name in TRAIT_NAMES}
_TRAITS_TO = {name: _number(0.0, 1.0) for name in TRAIT_NAMES}
_KEYS: Mapping[str, Mapping[str, Callable[[object], str]]] = MappingProxyType(
    {
        "persona": {"name": _text},
        "trait_adjustments": _TRAITS_BY,
        "trait_overrides": _TRAITS_TO,
        "writer_style": {"tone": _choice("professional", "friendly", "neutral"), "verbosity": _number(0.0, 1.0)},
        "escalation": {"sentiment_below": _number(-1.0, 1.0), "urgency_at_least": _number(0.0, 1.0)},
        "reply_templates": {_ANY: _text},
        "policy": {"name": _text, _ANY: _finite},
        "flow": {
            "handoff_threshold": _number(0.0, 1.0),
            "max_turns": _number(1, 1_000),
            "clarification": _choice(*CLARIFICATIONS),
        },
        "model_parameters": {_ANY: _finite},
    }
)
CHANGE_KINDS: tuple[str, ...] = tuple(_KEYS)


@dataclass(frozen=True, slots=True)
class Change:
    """``kind`` of ``CHANGE_KINDS``, and its ``values`` by key. ``ValueError`` names what is unknown or out of range."""

    kind: str
    values: Mapping[str, Scalar] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.kind not in _KEYS:
            raise ValueError(f"there is no change {self.kind!r}. {suggestion(self.kind, CHANGE_KINDS)}")
        known = _KEYS[self.kind]
        if not self.values:
            raise ValueError(f"change {self.kind!r} changes nothing: give at least one value.")
        for key, value in self.values.items():
            check = known.get(key) or known.get(_ANY)
            if check is None:
                raise ValueError(f"change {self.kind!r} has no {key!r}. {suggestion(key, known)}")
            problem = check(value)
            if problem:
                raise ValueError(f"change {self.kind!r}, {key} = {value!r}: {problem}.")
        object.__setattr__(self, "values", MappingProxyType(dict(self.values)))
