"""Alerts over HTTP: what stands, who has seen it, and what nobody is to be told of. For admins."""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any, Final

import structlog

from server.chat.alerting.measures import MEASURES
from server.chat.alerting.values import Plan, Rule
from server.chat.alerts import MAX_STANDING, Alerts
from server.chat.peer import Caller
from server.chat.signals import AlertsMoved, Signals
from server.clock import Clock
from server.errors import Forbidden, Invalid
from server.store.alert_ports import AlertRow, AlertState, SilenceRow
from server.store.ports import Store

MAX_SILENCE_MS: Final = 30 * 86_400_000
MAX_PATTERN: Final = 64
_PATTERN: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_*?")

Json = dict[str, Any]

_log = structlog.get_logger(__name__)


class AlertOffice:
    """``new_id`` makes ULIDs."""

    def __init__(
        self, *, store: Store, alerts: Alerts, signals: Signals, clock: Clock, new_id: Callable[[], str]
    ) -> None:
        self._store = store
        self._alerts = alerts
        self._signals = signals
        self._clock = clock
        self._new_id = new_id

    async def page(
        self, caller: Caller, *, state: AlertState | None, before: str | None, limit: int
    ) -> tuple[list[Json], bool]:
        """The newest first, and whether there are more. ``Forbidden``."""
        _require_admin(caller)
        found = await self._store.alerts(state=state, before=before, limit=limit + 1)
        silences = await self._store.silences(self._clock.now_ms())
        return [self._alerts.told(row, silences) for row in found[:limit]], len(found) > limit

    def rules(self, caller: Caller) -> list[Json]:
        """Those of the file, in its order. ``Forbidden``."""
        _require_admin(caller)
        return [rule_shown(rule) for rule in self._alerts.plan.rules]

    async def acknowledge(self, caller: Caller, alert_id: str) -> Json:
        """Nobody further need be told of it, unless it gets worse. ``Forbidden``, ``NotFound``, ``Conflict``."""
        _require_admin(caller)
        row = await self._store.acknowledge_alert(alert_id, caller.user.id, self._clock.now_ms())
        silences = await self._store.silences(self._clock.now_ms())
        await self._tell(row, silences)
        return self._alerts.told(row, silences)

    async def silences(self, caller: Caller) -> list[Json]:
        """Those that hold, the newest first. ``Forbidden``."""
        _require_admin(caller)
        now_ms = self._clock.now_ms()
        return [silence_shown(row) for row in await self._store.silences(now_ms) if row.ended_at_ms is None]

    async def silence(
        self, caller: Caller, *, rule: str, for_s: float | None, until_ms: int | None, reason: str
    ) -> Json:
        """Tell nobody of alerts of these rules until then. ``Forbidden``, ``Invalid``."""
        _require_admin(caller)
        now_ms = self._clock.now_ms()
        row = SilenceRow(
            silence_id=self._new_id(),
            rule=checked_pattern(rule, self._alerts.plan),
            until_ms=checked_until_ms(for_s, until_ms, now_ms),
            by=caller.user.id,
            at_ms=now_ms,
            reason=reason,
        )
        await self._store.add_silence(row)
        await self._silences_moved()
        return silence_shown(row)

    async def end_silence(self, caller: Caller, silence_id: str) -> Json:
        """From now on people are told again. ``Forbidden``, ``NotFound``."""
        _require_admin(caller)
        row = await self._store.end_silence(silence_id, caller.user.id, self._clock.now_ms())
        await self._silences_moved()
        return silence_shown(row)

    async def _silences_moved(self) -> None:
        silences = await self._store.silences(self._clock.now_ms())
        for row in await self._store.alerts(state="raised", limit=MAX_STANDING):
            await self._alerts.tell(row, silences)
        await self._signals.send(AlertsMoved())

    async def _tell(self, row: AlertRow, silences: list[SilenceRow]) -> None:
        _log.info("alert acknowledged", rule=row.rule, by=row.acknowledged_by)
        await self._alerts.tell(row, silences)
        await self._signals.send(AlertsMoved())


def checked_pattern(rule: str, plan: Plan) -> str:
    """A rule's name, or a pattern that some rule matches; a slip of the pen would silence nothing. ``Invalid``."""
    if not 0 < len(rule) <= MAX_PATTERN or not set(rule) <= _PATTERN:
        raise Invalid(f"{rule!r} is no name of a rule: small letters, digits, _, and * or ? for any letters.")
    names = [known.name for known in plan.rules]
    if not any(fnmatchcase(name, rule) for name in names):
        raise Invalid(f"There is no rule {rule!r}; there are {', '.join(names) or 'none'}.")
    return rule


def checked_until_ms(for_s: float | None, until_ms: int | None, now_ms: int) -> int:
    """The end of a silence, told in one of two ways. ``Invalid``."""
    if (for_s is None) == (until_ms is None):
        raise Invalid("Say until when: either for_s, in seconds, or until_ms.")
    end_ms = until_ms if until_ms is not None else now_ms + round((for_s or 0.0) * 1000)
    if not now_ms < end_ms <= now_ms + MAX_SILENCE_MS:
        raise Invalid("A silence ends later than now, and within 30 days.")
    return end_ms


def rule_shown(rule: Rule) -> Json:
    """A rule as JSON; times in seconds, as the file has them."""
    return {
        "name": rule.name,
        "about": rule.meaning,
        "measure": rule.measure,
        "unit": MEASURES[rule.measure].unit,
        "direction": rule.direction,
        "thresholds": {
            severity: {"raise": threshold.raise_at, "clear": threshold.clear_at}
            for severity, threshold in rule.thresholds.items()
        },
        "for_s": rule.for_ms / 1000,
        "clear_for_s": rule.clear_for_ms / 1000,
        "at_least": rule.at_least,
        "group": rule.group,
        "escalation": rule.escalation,
    }


def silence_shown(row: SilenceRow) -> Json:
    """A silence as JSON, without what has not happened."""
    told = {
        "silence_id": row.silence_id,
        "rule": row.rule,
        "until_ms": row.until_ms,
        "by": row.by,
        "at_ms": row.at_ms,
        "reason": row.reason,
        "ended_by": row.ended_by,
        "ended_at_ms": row.ended_at_ms,
    }
    return {name: value for name, value in told.items() if value is not None}


def _require_admin(caller: Caller) -> None:
    if not caller.is_admin:
        raise Forbidden("alerts are for admins")
