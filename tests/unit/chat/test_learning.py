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

from adapters.policies import make_policy
from adapters.rewards import RewardWeights
from server.chat import learning
from server.chat.learning import Learner
from server.chat.signals import Rewarded, Signals
from server.clock import ManualClock
from server.errors import Unavailable
from server.store.ports import Combine, RewardEvent, RewardParts, Store
from tests.unit.chat.loopback import loopback

ARMS = ("calm", "warm")
PAGE = 3


@pytest.fixture(autouse=True, scope="module")
def quick() -> Iterator[None]:
    """No waiting for further rewards, and few of them a page."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(learning, "GATHER_S", 0)
        patch.setattr(learning, "_REPLAY_EVENTS", PAGE)
        yield


@dataclass
class FakeLog:
    """A reward log that several workers write to."""

    events: list[RewardEvent] = field(default_factory=list)
    away: bool = False
    reads: int = 0

    def write(self, arm: str, reward: float, previous: float | None = None, dim: int = 3) -> RewardEvent:
        x = tuple(float(np.sin(len(self.events) + i)) for i in range(dim))
        self.events.append(RewardEvent("linucb", len(self.events) + 1, "d", arm, x, reward, previous, 0))
        return self.events[-1]

    async def rewards_after(self, policy: str, log_offset: int, limit: int) -> list[RewardEvent]:
        self.reads += 1
        return self.events[log_offset : log_offset + limit]

    async def add_reward(self, found: RewardParts, combine: Combine, at_ms: int) -> RewardEvent | None:
        if self.away:
            raise Unavailable("the database is away")
        reward = combine(found.parts)
        return None if reward is None else self.write("warm", reward)


def learner(log: FakeLog, seed: int = 0, signals: Signals | None = None) -> Learner:
    return Learner(
        store=cast(Store, log),
        policy=make_policy("linucb", arms=ARMS, dim=3, seed=seed),
        name="linucb",
        combine=RewardWeights().combine,
        signals=signals or loopback()[0],
        clock=ManualClock(),
        on_reward=lambda _: None,
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


async def test_a_removed_persona_and_old_features_are_passed_over() -> None:
    log = FakeLog()
    log.write("retired", 1.0)
    log.write("warm", 1.0, dim=7)
    made = learner(log)
    await made.start()
    assert made.version == 2
    assert knowledge(made) == knowledge(learner(FakeLog()))


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
    read = log.rewards_after

    async def fails_first(policy: str, log_offset: int, limit: int) -> list[RewardEvent]:
        if failure := next(reads, None):
            raise failure
        return await read(policy, log_offset, limit)

    monkeypatch.setattr(log, "rewards_after", fails_first)
    log.write("warm", 1.0)
    await until(made, 1)


async def test_a_policy_learns_whom_a_reward_came_from() -> None:
    """And who has no name, or one without end, is nobody to it."""
    log = FakeLog()
    names = (("ann", "trial"), ("", "x" * 300), (None, None))
    for number, (user, segment) in enumerate(names * 10):
        event = log.write(ARMS[number % 2], 1.0)
        log.events[-1] = replace(event, user=user, segment=segment)
    made = learner(log)
    made.policy = make_policy("personal", arms=ARMS, dim=3, seed=0)
    await made.start()
    x = np.array([0.3, -0.2, 1.0])
    plain = [arm.exploit for arm in made.policy.explain(x)]
    assert made.version == len(log.events)
    assert [arm.exploit for arm in made.policy.explain(x, user="ann")] != plain
    assert made.choose(x, user="ann", segment="x" * 300).version == len(log.events)
