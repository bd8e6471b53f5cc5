"""What alerts are made of: rules, readings, standing alerts, silences and who is told (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import Final, Literal

from server.store.alert_ports import AlertRow, Severity, SilenceRow

Direction = Literal["above", "below"]
Kind = Literal["raised", "changed", "cleared"]

RANK: Final[Mapping[str, int]] = MappingProxyType({"warning": 1, "critical": 2})
NOWHERE: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Threshold:
    """From ``raise_at`` on it is one, and it is over from ``clear_at`` on; between the two nothing changes."""

    raise_at: float
    clear_at: float


@dataclass(frozen=True, slots=True)
class Rule:
    """``thresholds`` by severity, both in the measure's unit, the warning's first where there are two.

    A value must lie beyond a threshold for ``for_ms``, and before the clearing one for ``clear_for_ms``. Readings of
    fewer than ``at_least`` observations say nothing; an alert of which nothing has been known for
    ``silent_clears_ms`` is over. Alerts of one ``group`` are told together. ``escalation`` names a ladder of the plan.
    """

    name: str
    measure: str
    direction: Direction
    thresholds: Mapping[Severity, Threshold]
    for_ms: int = 0
    clear_for_ms: int = 0
    at_least: int = 0
    silent_clears_ms: int = 3_600_000
    group: str = ""
    escalation: str = "default"
    meaning: str = ""

    def is_beyond(self, value: float, threshold: float) -> bool:
        """Whether ``value`` lies on the bad side of ``threshold``; on it does not count."""
        return value > threshold if self.direction == "above" else value < threshold


@dataclass(frozen=True, slots=True)
class Reading:
    """A measure's value now, from ``count`` observations (None: it is no mean of anything), and what it is ``about``,
    such as a version of the model; of a measure that is about nothing there is one reading."""

    value: float
    count: int | None = None
    about: Mapping[str, str] = field(default_factory=lambda: NOWHERE)


@dataclass(frozen=True, slots=True)
class Receiver:
    """Where word goes: URLs that get signed posts, and addresses that get mail."""

    name: str
    webhooks: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """Whoever is told where an alert stands ``after_ms`` and nobody has acknowledged it."""

    after_ms: int
    receivers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """A file of rules. ``ladders``: steps by name, the soonest first; ``group_wait_ms``: how long the first alert of a
    group waits for others to be told with it."""

    rules: tuple[Rule, ...] = ()
    receivers: Mapping[str, Receiver] = field(default_factory=dict)
    ladders: Mapping[str, tuple[Step, ...]] = field(default_factory=dict)
    group_wait_ms: int = 10_000

    def rule(self, name: str) -> Rule | None:
        """That rule; None where the file has none of the name."""
        return next((rule for rule in self.rules if rule.name == name), None)

    def steps(self, rule: str) -> tuple[Step, ...]:
        """The ladder of a rule's alerts; of a rule that is gone, the one named ``default``."""
        found = self.rule(rule)
        return self.ladders.get("default" if found is None else found.escalation, ())


def is_acknowledged(alert: AlertRow) -> bool:
    """Whether somebody has seen it as bad as it is now: who acknowledged a warning has not seen it turn critical."""
    seen = alert.acknowledged_severity
    return seen is not None and RANK[seen] >= RANK[alert.severity]


def silenced_until_ms(alert: AlertRow, silences: tuple[SilenceRow, ...], now_ms: int) -> int | None:
    """Until when nobody is told of it; None where somebody is."""
    ends = [one.until_ms for one in silences if covers(one, alert.rule) and is_active(one, now_ms)]
    return max(ends, default=None)


def covers(silence: SilenceRow, rule: str) -> bool:
    """Whether a silence is about that rule; ``*`` and ``?`` stand for any letters."""
    return fnmatchcase(rule, silence.rule)


def is_active(silence: SilenceRow, now_ms: int) -> bool:
    """Whether it holds now."""
    return silence.ended_at_ms is None and silence.at_ms <= now_ms < silence.until_ms
