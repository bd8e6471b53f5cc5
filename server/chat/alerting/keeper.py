"""Who looks after the alerts: one worker of all, by a lease in the ledger's time.

While the ledger is away nobody can take the duty over, so whoever had it last goes on; once the lease would be over,
with what it knows by itself alone, since another may have the ledger and the duty by then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final, Protocol

import structlog

from server.chat.alerting.board import Board
from server.chat.alerting.courier import Courier
from server.chat.alerting.dispatch import Dispatch
from server.chat.alerting.letters import Letter
from server.chat.alerting.measures import MEASURES, Surroundings, near, of_evidence, of_figures
from server.chat.alerting.values import Plan, Reading
from server.chat.alerts import Alerts
from server.chat.signals import AlertsMoved, Signals, WorkerFigures
from server.clock import Clock
from server.errors import ProtocolError, Unavailable
from server.store.alert_ports import AlertRow, Evidence, SilenceRow
from server.store.ports import Store

EVERY_S: Final = 5.0
LEASE_MS: Final = 20_000
GRACE_MS: Final = 6_000.0
"""After taking the duty over: until then some workers may not have told their figures yet."""

EVIDENCE_MS: Final = 60_000.0
HOUR_MS: Final = 3_600_000
DAY_MS: Final = 86_400_000

_log = structlog.get_logger(__name__)


class Figures(Protocol):
    """What the keeper needs of the cluster's figures."""

    @property
    def reports(self) -> Sequence[WorkerFigures]: ...

    def watch(self, on: bool) -> None: ...


