"""The policies without context, and EXP3, against their definitions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import beta

from adapters.policies import make_policy
from adapters.policies.contest import ERROR

X = np.zeros(2)
X[0] = 1.0


def test_epsilon_greedy_takes_the_best_mean() -> None:
    policy = make_policy("epsilon_greedy", ("a", "b", "c", "d"), 2, 0, epsilon=0.2, floor=0.0)
    for reward in (1.0, 0.5, 1.0):
        policy.learn("c", X, reward)
    policy.learn("a", X, 0.0)

    assert [e.exploit for e in policy.explain(X)] == pytest.approx([0.25, 0.5, 0.75, 0.5])
    assert policy.choose(X).probabilities.tolist() == pytest.approx([0.05, 0.05, 0.85, 0.05])


def test_ucb1s_bonus() -> None:
    policy = make_policy("ucb1", ("a", "b"), 2, 0, reward_low=-1.0, reward_high=3.0)
    for _ in range(3):
        policy.learn("a", X, 1.0)
    policy.learn("b", X, 3.0)
    bonuses = [e.explore for e in policy.explain(X)]

    assert bonuses == pytest.approx([4.0 * math.sqrt(2.0 * math.log(5.0) / count) for count in (3, 1)])


def test_ucb1_tries_every_arm_before_one_twice() -> None:
    policy = make_policy("ucb1", tuple("abcdef"), 2, 0, floor=0.0)
    tried = []
    for _ in range(6):
        arm = policy.choose(X).arm
        policy.learn(arm, X, 1.0 if arm == "a" else 0.9)
        tried.append(arm)

    assert sorted(tried) == list("abcdef")


@pytest.mark.parametrize("name", ["ucb1", "thompson", "epsilon_greedy", "exp3"])
def test_the_better_arm_is_found(name: str) -> None:
    rng = np.random.default_rng(7)  # not the policy's own seed, which would draw the same numbers
    policy = make_policy(name, ("a", "b", "c"), 2, 0)
    taken = []
    for _ in range(2_000):
        decision = policy.choose(X)
        reward = float(rng.random() < {"a": 0.3, "b": 0.7, "c": 0.5}[decision.arm])
        policy.learn(decision.arm, X, reward, propensity=decision.propensity)
        taken.append(decision.arm)

    assert taken[1_000:].count("b") > 650


def test_thompsons_chances_are_the_integral_of_its_betas() -> None:
    policy = make_policy("thompson", ("a", "b", "c"), 2, 0, floor=0.0)
    rewards = {"a": [1, 1, 0, 1], "b": [0, 1], "c": [1] * 30 + [0] * 14}
    for arm, values in rewards.items():
        for value in values:
            policy.learn(arm, X, float(value))
    posteriors = [beta(1 + sum(values), 1 + len(values) - sum(values)) for values in rewards.values()]
    u = (np.arange(20_000) + 0.5) / 20_000
    expected = [
        np.prod([other.cdf(own.ppf(u)) for other in posteriors if other is not own], axis=0).mean()
        for own in posteriors
    ]

    assert policy.choose(X).probabilities.tolist() == pytest.approx(expected, abs=ERROR)
    assert [e.exploit for e in policy.explain(X)] == pytest.approx([p.mean() for p in posteriors])
    assert [e.explore for e in policy.explain(X)] == pytest.approx([p.std() for p in posteriors])


@pytest.mark.parametrize("successes", [0, 1, 5_000])
def test_thompson_with_very_much_or_little_luck(successes: int) -> None:
    policy = make_policy("thompson", ("a", "b"), 2, 0, floor=0.0)
    for i in range(5_000):
        policy.learn("a", X, float(i < successes))
    posterior = beta(1 + successes, 1 + 5_000 - successes)
    grid = (np.arange(50_000) + 0.5) / 50_000

    assert policy.choose(X).probabilities[1] == pytest.approx(float(posterior.cdf(grid).mean()), abs=ERROR)


def test_gaussian_thompson_scales_with_its_noise() -> None:
    policy = make_policy(
        "thompson", ("a", "b"), 2, 0, likelihood="gaussian", noise=3.0, reward_low=0.0, reward_high=10.0
    )
    for _ in range(8):
        policy.learn("a", X, 9.5)
    first, second = policy.explain(X)

    assert (first.exploit, first.explore) == pytest.approx((9.0, 1.0))
    assert (second.exploit, second.explore) == pytest.approx((5.0, 3.0))


def test_exp3s_weights() -> None:
    policy = make_policy("exp3", ("a", "b"), 2, 0, floor=0.0)
    policy.learn("a", X, 0.25, propensity=0.5)
    policy.learn("b", X, 1.0, propensity=0.25)
    eta = math.sqrt(math.log(2.0) / (2.0 * 2.0))
    weights = np.exp(-eta * np.array([0.75 / 0.5, 0.0]))

    assert policy.choose(X).probabilities == pytest.approx(weights / weights.sum())


def test_exp3_without_a_propensity_takes_its_own() -> None:
    told, untold = (make_policy("exp3", ("a", "b"), 2, 0) for _ in range(2))
    for reward in (0.0, 0.5, 0.2):
        told.learn("a", X, reward, propensity=told.choose(X).probabilities.item(0))
        untold.learn("a", X, reward)

    assert untold.state() == told.state()


def test_exp3_is_not_fooled_by_an_enemy() -> None:
    """Against whom a greedy policy loses: an arm pays nothing as soon as it is the likeliest."""
    earned = {}
    for name in ("exp3", "epsilon_greedy"):
        policy = make_policy(name, ("a", "b"), 2, 0, **({"epsilon": 0.0, "floor": 0.0} if name != "exp3" else {}))
        total = 0.0
        for _ in range(2_000):
            decision = policy.choose(X)
            likeliest = policy.arms[int(decision.probabilities.argmax())]
            reward = float(decision.arm != likeliest)
            policy.learn(decision.arm, X, reward, propensity=decision.propensity)
            total += reward
        earned[name] = total

    assert earned["exp3"] > 700
    assert earned["epsilon_greedy"] < 200


def test_round_robin_takes_turns() -> None:
    policy = make_policy("round_robin", ("a", "b", "c"), 2, 4)
    assert [policy.choose(X).arm for _ in range(5)] == ["b", "c", "a", "b", "c"]
    policy.pause("a")
    assert {policy.choose(X).arm for _ in range(4)} == {"b", "c"}


def test_a_fixed_arm_that_may_not_be_drawn_has_a_stand_in() -> None:
    policy = make_policy("fixed", ("a", "b", "c"), 2, 0, arm="b")
    assert policy.choose(X).arm == "b"
    assert policy.choose(X, ("a", "c")).arm == "a"
    policy.remove_arm("b")
    assert policy.choose(X).arm == "a"


def test_squarecb_weighs_by_inverse_gaps() -> None:
    policy = make_policy("squarecb", ("a", "b", "c"), 1, 0, gamma=2.0, floor=0.0)
    for arm, reward in (("a", 0.2), ("b", 1.0), ("c", 0.6)):
        policy.learn(arm, [1.0], reward)  # with a ridge of 1 half of it is expected
    gamma = 2.0 * math.sqrt(4.0)
    low, middle = 1.0 / (3.0 + gamma * 0.4), 1.0 / (3.0 + gamma * 0.2)

    assert policy.choose([1.0]).probabilities.tolist() == pytest.approx([low, 1.0 - low - middle, middle])


def test_a_fresh_squarecb_is_even() -> None:
    assert make_policy("squarecb", tuple("abcd"), 2, 0).choose(X).probabilities.tolist() == pytest.approx([0.25] * 4)
