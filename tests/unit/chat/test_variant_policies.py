"""Policies that learn, as variants of an experiment: each a fold over its own log, on every worker alike."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest

from adapters.experiments.changes import Change
from adapters.experiments.design import Experiment, Variant
from adapters.experiments.documents import from_document
from adapters.features import FEATURE_NAMES
from adapters.policies import make_policy
from adapters.rewards import RewardWeights
from server.chat import learning
from server.chat.learning import Learner
from server.chat.signals import Signals
from server.chat.trials import Trials, drawn_by
from server.chat.variant_policies import VariantPolicies, log_of, named_by, parameters_in
from server.clock import ManualClock
from server.errors import StartupError, Unavailable
from server.store.ports import Combine, RewardEvent, RewardParts, Store
from server.wire.parts import ExperimentRef
from tests.unit.chat.laboratory import CAN, CONTEXT, PERSONAS, Bench
from tests.unit.chat.loopback import loopback

LINTS = Change("policy", {"name": "lints", "alpha": 0.2, "floor": 0.1})
LOG = "experiment:e:learns"
USER = "alice"


@pytest.fixture(autouse=True, scope="module")
def quick() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(learning, "GATHER_S", 0)
        yield


@dataclass
class FakeLogs:
    """The logs of all policies. ``whose``: the log of each decision."""

    whose: dict[str, str] = field(default_factory=dict)
    events: dict[str, list[RewardEvent]] = field(default_factory=dict)
    away: bool = False

    async def policy_salt(self) -> int:
        return 7

    async def log_after(self, policy: str, log_offset: int, limit: int) -> list[RewardEvent]:
        if self.away:
            raise Unavailable("the database is away")
        return self.events.get(policy, [])[log_offset : log_offset + limit]

    async def add_reward(self, found: RewardParts, combine: Combine, at_ms: int, repeats: str = "last") -> RewardEvent:
        log = self.events.setdefault(self.whose[found.decision_id], [])
        reward = combine(found.parts)
        assert reward is not None
        x = tuple(CONTEXT + 0.1)
        event = RewardEvent(
            self.whose[found.decision_id], len(log) + 1, found.decision_id, "warm", x, reward, None, 9, 9, 0.5
        )
        log.append(event)
        return event


def own(*changes: Change) -> Experiment:
    return Experiment("e", (Variant("today"), Variant("learns", 9, changes)), ("satisfaction",))


class Worker:
    """The server's policy, experiments, and what follows the logs of both."""

    def __init__(self, logs: FakeLogs, signals: Signals, bench: Bench) -> None:
        self.logs, self.signals, self.made = logs, signals, list[str]()
        self.main = self.learner("linucb")
        self.policies = VariantPolicies(self.make)
        self.main.on_elsewhere(self.policies.take)
        self.trials = Trials(
            store=bench.store, signals=signals, clock=bench.clock, metrics=bench.metrics, can=CAN,
            relieve=cast(Any, None), policies=self.policies,
        )  # fmt: skip

    def learner(self, log: str, name: str = "linucb", **parameters: Any) -> Learner:
        return Learner(
            store=cast(Store, self.logs),
            policy=make_policy(name, PERSONAS, len(FEATURE_NAMES), 1, **parameters),
            name=log,
            combine=RewardWeights().combine,
            signals=self.signals,
            clock=ManualClock(),
            on_reward=lambda _: None,
        )

    def make(self, log: str, change: Change) -> Learner:
        name, parameters = parameters_in(change)
        if parameters.get("alpha") == 99.0:
            raise StartupError("can't be made", "…")
        self.made.append(log)
        return self.learner(log, name, **parameters)

    @property
    def variant(self) -> Learner:
        found = self.policies.learner(LOG)
        assert found is not None
        return found

    def part(self, user: str = USER) -> Any:
        return self.trials.part(user, dict, {}, 7)


def bench_with(experiment: Experiment) -> Bench:
    bench = Bench()
    salt = next(s for s in map(str, range(99)) if replace(experiment, salt=s).allocation.variant(USER, {}) == "learns")
    bench.ledger.keep(replace(experiment, salt=salt).start(1))
    return bench


def newest(bench: Bench) -> Experiment:
    return from_document(bench.ledger.log["e"][-1].document)


async def until(worker: Worker, version: int) -> None:
    for _ in range(200):
        await asyncio.sleep(0)
        if worker.variant.version == version:
            return
    raise AssertionError(worker.variant.version)


async def test_it_chooses_with_its_own_log_version_and_seed() -> None:
    worker = Worker(FakeLogs(), loopback()[0], bench_with(own(LINTS)))
    await worker.trials.look()
    drawn = worker.trials.draw(worker.part(), CONTEXT, PERSONAS, user=USER)
    assert drawn is not None
    assert (drawn.log, drawn.arms, drawn.version, drawn.mode) == (LOG, PERSONAS, 0, "live")
    assert min(drawn.decision.probabilities) >= 0.1, "its own floor"
    await worker.trials.close()


