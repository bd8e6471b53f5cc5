"""What a policy would have drawn by: frozen, learning along the log, and on its own."""

from __future__ import annotations

import numpy as np
import pytest

from adapters.ope import Evaluation, Log, Question, estimator_named, evaluate
from adapters.ope.targets import frozen, progressive, rejection
from adapters.policies import make_policy
from loadtest.ope_worlds import LoggedWorld
from tests.unit.adapters.ope.worlds import made

ARMS = ("0", "1", "2", "3")


@pytest.fixture(scope="module")
def world() -> tuple[LoggedWorld, Log]:
    return made(11, 3_000, floor=0.25)  # of four arms: drawn evenly


def test_a_frozen_policy_stays_as_it_is(world: tuple[LoggedWorld, Log]) -> None:
    policy = make_policy("squarecb", ARMS, 5, 0)
    for row in range(200):
        policy.learn(ARMS[row % 4], world[1].contexts[row], row % 4 / 3.0)
    before = policy.state()
    target = frozen(policy, world[1])
    assert policy.state() == before
    assert np.allclose(target.sum(axis=1), 1.0)
    assert (target[17] == policy.choose(world[1].contexts[17]).probabilities).all()


def test_a_progressive_policy_knows_only_what_came_before(world: tuple[LoggedWorld, Log]) -> None:
    log = world[1].taking(slice(0, 400))
    rewards = log.rewards.copy()
    rewards[300:] = 1.0 - rewards[300:]
    other = Log.of(log.arms, log.contexts, log.actions, rewards, log.probabilities)
    first, second = (progressive(make_policy("linucb", ARMS, 5, 0), each) for each in (log, other))
    assert (first[:301] == second[:301]).all()
    assert not (first[301:] == second[301:]).all()
    fresh = make_policy("linucb", ARMS, 5, 0).choose(log.contexts[0]).probabilities
    assert (first[0] == fresh).all()


def test_a_learning_policy_is_judged_by_what_it_is_worth(world: tuple[LoggedWorld, Log]) -> None:
    truth, log = world
    told: list[int] = []
    target = progressive(make_policy("linucb", ARMS, 5, 0), log, advance=told.append)
    value = float((target * truth.worth).sum(axis=1).mean())
    for name in ("ips", "snips", "dr"):
        found = evaluate(log, target, Question(estimator_named(name)))
        assert isinstance(found, Evaluation)
        assert found.verdict == "better"
        low, high = found.target.bounds.sequence
        assert low <= value <= high
        assert found.target.value == pytest.approx(value, abs=0.05)
    assert told == list(range(log.rows))


def test_rejection_lets_a_policy_act_by_itself(world: tuple[LoggedWorld, Log]) -> None:
    truth, log = world
    policy = make_policy("linucb", ARMS, 5, 0, floor=0.0)
    replayed = rejection(policy, log, 4.0, np.random.default_rng(0))
    assert replayed.clipped == 0.0
    assert policy.version == len(replayed.kept)
    assert len(replayed.kept) == pytest.approx(log.rows / 4.0, rel=0.15)
    assert log.rewards[replayed.kept].mean() > truth.logged_value + 0.05
    clipped = rejection(make_policy("linucb", ARMS, 5, 0, floor=0.0), log, 1.0, np.random.default_rng(0))
    assert clipped.clipped > 0.2
    with pytest.raises(ValueError, match="ceiling"):
        rejection(policy, log, 0.5, np.random.default_rng(0))


def test_rejection_of_a_policy_that_does_not_learn_finds_its_value(world: tuple[LoggedWorld, Log]) -> None:
    truth, log = world
    replayed = rejection(make_policy("fixed", ARMS, 5, 0, arm="2"), log, 4.0, np.random.default_rng(1))
    assert (log.actions[replayed.kept] == 2).all()
    assert log.rewards[replayed.kept].mean() == pytest.approx(truth.worth[:, 2].mean(), abs=0.06)


def test_arms_that_had_no_chance_are_not_taken() -> None:
    chances = np.tile([0.5, 0.5, 0.0], (200, 1))
    chances[::2] = [0.0, 0.5, 0.5]
    actions = np.where(np.arange(200) % 4 < 2, 1, np.where(np.arange(200) % 2 == 0, 2, 0))
    log = Log.of(("a", "b", "c"), np.ones((200, 1)), actions, np.ones(200), chances)
    target = progressive(make_policy("uniform", ("a", "b", "c"), 1, 0), log)
    assert (target[1::2] == [0.5, 0.5, 0.0]).all()
    assert (target[::2] == [0.0, 0.5, 0.5]).all()


def test_arms_that_only_one_of_both_knows() -> None:
    chances = np.tile([0.5, 0.5, 0.0], (100, 1))
    log = Log.of(("gone", "warm", "new"), np.ones((100, 1)), np.arange(100) % 2, np.ones(100), chances)
    policy = make_policy("epsilon_greedy", ("new", "warm"), 1, 0)
    target = progressive(policy, log)
    assert (target[:, 0] == 0.0).all()
    assert policy.version == 50
    assert (target[:, 1] == 1.0).all()
    with pytest.raises(ValueError, match="does not name the arm 'other'"):
        frozen(make_policy("uniform", ("other",), 1, 0), log)


def test_a_policy_that_knows_people_is_told_whom_each_row_was_for() -> None:
    """Two people of opposite tastes in one context, of which nobody else tells."""
    rng, rows = np.random.default_rng(0), 1_000
    likes_b = rng.random(rows) < 0.5
    actions = rng.integers(2, size=rows)
    rewards = np.where(actions == likes_b, 0.9, 0.1)
    given = (("a", "b"), np.ones((rows, 1)), actions, rewards, np.full((rows, 2), 0.5))
    users = ["bea" if likes else "ann" for likes in likes_b]

    def liked(log: Log) -> float:
        target = progressive(make_policy("personal", ("a", "b"), 1, 0, alpha=0.0), log)
        return float(target[np.arange(rows), likes_b.astype(int)][rows // 2 :].mean())

    knowing = Log.of(*given, users=users)
    assert liked(knowing) > 0.95
    assert liked(Log.of(*given)) < 0.7
    later = knowing.taking(slice(400, 500))
    assert later.users == tuple(users[400:500]) and later.segments == ()
    assert knowing.taking(actions == 0).users == tuple(np.array(users)[actions == 0].tolist())
    with pytest.raises(ValueError, match="one for each row"):
        Log.of(*given, users=users[1:])
    in_segments = Log.of(*given, segments=users)
    assert liked(in_segments) > 0.95
