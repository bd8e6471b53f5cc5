"""From rules to traits: which fire, how the others fade, and what all of them do to a persona.

Every rule has a strength: 1 at the turn at which it fires, multiplied by 2^(-1/half-life) at each later turn of the
customer, forgotten below ``FORGOTTEN``. A rule that fires again is at 1 again, never above: an angry hour bends no
further than an angry message. Of the rules of one ladder (levels of the same thing, ``Rule.ladder``) only the furthest
that holds fires, and of what the others leave behind only the largest change of each trait counts. Different ladders
add up. The sum never leaves ±``MAX_BEND`` and the trait never leaves [0, 1].
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from adapters.mood.rules import MoodRules, Rule
from adapters.mood.signs import Signs

MAX_BEND = 0.25
FORGOTTEN = 0.05
DECIMALS = 4

Strengths = Mapping[str, float]
"""Strengths in [``FORGOTTEN``, 1] by the rules' names; fit for JSON."""


@dataclass(frozen=True, slots=True)
class Reason:
    """A rule that counts. ``because``: in plain words, why."""

    rule: str
    strength: float
    because: str


def firing(rules: MoodRules, signs: Signs) -> tuple[Rule, ...]:
    """The rules that fire, in the file's order."""
    holding = [rule for rule in rules.rules if rule.holds(signs)]
    furthest: dict[str, tuple[float, bool]] = {}
    for rule in holding:
        furthest[rule.ladder] = max(furthest.get(rule.ladder, rule.reach), rule.reach)
    return tuple(rule for rule in holding if rule.reach == furthest[rule.ladder])


def heard(rules: MoodRules, before: Strengths, signs: Signs) -> dict[str, float]:
    """The strengths after a customer's turn, from those after the turn before it. What no rule is named is dropped."""
    known, fade = rules.by_name, rules.fade
    now = {name: round(strength * fade, DECIMALS) for name, strength in before.items() if name in known}
    now = {name: strength for name, strength in now.items() if strength >= FORGOTTEN}
    return now | {rule.name: 1.0 for rule in firing(rules, signs)}


def changes(rules: MoodRules, strengths: Strengths) -> dict[str, float]:
    """What ``strengths``, as ``heard`` gives them, do to traits: by name in alphabetical order, each in ±``MAX_BEND``
    and not 0."""
    rises: dict[tuple[str, str], float] = {}
    falls: dict[tuple[str, str], float] = {}
    for name, strength in strengths.items():
        rule = rules.by_name[name]
        for trait, change in rule.traits.items():
            spot = (trait, rule.ladder)
            rises[spot] = max(rises.get(spot, 0.0), strength * change)
            falls[spot] = min(falls.get(spot, 0.0), strength * change)
    parts: dict[str, list[float]] = {}
    for (trait, _), part in (*rises.items(), *falls.items()):
        parts.setdefault(trait, []).append(part)
    sums = {trait: math.fsum(parts[trait]) for trait in sorted(parts)}  # exact, so in whatever order
    bounded = {trait: round(min(max(total, -MAX_BEND), MAX_BEND), DECIMALS) for trait, total in sums.items()}
    return {trait: change for trait, change in bounded.items() if change}


def bent(traits: Mapping[str, float], by: Mapping[str, float]) -> Mapping[str, float]:
    """``traits``, each in [0, 1], changed ``by`` these amounts, and in [0, 1] again; read-only."""
    return MappingProxyType({name: min(max(value + by.get(name, 0.0), 0.0), 1.0) for name, value in traits.items()})


def reasons(rules: MoodRules, strengths: Strengths, signs: Signs) -> tuple[Reason, ...]:
    """Every rule that counts now, the strongest first: what was measured at those that fire, and that others fade."""
    found = [
        Reason(name, strength, _because(rules.by_name[name], strength, signs)) for name, strength in strengths.items()
    ]
    return tuple(sorted(found, key=lambda reason: (-reason.strength, reason.rule)))


def _because(rule: Rule, strength: float, signs: Signs) -> str:
    if strength < 1.0:
        return f"an earlier message met it; {strength:.0%} of that is left"
    return " and ".join(_measured(str(one), one.measure, signs) for one in rule.conditions)


def _measured(condition: str, measure: str, signs: Signs) -> str:
    return f"{measure} is {signs.values[measure]:.2f} ({condition})"
