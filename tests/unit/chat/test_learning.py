"""The policy as a fold over the reward log (DESIGN's law 5)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.policies import Policy, codec, make_policy
from adapters.rewards import RewardWeights
from server.chat import learning, replay
from server.chat.fold import pseudonym
from server.chat.joining import RewardJoin
from server.chat.learning import Learner
from server.chat.signals import Rewarded, Signals
from server.clock import ManualClock
from server.errors import Unavailable
from server.store.policy_ports import PolicyMode, Repeats
from server.store.ports import Combine, DecisionRow, RewardEvent, RewardParts, Store
from server.telemetry import Metrics
from tests.unit.chat.loopback import loopback

ARMS = ("calm", "warm")
PAGE = 3
DAY_MS = 86_400_000


@pytest.fixture(autouse=True, scope="module")
def quick() -> Iterator[None]:
    """No waiting for further rewards, and few of them a page."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(learning, "GATHER_S", 0)
        patch.setattr(replay, "PAGE_EVENTS", PAGE)
        patch.setattr(learning, "DEFAULTS_AT_ONCE", PAGE)
        yield


@dataclass
class FakeLog:
    """A reward log that several workers write to."""

    events: list[RewardEvent] = field(default_factory=list)
    away: bool = False
    reads: int = 0
    unrewarded: int = 0
    told: list[dict[str, float]] = field(default_factory=list)

    async def default_rewards(self, policy: str, reward: float, before_ms: int, at_ms: int, limit: int) -> int:
        if self.away:
            raise Unavailable("the database is away")
        given, self.unrewarded = min(self.unrewarded, limit), max(self.unrewarded - limit, 0)
        for _ in range(given):
            self.write("warm", reward)
        return given

    def write(
        self, arm: str, reward: float, previous: float | None = None, *, dim: int = 3, decided_ms: int = 1
    ) -> RewardEvent:
        x = tuple(float(np.sin(len(self.events) + i)) for i in range(dim))
        number, late_ms = len(self.events) + 1, decided_ms + 10 * DAY_MS
        self.events.append(RewardEvent("linucb", number, "d", arm, x, reward, previous, late_ms, decided_ms, 0.5))
        return self.events[-1]

    async def policy_salt(self) -> int:
        return 7

    async def log_after(self, policy: str, log_offset: int, limit: int) -> list[RewardEvent]:
        self.reads += 1
        return self.events[log_offset : log_offset + limit]

    async def add_reward(
        self, found: RewardParts, combine: Combine, at_ms: int, repeats: Repeats = "last"
    ) -> RewardEvent | None:
        if self.away:
            raise Unavailable("the database is away")
        self.told.append(dict(found.parts))
        reward = combine(found.parts)
        return None if reward is None else self.write("warm", reward)


def learner(
    log: FakeLog,
    seed: int = 0,
    *,
    signals: Signals | None = None,
    policy: Policy | None = None,
    metrics: Metrics | None = None,
    join: RewardJoin | None = None,
    mode: PolicyMode = "live",
) -> Learner:
    return Learner(
        store=cast(Store, log),
        policy=policy or make_policy("linucb", arms=ARMS, dim=3, seed=seed),
        name="linucb",
        combine=RewardWeights().combine,
        signals=signals or loopback()[0],
        clock=ManualClock(),
        on_reward=lambda _: None,
        metrics=metrics,
        join=join,
        mode=mode,
    )


async def until(made: Learner, version: int, *others: Learner) -> None:
    """Let it follow the log so far, while others do too."""
    following = [asyncio.create_task(one.follow()) for one in (*others, made)]
    while made.version < version:
        await asyncio.sleep(0)
    assert made.version == version
    for one in following:
        one.cancel()
    await asyncio.gather(*following, return_exceptions=True)


def knowledge(made: Learner) -> list[tuple[float, float]]:
    return [(arm.exploit, arm.explore) for arm in made.policy.explain(np.array([0.3, -0.2, 1.0]))]


@given(st.lists(st.tuples(st.sampled_from(ARMS), st.floats(0, 1)), max_size=12))
async def test_a_restart_replays_the_log(rewards: list[tuple[str, float]]) -> None:
    log = FakeLog()
    for arm, reward in rewards:
        log.write(arm, reward)
    one, two = learner(log), learner(log, seed=5)
    await one.start()
    await two.start()
    assert one.version == two.version == len(rewards)
    assert knowledge(one) == knowledge(two)


async def test_a_reward_is_learned_at_once() -> None:
    made = learner(FakeLog())
    before = knowledge(made)
    await made.reward(RewardParts("d", {"feedback": 1.0}))
    assert made.version == 1
    assert knowledge(made) != before


async def test_what_another_worker_wrote_is_folded_in_the_logs_order() -> None:
    log = FakeLog()
    here, replayed = learner(log), learner(log)
    log.write("calm", 0.25)
    log.write("warm", 0.5)
    await here.reward(RewardParts("d", {"feedback": 0.0}))
    assert here.version == 0  # what stands before it has not been read yet
    await until(here, 3)
    await replayed.start()
    assert knowledge(here) == knowledge(replayed)


