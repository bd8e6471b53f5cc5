"""``admin:alerts``: what admins should look at (PROTOCOL §7). Each worker tells what it has seen itself.

An alert is raised once, again where it gets worse, and cleared once, all under one ``alert_id``. Nothing is stored: who
subscribes is shown what stands on the worker that it is connected to.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import structlog

from server.backplane.ports import Envelope
from server.chat.access import ALERTS_CHANNEL
from server.chat.peer import Caller
from server.clock import Clock
from server.errors import ProtocolError
from server.fanout.hub import Fanout
from server.wire.codec import JSON
from server.wire.frames import Event

Severity = Literal["warning", "critical"]
Subject = tuple[str, str]

_log = structlog.get_logger(__name__)


class Alerts:
    """The alerts that stand, by rule and by what they are about."""

    def __init__(self, *, fanout: Fanout, clock: Clock, new_id: Callable[[], str]) -> None:
        self._fanout = fanout
        self._clock = clock
        self._new_id = new_id
        self._standing: dict[Subject, dict[str, Any]] = {}

    async def snapshot(self, _: Caller) -> dict[str, Any]:
        """Those that stand, the oldest first."""
        return {"items": list(self._standing.values())}

    async def raise_(self, rule: str, severity: Severity, value: float, **about: str) -> None:
        """Tell it, unless it stands already with this severity. ``about``: what it is about, further fields."""
        subject = _subject(rule, about)
        before = self._standing.get(subject)
        if before is not None and before["severity"] == severity:
            return
        alert = {
            "alert_id": self._new_id() if before is None else before["alert_id"],
            "rule": rule,
            "severity": severity,
            "state": "raised",
            "at_ms": self._clock.now_ms(),
            "value": value,
            **about,
        }
        self._standing[subject] = alert
        _log.warning("alert raised", rule=rule, severity=severity, value=value, **about)
        await self._tell(alert)

    async def clear(self, rule: str, value: float, **about: str) -> None:
        """Tell that it is over, where it stands."""
        alert = self._standing.pop(_subject(rule, about), None)
        if alert is not None:
            _log.info("alert cleared", rule=rule, value=value, **about)
            await self._tell({**alert, "state": "cleared", "at_ms": self._clock.now_ms(), "value": value})

    async def _tell(self, alert: dict[str, Any]) -> None:
        event = Event(channel=ALERTS_CHANNEL, name="alert", data=alert)
        try:
            await self._fanout.publish(Envelope(ALERTS_CHANNEL, 0, JSON.encode(event)))
        except ProtocolError as error:  # it stands in the snapshot and in the log
            _log.warning("alert not told", rule=alert["rule"], reason=str(error))


def _subject(rule: str, about: dict[str, str]) -> Subject:
    return rule, " ".join(f"{name}={value}" for name, value in sorted(about.items()))
