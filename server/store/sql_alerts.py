"""Alerts and the audit log: these methods of ``ports.Store``; ``alert_ports`` says what they promise."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import cast

from server.store import alerts
from server.store.alert_ports import AlertRow, AlertState, AuditRow, Evidence, SilenceRow
from server.store.prepare import check_texts
from server.store.roads import Roads

_ORDER = "7 alerts"


class AlertMethods(Roads):
    """Part of ``SqlStore``."""

    async def take_alert_duty(self, worker: str, lease_ms: int) -> bool:
        check_texts(worker=worker)
        return await self._work((_ORDER, "duty"), partial(alerts.take_duty, worker=worker, lease_ms=lease_ms))

    async def save_alerts(self, rows: Sequence[AlertRow]) -> None:
        ordered = sorted(rows, key=lambda row: row.alert_id)
        await self._work((_ORDER, "rows"), partial(alerts.save, rows=ordered))

    async def alerts(self, *, state: AlertState | None = None, before: str | None = None, limit: int) -> list[AlertRow]:
        check_texts(before=before)
        return await self._read(partial(alerts.page, state=state, before=before, limit=limit))

    async def open_alerts(self) -> list[AlertRow]:
        return await self._read(alerts.open_ones)

    async def acknowledge_alert(self, alert_id: str, by: str, at_ms: int) -> AlertRow:
        check_texts(alert_id=alert_id, by=by)
        work = partial(alerts.acknowledge, alert_id=alert_id, by=by, at_ms=at_ms)
        return cast(AlertRow, await self._work((_ORDER, "rows"), work))

    async def add_silence(self, row: SilenceRow) -> None:
        check_texts(silence_id=row.silence_id, rule=row.rule, by=row.by, reason=row.reason)
        await self._work((_ORDER, "silences"), partial(alerts.add_silence, row=row))

    async def end_silence(self, silence_id: str, by: str, at_ms: int) -> SilenceRow:
        check_texts(silence_id=silence_id, by=by)
        work = partial(alerts.end_silence, silence_id=silence_id, by=by, at_ms=at_ms)
        return cast(SilenceRow, await self._work((_ORDER, "silences"), work))

    async def silences(self, since_ms: int) -> list[SilenceRow]:
        return await self._read(partial(alerts.silences, since_ms=since_ms))

    async def alert_evidence(self, since_ms: int, labels_since_ms: int) -> Evidence:
        return await self._read(partial(alerts.evidence, since_ms=since_ms, labels_since_ms=labels_since_ms))

    async def add_audit(self, row: AuditRow) -> None:
        check_texts(by=row.by, action=row.action, subject=row.subject)
        await self._work((_ORDER, "zz audit"), partial(alerts.add_audit, row=row))

    async def audit(
        self, *, by: str | None = None, action: str | None = None, before: int | None = None, limit: int
    ) -> list[AuditRow]:
        check_texts(by=by, action=action)
        return await self._read(partial(alerts.audit, by=by, action=action, before=before, limit=limit))
