"""What every other part stands on. The only place that names a concrete store and backplane."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from dataclasses import dataclass

from ulid import ULIDGenerator
from ulid.constants import RANDOMNESS_LEN

from server.backplane.connect import connect_backplane
from server.backplane.ports import Limiter, Registry
from server.chat.signals import Signals
from server.clock import Clock
from server.fanout.hub import Fanout
from server.settings import Settings
from server.store.group import CommitReport
from server.store.ports import Store
from server.store.sql import SqlStore
from server.telemetry import Metrics
from server.telemetry.tracing import Tracing
from server.wire.frames import Message
from server.wiring.tracing import tracing_of

IDS_PER_DRAW = 256


class Randomness:
    """Of identifiers, drawn for many at once.

    Each draw is a system call that gives the interpreter lock away, and a loop whose threads are busy had it back
    after 270 µs (measured).
    """

    def __init__(self, draw: Callable[[int], bytes]) -> None:
        self._draw = draw
        self._drawn = b""
        self._at = 0

    def __call__(self, _timestamp_ms: int = 0) -> bytes:
        if self._at >= len(self._drawn):
            self._drawn, self._at = self._draw(IDS_PER_DRAW * RANDOMNESS_LEN), 0
        start, self._at = self._at, self._at + RANDOMNESS_LEN
        return self._drawn[start : self._at]


_identifiers = ULIDGenerator(randomness=Randomness(os.urandom))


def new_id() -> str:
    """A ULID (https://github.com/ulid/spec); this process's ascend within a millisecond, too."""
    return str(_identifiers.generate())


@dataclass(frozen=True, slots=True)
class Ground:
    """``worker``: unique to this start of this process."""

    settings: Settings
    clock: Clock
    rng: random.Random
    worker: str
    metrics: Metrics
    store: Store
    registry: Registry
    limiter: Limiter
    signals: Signals
    fanout: Fanout
    tracing: Tracing


def lay_ground(
    settings: Settings, *, clock: Clock, rng: random.Random, on_message: Callable[[Message], None]
) -> Ground:
    """``on_message`` gets each durable message that is published on this worker. Raises ``StartupError``."""
    worker, metrics, signals = new_id(), Metrics(), Signals()
    tracing = tracing_of(settings, worker)
    store = tracing.around("store", _store(settings, clock, metrics))
    backplane, registry, limiter = connect_backplane(
        settings.redis_url,
        worker,
        clock=clock,
        rng=rng,
        prefix=settings.redis_prefix,
        on_malformed=metrics.envelopes_malformed.inc,
        on_local_limit=metrics.limited_locally.inc,
    )
    fanout = Fanout(
        store,
        backplane,
        metrics.delivered,
        signals.receive,
        on_message=on_message,
        on_reconnect=metrics.backplane_reconnects.inc,
    )
    fanout = tracing.around("fanout", fanout)
    signals.connect(fanout)
    return Ground(settings, clock, rng, worker, metrics, store, registry, limiter, signals, fanout, tracing)


def _store(settings: Settings, clock: Clock, metrics: Metrics) -> SqlStore:
    def committed(report: CommitReport) -> None:
        if report.committed:
            metrics.commit(report.operations, report.commit_ms / 1000)

    return SqlStore(
        settings.effective_database_url,
        clock=clock,
        new_id=new_id,
        group_max=settings.group_commit_max,
        group_wait_ms=settings.group_commit_wait_ms,
        timeout_s=settings.store_timeout_ms / 1000,
        observe=committed,
    )
