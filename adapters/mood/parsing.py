"""Rules from a document, as YAML gives it; every error says where, what, and what to do."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from numbers import Real
from types import MappingProxyType

from adapters.mood.bending import MAX_BEND
from adapters.mood.rules import HALF_LIFE_TURNS, OPERATORS, Condition, MoodRules, Rule
from adapters.mood.signs import MEASURES
from adapters.names import suggestion
from adapters.traits import TRAIT_NAMES

FILE_KEYS = ("half_life_turns", "rules")
RULE_KEYS = ("name", "when", "traits")
MAX_RULES = 200
MAX_NAME_CHARACTERS = 60
MAX_HALF_LIFE_TURNS = 100.0
_CONDITION = re.compile(r"\s*(?P<measure>[^\s<>=]+)\s*(?P<sign>[<>=]+)\s*(?P<number>\S+)\s*")
_EXAMPLE = "Write it like 'sentiment <= -0.7'."


class MoodError(ValueError):
    """A file of mood rules is wrong. The text says where, what, and what to do."""


def parse_mood_rules(document: object, source: str = "mood.yaml") -> MoodRules:
    """The rules of what a YAML or JSON parser made of a file; an empty list of rules bends nothing.

    ``source`` is the file's name, for errors. Raises ``MoodError``.
    """
    if not isinstance(document, Mapping) or "rules" not in document:
        raise MoodError(f"{source}: expected a key 'rules' with a list under it (an empty one, [], for no rules).")
    _known_keys(source, document, FILE_KEYS)
    entries = document["rules"]
    if not isinstance(entries, list):
        raise MoodError(f"{source}: 'rules' must be a list, each rule beginning '- name:'. For no rules write [].")
    if len(entries) > MAX_RULES:
        raise MoodError(f"{source}: there are {len(entries)} rules. Keep {MAX_RULES} at most.")
    rules: dict[str, Rule] = {}
    for number, entry in enumerate(entries, start=1):
        rule = _rule(entry, number, source)
        if rule.name in rules:
            raise MoodError(f"{source}: two rules are named {rule.name!r}. Rename one of them.")
        rules[rule.name] = rule
    return MoodRules(tuple(rules.values()), _half_life(document.get("half_life_turns", HALF_LIFE_TURNS), source))


def _half_life(value: object, source: str) -> float:
    number = _number(value)
    if number is None or not 0.0 < number <= MAX_HALF_LIFE_TURNS:
        wanted = f"a number of turns above 0, at most {MAX_HALF_LIFE_TURNS:g}"
        raise MoodError(f"{source}: 'half_life_turns' is {value!r}. Give {wanted}, such as 2.")
    return number


def _rule(entry: object, number: int, source: str) -> Rule:
    if not isinstance(entry, Mapping):
        raise MoodError(f"{source}: rule number {number} must be keys and values: {', '.join(RULE_KEYS)}.")
    name = entry.get("name")
    if not isinstance(name, str) or not 1 <= len(name) <= MAX_NAME_CHARACTERS or not name.isprintable():
        raise MoodError(
            f"{source}: rule number {number} has the name {name!r}. Give 'name' 1 to {MAX_NAME_CHARACTERS} characters"
            " on one line."
        )
    where = f"{source}: rule {name!r}"
    _known_keys(where, entry, RULE_KEYS)
    return Rule(name, _conditions(where, entry.get("when")), _traits(where, entry.get("traits")))


def _conditions(where: str, value: object) -> tuple[Condition, ...]:
    texts = value if isinstance(value, list) else [value]
    if not texts or not all(isinstance(text, str) for text in texts):
        raise MoodError(f"{where}: 'when' is {value!r}, which is no condition. {_EXAMPLE}")
    return tuple(_condition(where, text) for text in texts)


def _condition(where: str, text: object) -> Condition:
    match = _CONDITION.fullmatch(str(text))
    if match is None or match["sign"] not in OPERATORS:
        signs = " ".join(OPERATORS)
        raise MoodError(f"{where}: 'when' is {text!r}: a measure, one of {signs}, and a number are wanted. {_EXAMPLE}")
    if match["measure"] not in MEASURES:
        raise MoodError(f"{where}: there is no measure {match['measure']!r}. {suggestion(match['measure'], MEASURES)}")
    try:
        threshold = float(match["number"])
    except ValueError:
        threshold = math.nan
    if not -1.0 <= threshold <= 1.0:
        raise MoodError(f"{where}: 'when' compares with {match['number']!r}. Give a number from -1 to 1. {_EXAMPLE}")
    return Condition(match["measure"], match["sign"], threshold)


def _traits(where: str, values: object) -> Mapping[str, float]:
    if not isinstance(values, Mapping) or not values:
        raise MoodError(f"{where}: 'traits' must be names and changes, such as 'empathy: +0.1'.")
    found: dict[str, float] = {}
    for name, value in values.items():
        if name not in TRAIT_NAMES:
            raise MoodError(f"{where}: there is no trait {name!r}. {suggestion(name, TRAIT_NAMES)}")
        change = _number(value)
        if change is None or abs(change) > MAX_BEND:
            raise MoodError(
                f"{where}: trait {name!r} changes by {value!r}. Give a number from -{MAX_BEND} to {MAX_BEND}."
            )
        found[name] = change
    return MappingProxyType(found)


def _number(value: object) -> float | None:
    # A YAML "yes" arrives as True, which Python would take for 1.0.
    if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(float(value)):
        return None
    return float(value)


def _known_keys(where: str, entry: Mapping[object, object], known: tuple[str, ...]) -> None:
    for key in entry:
        if key not in known:
            raise MoodError(f"{where}: there is no key {key!r}. {suggestion(key, known)}")