async def test_what_others_append_is_read_together() -> None:
    log = FakeLog()
    here, there = loopback(2)
    first, second = learner(log, signals=here), learner(log, 1, signals=there)
    for _ in range(10):
        await first.reward(RewardParts("d", {"feedback": 1.0}))
    assert first.version == 10
    words: list[int] = []
    here.on(Rewarded, lambda word: words.append(word.log_offset))
    log.reads = 0
    await until(second, 10, first)
    assert words == [10]
    assert log.reads == -(-10 // PAGE)


async def test_what_cant_be_learned_is_passed_over_and_counted() -> None:
    log, metrics = FakeLog(), Metrics()
    log.write("retired", 1.0)
    log.write("warm", 1.0, dim=7)
    log.events.append(replace(log.write("warm", 1.0), log_offset=4, features=(1e9, 0.0, 0.0)))
    made = learner(log, metrics=metrics)
    await made.start()
    assert made.version == 4
    told = metrics.render().decode()
    for reason in ("arm", "features", "invalid"):
        assert f'parlance_rewards_skipped_total{{reason="{reason}"}} 1.0' in told
    assert "parlance_rewards_total 1.0" in told


async def test_an_older_releases_context_has_zeros_where_features_came_since() -> None:
    log, padded = FakeLog(), FakeLog()
    event = log.write("warm", 1.0, dim=2)
    padded.events.append(replace(event, features=(*event.features, 0.0)))
    short, full = learner(log), learner(padded)
    await short.start()
    await full.start()
    assert knowledge(short) == knowledge(full) != knowledge(learner(FakeLog()))


async def test_a_late_reward_is_as_old_as_its_decision() -> None:
    log = FakeLog()
    log.write("warm", 1.0, decided_ms=100 * DAY_MS)
    log.write("calm", 1.0, decided_ms=70 * DAY_MS)  # a half-life before, however late the word of it
    made = learner(log, policy=make_policy("ucb1", arms=ARMS, dim=3, seed=0, half_life_days=30.0))
    await made.start()
    counts = dict(zip(ARMS, codec.unpack(made.policy.state())[1]["count"].tolist(), strict=True))
    assert counts["calm"] == pytest.approx(counts["warm"] / 2, rel=1e-9)


async def test_the_propensity_of_the_decision_is_what_exp3_learns_from() -> None:
    states = []
    for propensity in (0.5, 0.25):
        log = FakeLog()
        log.events = [replace(log.write("warm", 0.25), propensity=propensity)]
        made = learner(log, policy=make_policy("exp3", arms=ARMS, dim=3, seed=0))
        await made.start()
        states.append(made.policy.state())
    assert states[0] != states[1]


async def test_a_ledger_that_is_away_costs_the_reward_only() -> None:
    log = FakeLog(away=True)
    made = learner(log)
    await made.reward(RewardParts("d", {"feedback": 1.0}))
    assert made.version == 0


async def test_nothing_to_say_is_not_written() -> None:
    log = FakeLog(away=True)
    made = learner(log)
    await made.reward(RewardParts("", {"feedback": 1.0}))
    await made.reward(RewardParts("d", {}))
    assert log.events == []


async def test_the_reward_of_another_log_is_not_this_policys(monkeypatch: pytest.MonkeyPatch) -> None:
    """A decision of an experiment, or of the hold-out: its event has the number that this log expects next."""
    log = FakeLog()
    made = learner(log)
    add = log.add_reward

    async def held_out(found: RewardParts, combine: Combine, at_ms: int, repeats: Repeats) -> RewardEvent | None:
        event = await add(found, combine, at_ms, repeats)
        return None if event is None else replace(event, policy="linucb:holdout")

    before = knowledge(made)
    monkeypatch.setattr(log, "add_reward", held_out)
    await made.reward(RewardParts("d", {"feedback": 1.0}))
    assert (made.version, knowledge(made)) == (0, before)


async def test_a_worker_folds_what_another_has_appended() -> None:
    log = FakeLog()
    here, there = loopback(2)
    first, second = learner(log, signals=here), learner(log, 1, signals=there)
    await first.reward(RewardParts("d", {"feedback": 1.0}))
    await until(second, 1, first)
    assert knowledge(second) == knowledge(first)


async def test_a_ledger_that_is_away_does_not_end_the_following(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learning, "LOOK_EVERY_S", 0)
    log = FakeLog()
    made = learner(log)
    reads = iter([Unavailable("the database is away"), RuntimeError("a bug")])
    read = log.log_after

    async def fails_first(policy: str, log_offset: int, limit: int) -> list[RewardEvent]:
        if failure := next(reads, None):
            raise failure
        return await read(policy, log_offset, limit)

    monkeypatch.setattr(log, "log_after", fails_first)
    log.write("warm", 1.0)
    await until(made, 1)


@pytest.mark.parametrize(("ignore", "learned"), [(False, 3), (True, 2)])
async def test_late_rewards_are_counted_and_count_by_the_setting(ignore: bool, learned: int) -> None:
    log, metrics = FakeLog(), Metrics()
    made = learner(log, metrics=metrics, join=RewardJoin(window_ms=1_000, ignore_late=ignore))
    now_ms = ManualClock().now_ms()
    for decided_ms in (now_ms - 1_000, now_ms - 1_001, 0):  # in time, late, nobody knows
        await made.reward(RewardParts("d", {"feedback": 1.0}, decided_ms=decided_ms))
    assert made.version == learned
    told = metrics.render().decode()
    assert f'parlance_rewards_late_total{{counts="{str(not ignore).lower()}"}} 1.0' in told
    assert f'parlance_reward_part_count{{part="feedback"}} {learned}.0' in told


async def test_what_waited_in_vain_gets_the_default_and_is_learned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learning, "DEFAULTS_EVERY_S", 0)
    log, metrics = FakeLog(unrewarded=2 * PAGE + 1, away=True), Metrics()
    made = learner(log, metrics=metrics, join=RewardJoin(window_ms=1_000, default=0.25))
    giving = asyncio.create_task(made.give_defaults())
    await asyncio.sleep(0)
    log.away = False  # an outage does not end it
    await until(made, 2 * PAGE + 1)
    giving.cancel()
    assert {event.reward for event in log.events} == {0.25}
    assert f"parlance_rewards_defaulted_total {2 * PAGE + 1}.0" in metrics.render().decode()


