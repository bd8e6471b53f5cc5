"""A plan from a document, as YAML gives it; every error says where, what, and what to do (pure)."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from difflib import get_close_matches
from itertools import pairwise
from numbers import Real
from types import MappingProxyType
from typing import Any, Final, cast
from urllib.parse import urlsplit

from server.chat.alerting.measures import MEASURES
from server.chat.alerting.values import RANK, Direction, Plan, Receiver, Rule, Step, Threshold
from server.store.alert_ports import Severity

FILE_KEYS: Final = ("group_wait_s", "rules", "receivers", "escalations")
RULE_KEYS: Final = (
    *("name", "about", "measure", "warning", "critical", "at_least", "for_s", "clear_for_s", "silent_clears_s"),
    *("group", "escalation"),
)
MAX_RULES: Final = 200
MAX_RECEIVERS: Final = 50
MAX_ADDRESSES: Final = 20
MAX_STEPS: Final = 10
MAX_TEXT: Final = 300
MAX_S: Final = 604_800.0
NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
MAIL: Final = re.compile(r"[^@\s<>,;:\"()\[\]]{1,64}@[A-Za-z0-9.-]{1,253}")
DEFAULT: Final = "default"


class AlertsError(ValueError):
    """A file of alert rules is wrong. The text says where, what, and what to do."""


def parse_plan(document: object, source: str = "alerts.yaml") -> Plan:
    """The plan in what a YAML parser made of ``source``. Raises ``AlertsError``."""
    if not isinstance(document, Mapping) or not isinstance(document.get("rules"), list):
        raise AlertsError(f"{source}: expected a key 'rules' with a list under it (an empty one, [], for no alerts).")
    _known_keys(source, document, FILE_KEYS)
    receivers = _receivers(source, document.get("receivers"))
    ladders = _ladders(source, document.get("escalations"), receivers)
    rules = _rules(source, document["rules"], ladders)
    wait_ms = _ms(source, document, "group_wait_s", 10.0)
    return Plan(rules, MappingProxyType(receivers), MappingProxyType(ladders), wait_ms)


def _rules(source: str, entries: list[object], ladders: Mapping[str, object]) -> tuple[Rule, ...]:
    if len(entries) > MAX_RULES:
        raise AlertsError(f"{source}: there are {len(entries)} rules. Keep {MAX_RULES} at most.")
    rules: dict[str, Rule] = {}
    for number, entry in enumerate(entries, start=1):
        rule = _rule(source, entry, number, ladders)
        if rule.name in rules:
            raise AlertsError(f"{source}: two rules are named {rule.name!r}. Rename one of them.")
        rules[rule.name] = rule
    return tuple(rules.values())


def _rule(source: str, entry: object, number: int, ladders: Mapping[str, object]) -> Rule:
    if not isinstance(entry, Mapping):
        raise AlertsError(f"{source}: rule number {number} must be keys and values: {', '.join(RULE_KEYS)}.")
    name = _name(f"{source}: rule number {number}", entry.get("name"))
    where = f"{source}: rule {name!r}"
    _known_keys(where, entry, RULE_KEYS)
    measure = entry.get("measure")
    if not isinstance(measure, str) or measure not in MEASURES:
        raise AlertsError(f"{where}: there is no measure {measure!r}. {_nearest(measure, MEASURES)}")
    direction, thresholds = _thresholds(where, entry)
    at_least = entry.get("at_least", 0)
    if isinstance(at_least, bool) or not isinstance(at_least, int) or at_least < 0:
        raise AlertsError(f"{where}: 'at_least' is {at_least!r}. Give a whole number of observations, such as 20.")
    if at_least and not MEASURES[measure].counted:
        raise AlertsError(f"{where}: the measure {measure!r} counts no observations. Leave out 'at_least'.")
    escalation = entry.get("escalation", DEFAULT)
    if escalation != DEFAULT and escalation not in ladders:
        raise AlertsError(f"{where}: there is no escalation {escalation!r}. {_nearest(escalation, ladders)}")
    return Rule(
        name=name,
        measure=measure,
        direction=direction,
        thresholds=MappingProxyType(thresholds),
        for_ms=_ms(where, entry, "for_s", 0.0),
        clear_for_ms=_ms(where, entry, "clear_for_s", 0.0),
        at_least=at_least,
        silent_clears_ms=_ms(where, entry, "silent_clears_s", 3_600.0),
        group=_text(where, entry, "group"),
        escalation=str(escalation),
        meaning=_text(where, entry, "about"),
    )


def _thresholds(where: str, entry: Mapping[Any, object]) -> tuple[Direction, dict[Severity, Threshold]]:
    found: dict[Severity, tuple[Direction, Threshold]] = {
        cast(Severity, severity): _threshold(f"{where}: {severity!r}", entry[severity])
        for severity in RANK
        if severity in entry
    }
    if not found:
        raise AlertsError(f"{where} has neither 'warning' nor 'critical'. Give one, such as {_EXAMPLE}.")
    directions = {direction for direction, _ in found.values()}
    if len(directions) > 1:
        raise AlertsError(f"{where}: 'warning' and 'critical' look in two directions. Say 'above' or 'below' in both.")
    direction = directions.pop()
    thresholds = {severity: threshold for severity, (_, threshold) in found.items()}
    if len(thresholds) == len(RANK):
        sign = 1 if direction == "above" else -1
        warning, critical = thresholds["warning"], thresholds["critical"]
        worse = sign * critical.raise_at > sign * warning.raise_at
        if not worse or sign * critical.clear_at < sign * warning.clear_at:
            raise AlertsError(f"{where}: 'critical' must lie {direction} 'warning', and clear no later than it does.")
    return direction, thresholds


_EXAMPLE: Final = "{above: 0.4, clear: 0.35}"


def _threshold(where: str, value: object) -> tuple[Direction, Threshold]:
    if not isinstance(value, Mapping) or not {"above", "below"} & set(value):
        raise AlertsError(f"{where} is {value!r}. Write it like {_EXAMPLE}.")
    direction: Direction = "above" if "above" in value else "below"
    _known_keys(where, value, (direction, "clear"))
    raise_at = _number(where, value, direction)
    clear_at = _number(where, value, "clear") if "clear" in value else raise_at
    if (clear_at > raise_at) if direction == "above" else (clear_at < raise_at):
        raise AlertsError(
            f"{where} would be over at {clear_at:g}, where it begins. Let 'clear' lie on the good side of {raise_at:g}."
        )
    return direction, Threshold(raise_at, clear_at)


def _receivers(source: str, value: object) -> dict[str, Receiver]:
    found: dict[str, Receiver] = {}
    for name, entry in _mapping(f"{source}: 'receivers'", value, MAX_RECEIVERS).items():
        where = f"{source}: receiver {name!r}"
        _name(where, name)
        if not isinstance(entry, Mapping) or not entry:
            raise AlertsError(f"{where} needs 'webhooks' with URLs, 'emails' with addresses, or both.")
        _known_keys(where, entry, ("webhooks", "emails"))
        webhooks, emails = (_texts(where, entry, key) for key in ("webhooks", "emails"))
        for url in webhooks:
            _check_url(where, url)
        for email in emails:
            if not MAIL.fullmatch(email):
                raise AlertsError(f"{where}: {email!r} is no mail address. Write it like ops@example.org.")
        found[name] = Receiver(name, webhooks, emails)
    return found


def _check_url(where: str, url: str) -> None:
    try:
        parts = urlsplit(url)
        is_fit = parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.fragment
        is_fit = is_fit and parts.port != 0 and url.isprintable() and " " not in url
    except ValueError:
        is_fit = False
    if not is_fit:
        raise AlertsError(f"{where}: {url!r} is no URL of a webhook. Write it like https://hooks.example.org/parlance.")


def _ladders(source: str, value: object, receivers: Mapping[str, Receiver]) -> dict[str, tuple[Step, ...]]:
    found: dict[str, tuple[Step, ...]] = {}
    for name, entries in _mapping(f"{source}: 'escalations'", value, MAX_RECEIVERS).items():
        where = f"{source}: escalation {name!r}"
        _name(where, name)
        if not isinstance(entries, list) or not 0 < len(entries) <= MAX_STEPS:
            raise AlertsError(f"{where} needs a list of 1 to {MAX_STEPS} steps, such as {_STEP}.")
        steps = [_step(where, entry, receivers) for entry in entries]
        if any(later.after_ms <= earlier.after_ms for earlier, later in pairwise(steps)):
            raise AlertsError(f"{where}: each step's 'after_s' must be larger than that of the step before.")
        found[name] = tuple(steps)
    return found


_STEP: Final = "{after_s: 900, to: [on_call]}"


def _step(where: str, entry: object, receivers: Mapping[str, Receiver]) -> Step:
    if not isinstance(entry, Mapping):
        raise AlertsError(f"{where}: a step is {entry!r}. Write it like {_STEP}.")
    _known_keys(where, entry, ("after_s", "to"))
    to = _texts(where, entry, "to")
    if not to:
        raise AlertsError(f"{where}: a step has nobody to tell. Write it like {_STEP}.")
    for name in to:
        if name not in receivers:
            raise AlertsError(f"{where}: there is no receiver {name!r}. {_nearest(name, receivers)}")
    return Step(_ms(where, entry, "after_s", 0.0), to)


def _name(where: str, value: object) -> str:
    if not isinstance(value, str) or not NAME.fullmatch(value):
        raise AlertsError(f"{where} has the name {value!r}. Give 1 to 64 small letters, digits and _, a letter first.")
    return value


def _mapping(where: str, value: object, most: int) -> Mapping[str, object]:
    if value is None:
        return {}
    if not isinstance(value, Mapping) or len(value) > most or not all(isinstance(name, str) for name in value):
        raise AlertsError(f"{where} must be names with what they mean, at most {most}.")
    return value


def _texts(where: str, entry: Mapping[Any, object], key: str) -> tuple[str, ...]:
    value = entry.get(key, [])
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or len(texts) > MAX_ADDRESSES or not all(isinstance(one, str) for one in texts):
        raise AlertsError(f"{where}: {key!r} must be a list of texts, at most {MAX_ADDRESSES}.")
    return tuple(dict.fromkeys(texts))


def _text(where: str, entry: Mapping[Any, object], key: str) -> str:
    value = entry.get(key, "")
    if not isinstance(value, str) or len(value) > MAX_TEXT or (value and not value.isprintable()):
        raise AlertsError(f"{where}: {key!r} must be a text of one line, at most {MAX_TEXT} characters.")
    return value


def _ms(where: str, entry: Mapping[Any, object], key: str, default_s: float) -> int:
    if key not in entry:
        return round(default_s * 1000)
    seconds = _number(where, entry, key)
    if not 0.0 <= seconds <= MAX_S:
        raise AlertsError(f"{where}: {key!r} is {seconds:g}. Give seconds from 0 to {MAX_S:g}.")
    return round(seconds * 1000)


def _number(where: str, entry: Mapping[Any, object], key: str) -> float:
    value = entry[key]
    # A YAML "yes" arrives as True, which Python would take for 1.0.
    if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(float(value)):
        raise AlertsError(f"{where}: {key!r} is {value!r}. Give a number.")
    return float(value)


def _known_keys(where: str, entry: Mapping[Any, object], known: tuple[str, ...]) -> None:
    for key in entry:
        if key not in known:
            raise AlertsError(f"{where}: there is no key {key!r} here. {_nearest(key, known)}")


def _nearest(name: object, known: Any) -> str:
    names = [str(one) for one in known]
    near = get_close_matches(str(name), names, n=1, cutoff=0.6)
    return f"Did you mean {near[0]!r}?" if near else f"Known: {', '.join(names) or 'none'}."
