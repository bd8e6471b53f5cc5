"""Rules, alerts and figures as tests need them."""

from __future__ import annotations

from itertools import count
from typing import Any

from server.chat.alerting.values import Plan, Receiver, Rule, Step, Threshold
from server.chat.signals import WorkerFigures, WorkerHealth
from server.store.alert_ports import AlertRow
from server.telemetry.totals import ANALYSIS_S, TURN_S

NOW_MS = 1_700_000_000_000


def rule(name: str = "handoffs", **changes: Any) -> Rule:
    """More than 0.4 is a warning until 0.3, more than 0.6 is critical until 0.5."""
    given: dict[str, Any] = {
        "measure": "handoffs",
        "direction": "above",
        "thresholds": {"warning": Threshold(0.4, 0.3), "critical": Threshold(0.6, 0.5)},
        **changes,
    }
    return Rule(name, **given)


def alert(alert_id: str = "a", rule: str = "handoffs", **changes: Any) -> AlertRow:
    given: dict[str, Any] = {
        "severity": "warning", "state": "raised", "value": 0.5, "raised_at_ms": NOW_MS, "at_ms": NOW_MS, **changes,
    }  # fmt: skip
    return AlertRow(alert_id, rule, **given)


def plan(*rules: Rule, wait_ms: int = 0) -> Plan:
    """The team hears at once, whoever is on call after a quarter of an hour."""
    return Plan(
        rules or (rule(),),
        {
            "team": Receiver("team", ("http://127.0.0.1:9/hook",)),
            "on_call": Receiver("on_call", (), ("ops@example.org",)),
        },
        {"default": (Step(0, ("team",)), Step(900_000, ("on_call",)))},
        wait_ms,
    )


def ids() -> Any:
    numbers = count(1)
    return lambda: f"id{next(numbers)}"


def figures(worker: str = "w1", *, turns: int = 0, handoffs: int = 0, **changes: Any) -> WorkerFigures:
    given: dict[str, Any] = {
        "connections": 1, "conversations": [], "messages_per_s": 0.0, "turns_per_s": 0.0, "deliveries_per_s": 0.0,
        "errors_per_s": 0.0, "cpu": 0.1, "rss_bytes": 1_000, "outbox_drops": 0,
        "turn_counts": [0] * (len(TURN_S) + 1), "analysis_counts": [0] * (len(ANALYSIS_S) + 1), "sentiment_sum": 0.0,
        "sentiment_count": 0, "decisions": {}, "health": WorkerHealth(), **changes,
    }  # fmt: skip
    return WorkerFigures(worker=worker, turns=turns, handoffs=handoffs, **given)
