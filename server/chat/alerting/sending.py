"""Who is to be told what, and when: ladders, silences, acknowledgements and groups (pure)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from server.chat.alerting.values import Plan, Step, covers, is_acknowledged, silenced_until_ms
from server.store.alert_ports import AlertRow, SilenceRow

About = Literal["raised", "cleared"]


@dataclass(frozen=True, slots=True)
class Due:
    """An alert of which ``receivers`` are to hear; then ``steps`` of its ladder have been told."""

    alert: AlertRow
    about: About
    receivers: tuple[str, ...]
    steps: int


@dataclass(frozen=True, slots=True)
class Notice:
    """What one receiver hears in one go: alerts of one group, raised or cleared."""

    receiver: str
    group: str
    about: About
    alerts: tuple[AlertRow, ...]


def due(alert: AlertRow, plan: Plan, silences: Sequence[SilenceRow], now_ms: int) -> Due | None:
    """Who is to hear of ``alert`` now; None for nobody.

    Whoever was told of an alert hears of its end, silenced or not. The ladder's time counts from the raise, or from
    the end of the last silence, so that nobody is woken for what was silenced until a moment ago.
    """
    steps = plan.steps(alert.rule)
    if alert.state == "cleared":
        if alert.clear_told or not alert.told_steps:
            return None
        told = _receivers(steps[: alert.told_steps])
        return Due(alert, "cleared", told, alert.told_steps)
    if is_acknowledged(alert) or silenced_until_ms(alert, tuple(silences), now_ms) is not None:
        return None
    since_ms = max([alert.raised_at_ms, *(_end_ms(one) for one in silences if _had_held(one, alert, now_ms))])
    reached = sum(now_ms - since_ms >= step.after_ms for step in steps)
    if reached <= alert.told_steps:
        return None
    return Due(alert, "raised", _receivers(steps[alert.told_steps : reached]), reached)


def _receivers(steps: Sequence[Step]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for step in steps for name in step.receivers))


def _end_ms(silence: SilenceRow) -> int:
    return silence.until_ms if silence.ended_at_ms is None else min(silence.until_ms, silence.ended_at_ms)


def _had_held(silence: SilenceRow, alert: AlertRow, now_ms: int) -> bool:
    return covers(silence, alert.rule) and alert.raised_at_ms < _end_ms(silence) <= now_ms


@dataclass(slots=True)
class _Open:
    since_ms: float
    dues: dict[str, Due] = field(default_factory=dict)


class Gathering:
    """What waits a moment to be told together, by group and whether it is raised or cleared."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._open: dict[tuple[str, About], _Open] = {}

    def __contains__(self, alert_id: str) -> bool:
        """Whether something of that alert waits."""
        return any(alert_id in one.dues for one in self._open.values())

    def add(self, found: Due, mono_ms: float) -> None:
        """It waits for others of its group; what waits of the same alert is told as it is now, or no more, where it
        was over before anybody heard of it."""
        rule = self._plan.rule(found.alert.rule)
        group = found.alert.rule if rule is None or not rule.group else rule.group
        self._open.setdefault((group, found.about), _Open(mono_ms)).dues[found.alert.alert_id] = found

    def drop(self, alert_id: str) -> None:
        """Nobody need hear of it any more."""
        for one in self._open.values():
            one.dues.pop(alert_id, None)

    def ready(self, mono_ms: float) -> list[tuple[list[Due], list[Notice]]]:
        """The groups that have waited long enough: what was due, and the notices that it makes."""
        found = []
        for key in [key for key, one in self._open.items() if mono_ms - one.since_ms >= self._plan.group_wait_ms]:
            dues = list(self._open.pop(key).dues.values())
            if dues:
                found.append((dues, _notices(*key, dues)))
        return found


def _notices(group: str, about: About, dues: Sequence[Due]) -> list[Notice]:
    names = dict.fromkeys(name for one in dues for name in one.receivers)
    return [Notice(name, group, about, tuple(one.alert for one in dues if name in one.receivers)) for name in names]