async def test_other_workers_hear_of_default_rewards_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    log = FakeLog(unrewarded=PAGE + 1)
    join = RewardJoin(window_ms=1_000, default=0.25)
    here, there = (learner(log, signals=one, join=join) for one in loopback(2))
    following = [asyncio.create_task(one.follow()) for one in (here, there)]
    giving = asyncio.create_task(here.give_defaults())
    for _ in range(200):
        await asyncio.sleep(0)
    assert (here.version, there.version) == (PAGE + 1, PAGE + 1), "long before the next look"
    for task in (giving, *following):
        task.cancel()
    await asyncio.gather(giving, *following, return_exceptions=True)


async def test_nothing_is_given_where_decisions_are_censored() -> None:
    log = FakeLog(unrewarded=1)
    await learner(log, join=RewardJoin(window_ms=1_000)).give_defaults()
    assert log.events == []


async def test_a_policy_learns_whom_a_reward_came_from() -> None:
    """And who has no name, or one without end, is nobody to it."""
    log = FakeLog()
    names = (("ann", "trial"), ("", "x" * 300), (None, None))
    for number, (user, segment) in enumerate(names * 10):
        event = log.write(ARMS[number % 2], 1.0)
        log.events[-1] = replace(event, user=user, segment=segment)
    made = learner(log, policy=make_policy("personal", arms=ARMS, dim=3, seed=0))
    await made.start()
    x = np.array([0.3, -0.2, 1.0])
    plain = [arm.exploit for arm in made.policy.explain(x)]
    assert made.version == len(log.events)
    assert [arm.exploit for arm in made.policy.explain(x, user=pseudonym("ann", await log.policy_salt()))] != plain
    assert [arm.exploit for arm in made.policy.explain(x, user="ann")] == plain, "states hold no names"
    assert made.choose(x, user="ann", segment="x" * 300).version == len(log.events)


async def test_only_chance_plays_in_the_mode_log_only() -> None:
    log = FakeLog()
    for _ in range(50):
        log.write("warm", 1.0)
        log.write("calm", 0.0)
    made, x = learner(log, mode="log_only"), np.array([0.3, -0.2, 1.0])
    await made.start()
    assert made.policy.choose(x).probabilities.max() > 0.9
    chosen = [made.choose(x) for _ in range(200)]
    assert {tuple(one.probabilities.tolist()) for one in chosen} == {(0.5, 0.5)}
    assert {one.arm for one in chosen} == set(ARMS)
    made.policy.pause("calm")
    assert made.choose(x).probabilities.tolist() == [0.0, 1.0]


async def test_an_apprentice_keeps_what_customers_say_and_learns_from_agents() -> None:
    log = FakeLog()
    made = learner(log, mode="apprentice", join=RewardJoin(window_ms=1, default=0.5))
    await made.reward(RewardParts("d", {"feedback": 1.0}))
    assert (log.events, log.told) == ([], [{"feedback": 1.0}])
    chosen = DecisionRow("c", "linucb", 0, "warm", 1.0, ARMS, (0.0, 1.0), (0.0,) * 3, 1, mode="apprentice")
    await made.learn_choice(chosen)
    assert [event.reward for event in log.events] == [1.0]
    assert made.version == 1
    await made.give_defaults()  # a default is a customer's reward too
    assert len(log.events) == 1