class AlertKeeper:
    """``surroundings``: what this worker knows by itself, but for the ledger. ``courier`` makes the courier, given who
    is to hear of letters that are done with; ``new_id`` makes ULIDs."""

    def __init__(
        self,
        *,
        plan: Plan,
        worker: str,
        store: Store,
        alerts: Alerts,
        figures: Figures,
        surroundings: Callable[[], Surroundings],
        courier: Callable[[Callable[[Letter], None]], Courier],
        signals: Signals,
        clock: Clock,
        new_id: Callable[[], str],
        on_standing: Callable[[Sequence[AlertRow]], None] = lambda _: None,
    ) -> None:
        self._plan = plan
        self._worker = worker
        self._store = store
        self._alerts = alerts
        self._figures = figures
        self._surroundings = surroundings
        self._clock = clock
        self._on_standing = on_standing
        self._board = Board(plan.rules, new_id)
        self._dispatch = Dispatch(plan, courier=courier, new_id=new_id, confirmed=self._confirmed)
        self._unsaved: dict[str, AlertRow] = {}
        self._silences: list[SilenceRow] = []
        self._evidence = Evidence()
        self._evidence_ms = float("-inf")
        self._leads = False
        self._since_ms = self._held_until_ms = float("-inf")
        self._ledger_away = False
        self._stirred = asyncio.Event()
        signals.on(AlertsMoved, lambda _: self._stirred.set())

    @property
    def leads(self) -> bool:
        """Whether the duty is this worker's, as far as it knows."""
        return self._leads

    async def keep(self) -> None:
        """Run for ever; nothing to do without rules."""
        while self._plan.rules:
            try:
                await self.tick()
            except Exception:  # whatever it was, the next round must come
                _log.exception("alerts not looked after")
            try:
                async with asyncio.timeout(EVERY_S):
                    await self._stirred.wait()
            except TimeoutError:
                pass
            self._stirred.clear()

    async def close(self) -> None:
        """Give the duty back, so that another takes over at once, and let go what is under way."""
        await self._dispatch.close()
        if self._leads:
            self._leads = False
            try:
                await self._store.take_alert_duty(self._worker, 0)
            except ProtocolError as error:
                _log.info("alert duty not given back", reason=str(error))

    async def tick(self) -> None:
        """One round."""
        await self._take_duty()
        if not self._leads:
            return
        await self._read()
        mono_ms, now_ms = self._clock.mono_ms(), self._clock.now_ms()
        for alert in self._board.look(self._readings(), mono_ms=mono_ms, now_ms=now_ms, only=self._can_tell):
            await self._moved(alert)
        self._dispatch.send(self._board.standing, self._silences, mono_ms, now_ms)
        await self._save()
        self._alerts.keep(self._board.standing)
        self._on_standing(self._board.standing)

    # ------------------------------------------------------------------ whose duty it is

    async def _take_duty(self) -> None:
        try:
            mine = await self._store.take_alert_duty(self._worker, LEASE_MS)
        except ProtocolError as error:
            if not self._ledger_away:
                _log.warning("alert duty not renewed", reason=str(error))
            self._ledger_away = True
            return
        self._ledger_away = False
        if mine:
            self._held_until_ms = self._clock.mono_ms() + LEASE_MS
        if mine and not self._leads:
            await self._begin()
        elif not mine and self._leads:
            await self._end()

    async def _begin(self) -> None:
        rows = await self._store.open_alerts()
        self._board.take_over(rows, self._clock.mono_ms())
        self._dispatch.take_over(rows)
        self._unsaved.clear()
        self._since_ms, self._evidence_ms = self._clock.mono_ms(), float("-inf")
        self._leads = True
        self._figures.watch(True)
        _log.info("alerts looked after here", standing=len(self._board.standing))

    async def _end(self) -> None:
        """Another has taken over. What only this worker knew of is over for everybody else."""
        self._leads = False
        self._figures.watch(False)
        for alert in self._unsaved.values():
            if alert.state == "raised":
                await self._alerts.tell(replace(alert, state="cleared", at_ms=self._clock.now_ms()))
        self._unsaved.clear()
        self._alerts.keep(())
        self._on_standing(())
        _log.info("alerts looked after elsewhere")

    # ------------------------------------------------------------------ what is known

    @property
    def _is_alone(self) -> bool:
        return self._ledger_away and self._clock.mono_ms() >= self._held_until_ms

    def _can_tell(self, measure: str) -> bool:
        if MEASURES[measure].is_near:
            return True
        return not self._is_alone and self._clock.mono_ms() - self._since_ms >= GRACE_MS

    async def _read(self) -> None:
        """What people said, and the ledger's evidence. Where that is away, what was known stays."""
        now_ms, mono_ms = self._clock.now_ms(), self._clock.mono_ms()
        if self._ledger_away:
            return
        try:
            self._silences = await self._store.silences(now_ms - DAY_MS)
            if self._board.standing:
                self._board.acknowledged(await self._store.open_alerts())
            if mono_ms - self._evidence_ms >= EVIDENCE_MS:
                self._evidence = await self._store.alert_evidence(now_ms - HOUR_MS, now_ms - DAY_MS)
                self._evidence_ms = mono_ms
        except Unavailable as error:
            _log.warning("alerts not read", reason=str(error))

    def _readings(self) -> Mapping[str, Sequence[Reading]]:
        own = replace(self._surroundings(), database_away=self._ledger_away)
        if self._is_alone:
            return near(own)
        return {**near(own), **of_figures(self._figures.reports), **of_evidence(self._evidence)}

    # ------------------------------------------------------------------ who hears of it

    async def _moved(self, alert: AlertRow) -> None:
        self._unsaved[alert.alert_id] = alert
        if alert.state == "cleared":
            self._dispatch.over(alert)
            _log.info("alert cleared", rule=alert.rule, value=alert.value, **alert.about)
        else:
            _log.warning("alert raised", rule=alert.rule, severity=alert.severity, value=alert.value, **alert.about)
        await self._alerts.tell(alert, self._silences)

    def _confirmed(self, told: AlertRow) -> None:
        """Its letters are done with, which the ledger should know; as the alert stands by now."""
        standing = next((row for row in self._board.standing if row.alert_id == told.alert_id), None)
        now = told if told.state == "cleared" else standing
        if now is not None and (told.clear_told or told.alert_id not in self._unsaved):
            self._unsaved[told.alert_id] = now
        self._stirred.set()

    async def _save(self) -> None:
        if not self._unsaved or self._ledger_away:
            return
        saved = dict(self._unsaved)
        try:
            await self._store.save_alerts([self._dispatch.stored(row) for row in saved.values()])
        except ProtocolError as error:
            _log.warning("alerts not saved", reason=str(error))
            return
        self._unsaved = {name: row for name, row in self._unsaved.items() if row is not saved.get(name)}
