"""The part of the ledger that alerts need, in memory, with a switch that takes it away; and who hears of alerts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

import msgspec

from server.backplane.ports import Envelope
from server.chat.alerting.courier import Courier, DeliveryError
from server.chat.alerting.keeper import AlertKeeper
from server.chat.alerting.letters import Letter
from server.chat.alerting.measures import Surroundings
from server.chat.alerting.values import Plan
from server.chat.alerts import Alerts
from server.chat.signals import AlertsMoved, Signals, WorkerFigures
from server.clock import ManualClock
from server.errors import Conflict, NotFound, Unavailable
from server.fanout.hub import Fanout
from server.store.alert_ports import AlertRow, AuditRow, Evidence, SilenceRow
from server.store.ports import Store
from tests.unit.alerting.support import ids


@dataclass
class Ledger:
    """``away``: every call raises ``Unavailable``. Its clock is the database's."""

    clock: ManualClock
    rows: dict[str, AlertRow] = field(default_factory=dict)
    kept: dict[str, SilenceRow] = field(default_factory=dict)
    noted: list[AuditRow] = field(default_factory=list)
    evidence: Evidence = field(default_factory=Evidence)
    away: bool = False
    duty: tuple[str, int] = ("", 0)

    def __getattribute__(self, name: str) -> Any:
        if name in STORED and self.away:
            raise Unavailable("The database can't be written now.")
        return super().__getattribute__(name)

    async def take_alert_duty(self, worker: str, lease_ms: int) -> bool:
        holder, until_ms = self.duty
        if worker != holder and self.clock.now_ms() < until_ms:
            return False
        self.duty = (worker, self.clock.now_ms() + lease_ms)
        return True

    async def save_alerts(self, rows: Sequence[AlertRow]) -> None:
        for row in rows:
            old = self.rows.get(row.alert_id, row)
            said = {name: getattr(old, name) for name in ACKNOWLEDGED}
            self.rows[row.alert_id] = replace(row, **said)

    async def alerts(self, *, state: str | None = None, before: str | None = None, limit: int) -> list[AlertRow]:
        rows = sorted(self.rows.values(), key=lambda row: row.alert_id, reverse=True)
        return [row for row in rows if state in (None, row.state) and (before is None or row.alert_id < before)][:limit]

    async def open_alerts(self) -> list[AlertRow]:
        return [row for row in self.rows.values() if row.state == "raised" or (row.told_steps and not row.clear_told)]

    async def acknowledge_alert(self, alert_id: str, by: str, at_ms: int) -> AlertRow:
        row = self.rows.get(alert_id)
        if row is None:
            raise NotFound("none")
        if row.state != "raised":
            raise Conflict("over")
        seen: dict[str, Any] = {
            "acknowledged_by": by,
            "acknowledged_at_ms": at_ms,
            "acknowledged_severity": row.severity,
        }
        self.rows[alert_id] = replace(row, **seen)
        return self.rows[alert_id]

    async def add_silence(self, row: SilenceRow) -> None:
        self.kept[row.silence_id] = row

    async def end_silence(self, silence_id: str, by: str, at_ms: int) -> SilenceRow:
        self.kept[silence_id] = replace(self.kept[silence_id], ended_by=by, ended_at_ms=at_ms)
        return self.kept[silence_id]

    async def silences(self, since_ms: int) -> list[SilenceRow]:
        return [row for row in self.kept.values() if row.until_ms >= since_ms]

    async def alert_evidence(self, since_ms: int, labels_since_ms: int) -> Evidence:
        return self.evidence

    async def add_audit(self, row: AuditRow) -> None:
        self.noted.append(row)

    async def audit(self, *, by: str | None, action: str | None, before: int | None, limit: int) -> list[AuditRow]:
        return self.noted[:limit]


ACKNOWLEDGED = ("acknowledged_by", "acknowledged_at_ms", "acknowledged_severity")
STORED = frozenset((
    *("take_alert_duty", "save_alerts", "alerts", "open_alerts", "acknowledge_alert", "add_silence", "end_silence"),
    *("silences", "alert_evidence", "add_audit", "audit"),
))  # fmt: skip


class Channel:
    """A fan-out that keeps what is told on admin:alerts, and signals that go nowhere else."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []
        self.signalled: list[str] = []

    async def publish(self, envelope: Envelope) -> None:
        if envelope.audience == "workers":
            self.signalled.append(envelope.body.decode())
            return
        assert envelope.channel == "admin:alerts"
        event = msgspec.json.decode(envelope.body)
        assert (event["type"], event["channel"], event["name"]) == ("event", "admin:alerts", "alert")
        self.told.append(event["data"])


class Post:
    """A carrier that keeps letters, and fails where ``fails`` says so."""

    def __init__(self) -> None:
        self.letters: list[Letter] = []
        self.fails: Callable[[Letter], DeliveryError | None] = lambda _: None
        self.closed = False

    async def carry(self, letter: Letter) -> None:
        error = self.fails(letter)
        if error is not None:
            raise error
        self.letters.append(letter)

    async def close(self) -> None:
        self.closed = True

    def told(self) -> list[tuple[str, str]]:
        """To whom, and the subject."""
        return [(letter.target.address, letter.subject) for letter in self.letters]


@dataclass
class Watched:
    """The cluster's figures as a test sets them."""

    reports: list[WorkerFigures] = field(default_factory=list)
    watched: bool = False

    def watch(self, on: bool) -> None:
        self.watched = on


class Guard:
    """One worker that may look after the alerts."""

    def __init__(self, name: str, ledger: Ledger, plan: Plan, post: Post, channel: Channel) -> None:
        self.figures = Watched()
        self.near = Surroundings()
        self.counted: list[tuple[str, str]] = []
        self.signals = Signals()
        self.signals.connect(cast(Fanout, channel))
        self.alerts = Alerts(store=cast(Store, ledger), fanout=cast(Fanout, channel), clock=ledger.clock, plan=plan)
        self.keeper = AlertKeeper(
            plan=plan,
            worker=name,
            store=cast(Store, ledger),
            alerts=self.alerts,
            figures=self.figures,
            surroundings=lambda: self.near,
            courier=lambda ended: courier(post, ended, self.counted),
            signals=self.signals,
            clock=ledger.clock,
            new_id=ids(),
        )


def courier(post: Post, ended: Callable[[Letter], None], counted: list[tuple[str, str]]) -> Courier:
    import random

    return Courier(
        {"webhook": post, "email": post},
        rng=random.Random(0),
        count=lambda channel, outcome: counted.append((channel, outcome)),
        ended=ended,
        sleep=no_sleep,
    )


async def no_sleep(_: float) -> None:
    """No time passes."""


Sleep = Callable[[float], Awaitable[None]]
MOVED = AlertsMoved()
