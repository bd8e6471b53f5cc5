"""Alerts and what people did about them, and the audit log: who changed what when.

Part of ``ports.Store``, whose text says what holds for every method.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

Severity = Literal["warning", "critical"]
AlertState = Literal["raised", "cleared"]


@dataclass(frozen=True, slots=True)
class AlertRow:
    """One alert from its raise to its clear. ``about``: what it is about besides its rule. ``at_ms``: its last change.

    ``acknowledged_*``: who has seen it, when, and how bad it was then. ``told_steps``: how many steps of its ladder
    have been told; ``clear_told``: that those have heard of its end.
    """

    alert_id: str
    rule: str
    severity: Severity
    state: AlertState
    value: float
    raised_at_ms: int
    at_ms: int
    about: Mapping[str, str] = field(default_factory=dict)
    acknowledged_by: str | None = None
    acknowledged_at_ms: int | None = None
    acknowledged_severity: Severity | None = None
    told_steps: int = 0
    clear_told: bool = False


@dataclass(frozen=True, slots=True)
class SilenceRow:
    """Nobody is told of alerts whose rule matches ``rule`` (``*`` and ``?`` stand for any letters) until ``until_ms``,
    or until somebody ends it."""

    silence_id: str
    rule: str
    until_ms: int
    by: str
    at_ms: int
    reason: str = ""
    ended_by: str | None = None
    ended_at_ms: int | None = None


@dataclass(frozen=True, slots=True)
class AuditRow:
    """``by`` (an id) did ``action`` to ``subject`` at ``at_ms``. ``detail``: what was given, without secrets."""

    at_ms: int
    by: str
    kind: str
    action: str
    subject: str
    detail: Mapping[str, Any] = field(default_factory=dict)
    number: int = 0


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the ledger knows of a stretch of time. ``rating_sum``: of ``ratings`` in [0, 1] of whole conversations.

    Of ``answered`` turns ``doubted`` went into the inbox; of those ``labelled`` have been, ``agreed`` of them as the
    model had said. Conversations that came to an end were ``resolved`` without a person, or ``handed_over``.
    """

    answered: int = 0
    doubted: int = 0
    labelled: int = 0
    agreed: int = 0
    ratings: int = 0
    rating_sum: float = 0.0
    resolved: int = 0
    handed_over: int = 0


class AlertStore(Protocol):
    """What ``ports.Store`` promises of alerts and of the audit log."""

    async def take_alert_duty(self, worker: str, lease_ms: int) -> bool:
        """Whether ``worker`` looks after the alerts for the next ``lease_ms`` of database time: nobody else does."""

    async def save_alerts(self, rows: Sequence[AlertRow]) -> None:
        """Store them, new or changed, but for what people said: acknowledgements stay as they are stored."""

    async def alerts(self, *, state: AlertState | None = None, before: str | None = None, limit: int) -> list[AlertRow]:
        """The newest first, those with an ``alert_id`` below ``before``; of one state, or of any."""

    async def open_alerts(self) -> list[AlertRow]:
        """Those that stand, and those of whose end somebody has yet to be told, the oldest first."""

    async def acknowledge_alert(self, alert_id: str, by: str, at_ms: int) -> AlertRow:
        """Somebody has seen it as it stands. ``NotFound``; ``Conflict`` for one that is over."""

    async def add_silence(self, row: SilenceRow) -> None:
        """Keep it."""

    async def end_silence(self, silence_id: str, by: str, at_ms: int) -> SilenceRow:
        """It holds no more; one that has ended already stays as it is. ``NotFound``."""

    async def silences(self, since_ms: int) -> list[SilenceRow]:
        """Those that held at ``since_ms`` or later, the newest first; at most 1,000."""

    async def alert_evidence(self, since_ms: int, labels_since_ms: int) -> Evidence:
        """What has happened from ``since_ms`` on; turns, doubts and labels from ``labels_since_ms`` on."""

    async def add_audit(self, row: AuditRow) -> None:
        """Note a change; its ``number`` is the ledger's to give."""

    async def audit(
        self, *, by: str | None = None, action: str | None = None, before: int | None = None, limit: int
    ) -> list[AuditRow]:
        """The newest first, those numbered below ``before``; of one person or one action, or of any."""
