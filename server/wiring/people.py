"""Who is connected, how they stand, what they may do in a time; and what staff watches."""

from __future__ import annotations

from dataclasses import dataclass

from server.chat.accounts import Accounts
from server.chat.connected import Connected
from server.chat.figures import Figures
from server.chat.presence import PresenceVerbs
from server.chat.queue import Queue
from server.chat.quotas import Doorkeeper, Quotas
from server.chat.typists import TypingVerbs
from server.limits import Quota
from server.settings import Settings
from server.telemetry import process_usage
from server.wiring.ground import Ground


@dataclass(frozen=True, slots=True)
class People:
    """``queue`` and ``figures`` are what agents and admins watch."""

    connected: Connected
    doorkeeper: Doorkeeper
    accounts: Accounts
    typing: TypingVerbs
    presence: PresenceVerbs
    queue: Queue
    figures: Figures


def gather_people(ground: Ground) -> People:
    """Everybody on this worker."""
    connected = Connected()
    typing = TypingVerbs(store=ground.store, fanout=ground.fanout, signals=ground.signals, clock=ground.clock)
    presence = _presence(ground, typing)
    ground.metrics.registry_up.set_function(lambda: float(not presence.attendance.is_away))
    return People(
        connected=connected,
        doorkeeper=Doorkeeper(ground.limiter, quotas(ground.settings), ground.clock, ground.metrics.limited),
        accounts=Accounts(store=ground.store, signals=ground.signals, connected=connected, clock=ground.clock),
        typing=typing,
        presence=presence,
        queue=_queue(ground),
        figures=_figures(ground),
    )


def quotas(settings: Settings) -> Quotas:
    """What users and addresses may do in a time."""
    if settings.limits == "off":
        return Quotas()

    def per_second(name: str, rate: float, seconds: int) -> Quota:
        return Quota.per_second(name, rate, burst=max(1, round(rate * seconds)))

    def per_minute(name: str, rate: float) -> Quota:
        return Quota.per_minute(name, rate, burst=max(1, round(rate)))

    return Quotas(
        messages=per_second("messages", settings.messages_per_second, 10),
        opens=per_minute("opens", settings.opens_per_minute),
        requests=per_second("requests", settings.requests_per_second, 10),
        failed_tokens=per_minute("failed_tokens", settings.failed_tokens_per_minute),
        guests=per_minute("guests", settings.guests_per_minute),
        frames=per_second("frames", settings.frames_per_second, 4),
        connections_per_user=settings.connections_per_user,
        connections_per_address=settings.connections_per_address,
    )


def _presence(ground: Ground, typing: TypingVerbs) -> PresenceVerbs:
    return PresenceVerbs(
        store=ground.store,
        registry=ground.registry,
        fanout=ground.fanout,
        signals=ground.signals,
        clock=ground.clock,
        worker=ground.worker,
        on_absent=typing.stop,
    )


def _queue(ground: Ground) -> Queue:
    return Queue(
        store=ground.store,
        fanout=ground.fanout,
        signals=ground.signals,
        clock=ground.clock,
        on_length=ground.metrics.queue_length.set,
    )


def _figures(ground: Ground) -> Figures:
    return Figures(
        worker=ground.worker,
        fanout=ground.fanout,
        signals=ground.signals,
        totals=ground.metrics.totals,
        usage=process_usage,
        clock=ground.clock,
    )
