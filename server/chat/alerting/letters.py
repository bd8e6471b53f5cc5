"""What receivers are sent: the body of a webhook, and the text of a mail (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal

import msgspec

from server.chat.alerting.measures import MEASURES
from server.chat.alerting.sending import Notice
from server.chat.alerting.values import Plan
from server.store.alert_ports import AlertRow

VERSION: Final = 1
TEST_ALERT: Final = "test"

Channel = Literal["webhook", "email"]


@dataclass(frozen=True, slots=True)
class Target:
    """One URL, or one mail address."""

    channel: Channel
    address: str


@dataclass(frozen=True, slots=True)
class Letter:
    """What goes to one target. ``delivery_id`` is the same at every try, so that a receiver can tell repeats.
    ``alert_ids``: what it tells of."""

    target: Target
    delivery_id: str
    subject: str
    text: str
    body: bytes
    alert_ids: tuple[str, ...] = ()


def letters(notice: Notice, plan: Plan, *, delivery_id: str, now_ms: int) -> list[Letter]:
    """One per address of the receiver; none where the plan knows it no more."""
    receiver = plan.receivers.get(notice.receiver)
    if receiver is None:
        return []
    targets = [
        *(Target("webhook", url) for url in receiver.webhooks),
        *(Target("email", address) for address in receiver.emails),
    ]
    alerts = [shown(alert, plan) for alert in notice.alerts]
    body = msgspec.json.encode({
        "version": VERSION,
        "delivery_id": delivery_id,
        "receiver": notice.receiver,
        "group": notice.group,
        "state": notice.about,
        "at_ms": now_ms,
        "alerts": alerts,
    })  # fmt: skip
    subject, text = _subject(notice), _text(notice, alerts)
    ids = tuple(alert.alert_id for alert in notice.alerts)
    return [Letter(target, delivery_id, subject, text, body, ids) for target in targets]


def shown(alert: AlertRow, plan: Plan) -> dict[str, Any]:
    """An alert as clients and receivers see it (PROTOCOL §7 and docs/alerts.md); what it is about stands beside."""
    rule = plan.rule(alert.rule)
    told: dict[str, Any] = {
        **alert.about,
        "alert_id": alert.alert_id,
        "rule": alert.rule,
        "severity": alert.severity,
        "state": alert.state,
        "at_ms": alert.at_ms,
        "value": round(alert.value, 4),
        "raised_at_ms": alert.raised_at_ms,
    }
    if rule is not None:
        threshold = rule.thresholds.get(alert.severity)
        told |= {"measure": rule.measure, "unit": MEASURES[rule.measure].unit, "direction": rule.direction}
        told |= {} if threshold is None else {"threshold": threshold.raise_at}
        told |= {"meaning": rule.meaning} if rule.meaning else {}
    if alert.acknowledged_by is not None:
        told |= {"acknowledged_by": alert.acknowledged_by, "acknowledged_at_ms": alert.acknowledged_at_ms}
    return told


def _subject(notice: Notice) -> str:
    names = sorted({alert.rule for alert in notice.alerts})
    worst = "CRITICAL" if any(alert.severity == "critical" for alert in notice.alerts) else "warning"
    said = "over" if notice.about == "cleared" else worst
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"[Parlance {said}] {', '.join(names[:3])}{more}"


def _text(notice: Notice, alerts: list[dict[str, Any]]) -> str:
    lines = [f"{len(alerts)} alert{'s' if len(alerts) != 1 else ''} {notice.about}, group {notice.group}.", ""]
    for alert in alerts:
        lines += [*_lines(alert), ""]
    return "\n".join(lines)


_PLAIN: Final = frozenset((
    *("alert_id", "rule", "severity", "state", "at_ms", "value", "raised_at_ms", "measure", "unit", "direction"),
    *("threshold", "meaning", "acknowledged_by", "acknowledged_at_ms"),
))  # fmt: skip


def _lines(alert: Mapping[str, Any]) -> list[str]:
    about = ", ".join(f"{name} {value}" for name, value in alert.items() if name not in _PLAIN)
    unit = f" ({alert['unit']})" if "unit" in alert else ""
    bound = f", {alert['direction']} {alert['threshold']:g}" if "threshold" in alert else ""
    return [
        f"{alert['severity']}: {alert['rule']}{f' ({about})' if about else ''}",
        *([f"  {alert['meaning']}"] if "meaning" in alert else []),
        f"  value {alert['value']:g}{unit}{bound}",
        f"  since {_moment(alert['raised_at_ms'])}, {alert['state']} {_moment(alert['at_ms'])}",
        f"  id {alert['alert_id']}",
    ]


def _moment(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
