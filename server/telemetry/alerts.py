"""Prometheus metrics of alerts."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Iterable
from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge


class Standing(Protocol):
    """An alert that stands."""

    @property
    def severity(self) -> str: ...


class AlertMetrics:
    """What stands, as far as this worker looks after it, and what became of letters."""

    def __init__(self, registry: CollectorRegistry) -> None:
        meaning = "Alerts that stand, on the worker that looks after them; zero on the others."
        self.standing = Gauge("parlance_alerts_standing", meaning, ("severity",), registry=registry)
        meaning = "Letters about alerts, by what became of them; a try that failed and comes again counts as retried."
        self.deliveries = Counter("parlance_alert_deliveries", meaning, ("channel", "outcome"), registry=registry)
        self.stand(())

    def stand(self, alerts: Iterable[Standing]) -> None:
        """These stand now."""
        tally = Tally(alert.severity for alert in alerts)
        for severity in ("warning", "critical"):
            self.standing.labels(severity).set(tally[severity])

    def delivery(self, channel: str, outcome: str) -> None:
        """Count a letter: delivered, retried, dead or dropped."""
        self.deliveries.labels(channel, outcome).inc()
