"""Alerts: what each worker knows of itself, who looks after them, and how word leaves."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import structlog

from inference.registry.everywhere import ClusterFigures
from inference.registry.fleet import Roster
from server import __version__
from server.chat.alerting.courier import Carrier, Courier
from server.chat.alerting.keeper import AlertKeeper
from server.chat.alerting.letters import Channel, Letter
from server.chat.alerting.measures import Surroundings
from server.chat.alerting.office import AlertOffice
from server.chat.alerting.values import Plan
from server.chat.alerts import Alerts
from server.chat.signals import WorkerHealth
from server.clock import Clock
from server.settings import Settings
from server.wiring.ground import Ground, new_id
from server.wiring.people import People
from server.wiring.turns import Turns

if TYPE_CHECKING:
    from server.chat.alerting.carriers import Mailbox

LOOK_S: Final = 10.0
"""A window of 500 turns moves no faster, and no disk fills faster than that."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Lookout:
    """``alerts`` shows and tells, ``keeper`` decides, ``office`` answers admins; ``health`` is this worker's own."""

    alerts: Alerts
    keeper: AlertKeeper
    office: AlertOffice
    health: Health


def post_lookout(ground: Ground, people: People, turns: Turns, plan: Plan) -> Lookout:
    """``plan``: the rules, and who is told."""
    health = Health(ground, people, turns)
    people.figures.tell_of(health.now)
    alerts = Alerts(store=ground.store, fanout=ground.fanout, clock=ground.clock, plan=plan)
    keeper = AlertKeeper(
        plan=plan,
        worker=ground.worker,
        store=ground.store,
        alerts=alerts,
        figures=people.figures,
        surroundings=health.surroundings,
        courier=lambda ended: _courier(ground, plan, ended),
        signals=ground.signals,
        clock=ground.clock,
        new_id=new_id,
        on_standing=ground.metrics.alerts.stand,
    )
    office = AlertOffice(store=ground.store, alerts=alerts, signals=ground.signals, clock=ground.clock, new_id=new_id)
    return Lookout(alerts, keeper, office, health)


def carriers_of(settings: Settings, clock: Clock) -> dict[Channel, Carrier]:
    """How letters leave; the rules of settings and plan see to it that there is a way for each receiver."""
    from server.chat.alerting.carriers import MailCarrier, WebhookCarrier  # late: most servers tell nobody

    return {
        "webhook": WebhookCarrier(settings.alert_webhook_secret.get_secret_value(), clock=clock),
        "email": MailCarrier(mailbox_of(settings), clock=clock),
    }


def mailbox_of(settings: Settings) -> Mailbox:
    """As the settings have it."""
    from server.chat.alerting.carriers import Mailbox

    return Mailbox(
        host=settings.alert_mail_host,
        port=settings.alert_mail_port,
        sender=settings.alert_mail_from,
        tls=settings.alert_mail_tls,
        user=settings.alert_mail_user,
        password=settings.alert_mail_password.get_secret_value(),
        ca_file=settings.alert_mail_ca_file,
    )


def _courier(ground: Ground, plan: Plan, ended: Callable[[Letter], None]) -> Courier:
    carriers = carriers_of(ground.settings, ground.clock) if plan.receivers else {}
    return Courier(carriers, rng=ground.rng, count=ground.metrics.alerts.delivery, ended=ended)


class Health:
    """What this worker knows of itself; looked at every ``LOOK_S``, since a disk may be slow to answer."""

    def __init__(self, ground: Ground, people: People, turns: Turns) -> None:
        self._folder = ground.settings.data_dir
        self._clock = ground.clock
        self._people = people
        self._turns = turns
        self._started_ms = ground.clock.now_ms()
        self._disk_free: float | None = None
        self._psi: list[tuple[str, str, float]] = []
        self._disputed: list[tuple[str, bool]] = []

    def now(self) -> WorkerHealth:
        """What is told with this worker's figures."""
        author = self._turns.author
        return WorkerHealth(
            started_ms=self._started_ms,
            version=__version__,
            model=self._turns.fleet.roster.champion.model,
            policy_version=self._turns.learner.version,
            disk_free=self._disk_free,
            redis_away=self._people.presence.attendance.is_away,
            model_away=None if author is None else author.is_away,
            psi=self._psi,
            disputed=self._disputed,
        )

    def surroundings(self) -> Surroundings:
        """What the keeper knows though it can't ask anybody."""
        length, longest_ms = self._people.queue.waiting(self._clock.now_ms())
        return Surroundings(
            disk_free=self._disk_free,
            redis_away=self._people.presence.attendance.is_away,
            queue_length=length,
            longest_wait_ms=longest_ms,
        )

    async def keep(self) -> None:
        """Run for ever."""
        while True:
            try:
                await self.look()
            except Exception:  # whatever it was, the next round must come
                _log.exception("health not looked at")
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """One round."""
        usage = await asyncio.to_thread(shutil.disk_usage, self._folder)
        self._disk_free = round(usage.free / usage.total, 4) if usage.total else None
        figures, roster = self._turns.figures.figures, self._turns.fleet.roster
        self._psi, self._disputed = drift_of(figures, roster), disputed(figures, roster)


def drift_of(figures: Mapping[str, ClusterFigures], roster: Roster) -> list[tuple[str, str, float]]:
    """Version, measure and index of the versions that answer; what others read is not watched any more."""
    return [
        (version, measure, round(index, 4))
        for version, one in _answering(figures, roster).items()
        for measure, index in one.psi.items()
    ]


def disputed(figures: Mapping[str, ClusterFigures], roster: Roster) -> list[tuple[str, bool]]:
    """Of each version that answers, whether people agree less with it than before."""
    return [(version, one.agreement_fell) for version, one in _answering(figures, roster).items()]


def _answering(figures: Mapping[str, ClusterFigures], roster: Roster) -> dict[str, ClusterFigures]:
    answering = {roster.champion.model, *([roster.canary[0].version] if roster.canary is not None else [])}
    return {version: one for version, one in figures.items() if version in answering}
