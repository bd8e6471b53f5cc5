"""Experiments for tests: a ledger in memory that keeps what ``server.store`` would, and what acts on turns above it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

import numpy as np

from adapters.experiments.assignment import BanditHoldOut
from adapters.experiments.changes import Change
from adapters.experiments.design import Experiment, Variant
from adapters.experiments.documents import to_document
from adapters.features import FEATURE_NAMES
from adapters.policies import Policy, make_policy
from server.chat.experiments import Experiments
from server.chat.treatments import Abilities
from server.chat.trials import Trials
from server.clock import ManualClock
from server.errors import Conflict, NotFound, Unavailable
from server.store.experiment_ports import ExperimentRow, ExperimentState, GoalEvent, Refuse, UnitRecord, Window
from server.store.ports import Store
from server.telemetry import Metrics
from tests.unit.chat.loopback import loopback

PERSONAS = ("calm", "warm")
FRIENDLY = Change("writer_style", {"tone": "friendly"})
TONE = Experiment("tone", (Variant("today"), Variant("friendly", 1, (FRIENDLY,))), ("satisfaction",))


def policy(name: str, parameters: Mapping[str, Any]) -> Policy:
    return make_policy(name, PERSONAS, len(FEATURE_NAMES), 1, **parameters)


CAN = Abilities(PERSONAS, lambda: ("refund", "order_status"), policy)


@dataclass
class FakeLedger:
    """``exposures``: by user; ``reads``: how often they were asked for."""

    log: dict[str, list[ExperimentRow]] = field(default_factory=dict)
    exposures: dict[str, dict[str, str]] = field(default_factory=dict)
    records: list[UnitRecord] = field(default_factory=list)
    events: list[GoalEvent] = field(default_factory=list)
    looked: set[str] = field(default_factory=set)
    windows: list[Window] = field(default_factory=list)
    reads: int = 0
    away: bool = False

    async def put_experiment(self, row: ExperimentRow, refuse: Refuse | None = None) -> None:
        reason = refuse(await self.experiments(("running", "paused"))) if refuse else None
        if reason is not None:
            raise Conflict(reason)
        revisions = self.log.setdefault(row.id, [])
        if row.revision != len(revisions) + 1:
            raise Conflict("changed meanwhile")
        revisions.append(row)

    async def experiment(self, experiment_id: str) -> ExperimentRow:
        if experiment_id not in self.log:
            raise NotFound(f"There is no experiment {experiment_id!r}.")
        return self.log[experiment_id][-1]

    async def experiments(self, states: Sequence[ExperimentState] | None = None) -> list[ExperimentRow]:
        rows = [self.log[name][-1] for name in sorted(self.log)]
        return [row for row in rows if states is None or row.state in states]

    async def experiment_history(self, experiment_id: str) -> list[ExperimentRow]:
        return self.log.get(experiment_id, [])

    async def experiments_version(self) -> int:
        if self.away:
            raise Unavailable("the database is away")
        return sum(map(len, self.log.values()))

    async def take_look(self, experiment_id: str, every_ms: int) -> bool:
        is_mine = experiment_id not in self.looked
        self.looked.add(experiment_id)
        return is_mine

    async def exposures_of(self, user_id: str) -> dict[str, str]:
        self.reads += 1
        return dict(self.exposures.get(user_id, {}))

    async def add_event(self, event: GoalEvent) -> bool:
        self.events.append(event)
        return True

    async def unit_records(self, window: Window, after: str | None, limit: int) -> list[UnitRecord]:
        self.windows.append(window)
        return [record for record in self.records if after is None or record.unit > after][:limit]

    def keep(self, *experiments: Experiment) -> None:
        """As if somebody had changed them."""
        for own in experiments:
            revisions = self.log.setdefault(own.id, [])
            revisions.append(row_of(own, len(revisions) + 1))


def row_of(own: Experiment, revision: int = 1) -> ExperimentRow:
    return ExperimentRow(own.id, revision, own.state, to_document(own), "test", "ada", 0)


@dataclass
class Bench:
    """``handed``: conversations that were given to a person, with the reason."""

    ledger: FakeLedger = field(default_factory=FakeLedger)
    clock: ManualClock = field(default_factory=ManualClock)
    metrics: Metrics = field(default_factory=Metrics)
    handed: list[tuple[str, str]] = field(default_factory=list)

    @property
    def store(self) -> Store:
        return cast(Store, self.ledger)

    def trials(self, *experiments: Experiment, **options: Any) -> Trials:
        """That know these."""

        async def relieve(channel: str, reason: str) -> None:
            self.handed.append((channel, reason))

        given = {"signals": loopback()[0], "can": CAN, **options}
        made = Trials(store=self.store, clock=self.clock, metrics=self.metrics, relieve=relieve, **given)
        self.ledger.keep(*experiments)
        made.take([row_of(own) for own in experiments])
        return made

    def experiments(self, **options: Any) -> Experiments:
        return Experiments(store=self.store, clock=self.clock, can=CAN, silence_ms=600_000, **options)


def hold_out(share: float) -> BanditHoldOut:
    return BanditHoldOut("linucb", share)


def running(own: Experiment = TONE, **changes: Any) -> Experiment:
    return replace(own, **changes).start(1)


CONTEXT = np.zeros(len(FEATURE_NAMES))