async def test_it_learns_from_its_own_users_alone() -> None:
    logs = FakeLogs({"d1": LOG, "d2": "linucb", "d3": "linucb:holdout"})
    worker = Worker(logs, loopback()[0], bench_with(own(LINTS)))
    await worker.trials.look()
    before = worker.variant.policy.state()
    await worker.main.reward(RewardParts("d2", {"feedback": 1.0}))
    await worker.main.reward(RewardParts("d3", {"feedback": 1.0}))
    assert (worker.main.version, worker.variant.version) == (1, 0)
    assert worker.variant.policy.state() == before
    await worker.main.reward(RewardParts("d1", {"feedback": 1.0}))
    assert (worker.main.version, worker.variant.version) == (1, 1)
    assert worker.variant.policy.state() != before
    await worker.trials.close()


async def test_two_workers_and_a_late_one_know_the_same() -> None:
    logs = FakeLogs({f"d{number}": LOG for number in range(7)})
    bench, signals = bench_with(own(LINTS)), loopback(3)
    here, there = (Worker(logs, one, bench) for one in signals[:2])
    for worker in (here, there):
        await worker.trials.look()
    for number in range(6):
        await (here, there)[number % 2].main.reward(RewardParts(f"d{number}", {"feedback": number / 5}))
    await until(here, 6)
    await until(there, 6)
    late = Worker(logs, signals[2], bench)
    await late.trials.look()
    states = {worker.variant.policy.state() for worker in (here, there, late)}
    assert len(states) == 1, "the same fold over the same log"
    await here.main.reward(RewardParts("d6", {"feedback": 0.5}))
    await until(late, 7)
    for worker in (here, there, late):
        await worker.trials.close()


async def test_it_is_followed_while_somebody_can_get_it() -> None:
    bench = bench_with(own(LINTS))
    worker = Worker(FakeLogs(), loopback()[0], bench)
    await worker.trials.look()
    first = worker.variant
    changes: list[Callable[[Experiment], Experiment]] = [
        lambda one: one.pause(), lambda one: one.complete(9, "learns"),
    ]  # fmt: skip
    for change in changes:
        bench.ledger.keep(change(newest(bench)))
        await worker.trials.look()
        assert worker.variant is first, "paused or won, it goes on with what it knows"
    bench.ledger.keep(newest(bench).withdraw())
    await worker.trials.look()
    assert worker.policies.learner(LOG) is None and worker.made == [LOG]


async def test_a_loser_is_followed_no_more() -> None:
    bench = bench_with(own(LINTS))
    worker = Worker(FakeLogs(), loopback()[0], bench)
    await worker.trials.look()
    bench.ledger.keep(newest(bench).complete(9, "today"))
    await worker.trials.look()
    assert worker.policies.learner(LOG) is None


async def test_a_ledger_that_is_away_leaves_the_experiments_as_they_were() -> None:
    logs = FakeLogs(away=True)
    worker = Worker(logs, loopback()[0], bench_with(own(LINTS)))
    with pytest.raises(Unavailable):
        await worker.trials.look()
    before = worker.part().ref
    logs.away = False
    await worker.trials.look()
    assert (before, worker.part().ref) == (None, ExperimentRef("e", "learns")), "nobody is shown what is not there yet"
    await worker.trials.close()


async def test_a_policy_that_cannot_be_made_leaves_the_choice_to_the_servers() -> None:
    bench = bench_with(own(replace(LINTS, values={"name": "lints", "alpha": 99.0})))
    worker = Worker(FakeLogs(), loopback()[0], bench)
    await worker.trials.look()
    assert worker.trials.draw(worker.part(), CONTEXT, PERSONAS, user=USER) is None


async def test_personal_knows_the_user_and_asks_for_the_segment() -> None:
    worker = Worker(FakeLogs(), loopback()[0], bench_with(own(Change("policy", {"name": "personal"}))))
    before = worker.trials.asks_segment
    await worker.trials.look()
    assert (before, worker.trials.asks_segment) == (False, True)
    for _ in range(8):
        worker.variant.policy.learn("warm", CONTEXT, 1.0, user=USER)
        worker.variant.policy.learn("calm", CONTEXT, 0.0, user=USER)
    found = [drawn_by(worker.variant, CONTEXT, PERSONAS, user=user, segment=None) for user in (USER, "somebody")]
    assert found[0] is not None and found[1] is not None
    explained = worker.variant.policy.explain(CONTEXT, user=USER)
    assert any("this user" in dict(arm.features) for arm in explained)
    await worker.trials.close()


@pytest.mark.parametrize("log", ["linucb", "linucb:holdout", "experiment:", "experiment:e"])
def test_other_logs_are_of_no_variant(log: str) -> None:
    assert named_by(log) is None
    assert named_by(log_of("e", "a×b")) == ("e", "a×b")
