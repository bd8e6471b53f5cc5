"""Which personas may answer: rules by intent, act, sentiment, language and segment, as a user edits them in YAML.

Rules speak in their order, and each takes away personas from those that the rules before it left. A rule that would
leave nobody is passed over: somebody has to answer, and what stands further up matters more.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Real
from types import MappingProxyType

from adapters.names import suggestion

ACTS = ("greeting", "thanks", "goodbye", "question", "request", "complaint", "affirm", "deny", "other")
SENTIMENTS = ("very_negative", "negative", "neutral", "positive", "very_positive")
CHOICES = ("intent", "act", "sentiment", "language", "segment")
BOUNDS = ("sentiment_below", "sentiment_above")
RULE_KEYS = ("name", "when", "only", "never")
MOST_RULES = 1_000
MAX_NAME_CHARACTERS = 100


class RulesError(ValueError):
    """A file of rules is wrong. The text says where, what, and what to do."""


@dataclass(frozen=True, slots=True)
class Situation:
    """What rules may look at: the analysis of the message, ``sentiment_score`` in [-1, 1], and the customer's segment;
    None: not known, which no condition holds for."""

    intent: str | None = None
    act: str | None = None
    sentiment: str | None = None
    sentiment_score: float = 0.0
    language: str | None = None
    segment: str | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """``among``: per key of ``CHOICES`` the values it holds for; the score lies below ``below`` and above ``above``.
    All conditions must hold; without any it always holds. Then ``only`` these arms are left (None: all) but ``never``
    those."""

    name: str
    among: Mapping[str, frozenset[str]] = field(default_factory=dict)
    below: float = math.inf
    above: float = -math.inf
    only: frozenset[str] | None = None
    never: frozenset[str] = frozenset()

    def holds(self, situation: Situation) -> bool:
        """In this situation."""
        if not self.above < situation.sentiment_score < self.below:
            return False
        return all(getattr(situation, key) in values for key, values in self.among.items())

    def leaves(self, arm: str) -> bool:
        """Whether ``arm`` may answer where the rule holds."""
        return arm not in self.never and (self.only is None or arm in self.only)


@dataclass(frozen=True, slots=True)
class Allowed:
    """``arms``: those that may answer, never empty; None: no rule took any away. ``barred``: the others, each with the
    name of the rule that took it away. ``passed_over``: rules that would have left nobody."""

    arms: tuple[str, ...] | None = None
    barred: Mapping[str, str] = field(default_factory=dict)
    passed_over: tuple[str, ...] = ()


EVERYBODY = Allowed()


def allowed(rules: Sequence[Rule], situation: Situation, arms: Collection[str]) -> Allowed:
    """Who of ``arms`` (at least one) may answer in ``situation``."""
    left, barred, passed_over = list(arms), {}, []
    for rule in rules:
        if not rule.holds(situation):
            continue
        gone = [arm for arm in left if not rule.leaves(arm)]
        if len(gone) == len(left):
            passed_over.append(rule.name)
            continue
        barred.update(dict.fromkeys(gone, rule.name))
        left = [arm for arm in left if arm not in barred]
    if not barred and not passed_over:
        return EVERYBODY
    return Allowed(tuple(left) if barred else None, MappingProxyType(barred), tuple(passed_over))


def parse_rules(
    document: object, source: str, arms: Collection[str], intents: Collection[str] | None = None
) -> tuple[Rule, ...]:
    """Rules, in the file's order, from what a YAML parser made of ``source``.

    ``arms``: the personas there are. ``intents``: those that are understood, None: any. Raises ``RulesError``.
    """
    if not isinstance(document, Mapping) or set(document) != {"rules"} or not isinstance(document["rules"], list):
        raise RulesError(f"{source}: expected one key 'rules' with a list under it, each beginning '- name:'.")
    if len(document["rules"]) > MOST_RULES:
        raise RulesError(f"{source}: {len(document['rules'])} rules. Give at most {MOST_RULES}.")
    rules: dict[str, Rule] = {}
    for number, entry in enumerate(document["rules"], start=1):
        rule = _rule(entry, f"{source}: rule number {number}", source, arms, intents)
        if rule.name in rules:
            raise RulesError(f"{source}: two rules are named {rule.name!r}. Rename one of them.")
        rules[rule.name] = rule
    return tuple(rules.values())


def _rule(entry: object, where: str, source: str, arms: Collection[str], intents: Collection[str] | None) -> Rule:
    if not isinstance(entry, Mapping):
        raise RulesError(f"{where} must be keys and values: {', '.join(RULE_KEYS)}.")
    name = entry.get("name")
    if not isinstance(name, str) or not 0 < len(name.strip()) <= MAX_NAME_CHARACTERS:
        raise RulesError(
            f"{where} has the name {name!r}. Give 'name' 1 to {MAX_NAME_CHARACTERS} characters, in quotes."
        )
    where = f"{source}: rule {name.strip()!r}"
    _known_keys(where, entry, RULE_KEYS)
    when = entry.get("when") or {}
    if not isinstance(when, Mapping):
        raise RulesError(f"{where}: 'when' must be conditions, such as 'sentiment_below: -0.3'.")
    _known_keys(f"{where}: when", when, (*CHOICES, *BOUNDS))
    known = {"act": ACTS, "sentiment": SENTIMENTS, "intent": intents}
    among = {key: _names(f"{where}: {key}", when[key], known.get(key)) for key in CHOICES if key in when}
    if ("only" in entry) == ("never" in entry):
        raise RulesError(f"{where} needs either 'only' or 'never' with names of personas.")
    never = _names(f"{where}: never", entry["never"], arms) if "never" in entry else frozenset()
    if never.issuperset(arms):
        raise RulesError(f"{where} takes every persona away, so it would always be passed over. Leave one.")
    return Rule(
        name=name.strip(),
        among=MappingProxyType(among),
        below=_score(f"{where}: sentiment_below", when.get("sentiment_below", math.inf)),
        above=_score(f"{where}: sentiment_above", when.get("sentiment_above", -math.inf)),
        only=_names(f"{where}: only", entry["only"], arms) if "only" in entry else None,
        never=never,
    )


def _names(where: str, value: object, known: Collection[str] | None) -> frozenset[str]:
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list) or not names or not all(isinstance(name, str) and name for name in names):
        raise RulesError(f"{where} is {value!r}. Give a name, or a list of names.")
    for name in names:
        if known is not None and name not in known:
            raise RulesError(f"{where}: there is no {name!r}. {suggestion(name, known)}")
    return frozenset(names)


def _score(where: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, Real):
        raise RulesError(f"{where} is {value!r}, which is no number. Give one from -1 to 1.")
    number = float(value)
    if not (-1.0 <= number <= 1.0 or math.isinf(number)):
        raise RulesError(f"{where} is {number:g}. Give a number from -1 to 1.")
    return number


def _known_keys(where: str, entry: Mapping[object, object], known: Sequence[str]) -> None:
    for key in entry:
        if key not in known:
            raise RulesError(f"{where}: there is no key {key!r}. {suggestion(key, known)}")
