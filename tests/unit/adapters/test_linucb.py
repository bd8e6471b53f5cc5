"""LinUCB against its definition."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from adapters.policies import codec, make_policy
from adapters.policies.base import MAX_LENGTH
from adapters.policies.linear import REFRESH_EVERY, refresh
from adapters.policies.linucb import LinUCB
from tests.unit.adapters.laws import law

ARMS = ("a", "b", "c")


class Definition:
    """Li et al. 2010, algorithm 1, by a direct solve."""

    def __init__(self, dim: int, alpha: float, ridge: float) -> None:
        self.alpha = alpha
        self.a = {arm: np.eye(dim) * ridge for arm in ARMS}
        self.b = {arm: np.zeros(dim) for arm in ARMS}

    def learn(self, arm: str, x: NDArray[np.float64], reward: float) -> None:
        self.a[arm] += np.outer(x, x)
        self.b[arm] += reward * x

    def parts(self, arm: str, x: NDArray[np.float64]) -> tuple[float, float]:
        theta = np.linalg.solve(self.a[arm], self.b[arm])
        return float(theta @ x), float(self.alpha * np.sqrt(x @ np.linalg.solve(self.a[arm], x)))


def assert_agrees(policy: LinUCB, definition: Definition, x: NDArray[np.float64], relative: float) -> None:
    for explanation in policy.explain(x):
        exploit, explore = definition.parts(explanation.arm, x)
        assert explanation.exploit == pytest.approx(exploit, rel=relative, abs=relative)
        assert explanation.explore == pytest.approx(explore, rel=relative, abs=relative)


@law
@given(
    dim=st.integers(1, 6),
    alpha=st.floats(0.0, 5.0),
    ridge=st.floats(0.01, 100.0),
    seed=st.integers(0, 2**32),
    updates=st.integers(0, 40),
)
def test_sherman_morrison_equals_the_solve(dim: int, alpha: float, ridge: float, seed: int, updates: int) -> None:
    rng = np.random.default_rng(seed)
    policy, definition = LinUCB(ARMS, dim, 0, alpha=alpha, ridge=ridge), Definition(dim, alpha, ridge)
    for _ in range(updates):
        arm, x, reward = ARMS[rng.integers(3)], rng.uniform(-1, 1, dim), float(rng.random())
        policy.learn(arm, x, reward)
        definition.learn(arm, x, reward)

    assert_agrees(policy, definition, rng.uniform(-1, 1, dim), relative=1e-9)


def test_the_error_stays_bounded_over_many_updates() -> None:
    rng = np.random.default_rng(0)
    dim = 8
    policy, definition = LinUCB(ARMS, dim, 0), Definition(dim, 0.25, 1.0)
    for _ in range(20 * REFRESH_EVERY):
        arm, x, reward = ARMS[rng.integers(3)], rng.uniform(-1, 1, dim), float(rng.random())
        policy.learn(arm, x, reward)
        definition.learn(arm, x, reward)

    assert_agrees(policy, definition, rng.uniform(-1, 1, dim), relative=1e-12)


def test_the_refresh_removes_an_error() -> None:
    """An inverse that went wrong is made anew from A, exactly symmetric."""
    policy, definition = LinUCB(ARMS, 2, 0), Definition(2, 0.25, 1.0)
    policy._inverse[0] *= 1.001
    for i in range(REFRESH_EVERY):
        x = np.array([1.0, i / REFRESH_EVERY])
        policy.learn("a", x, 0.5)
        definition.learn("a", x, 0.5)
        if i == REFRESH_EVERY - 2:
            with pytest.raises(AssertionError):
                assert_agrees(policy, definition, x, relative=1e-9)

    assert_agrees(policy, definition, x, relative=1e-12)
    assert (policy._inverse[0] == policy._inverse[0].T).all()


def test_the_longest_contexts_and_the_smallest_ridge_keep_some_digits() -> None:
    rng = np.random.default_rng(0)
    policy, definition = LinUCB(ARMS, 3, 0, ridge=1e-3), Definition(3, 0.25, 1e-3)
    for _ in range(2 * REFRESH_EVERY + 1):
        x = rng.normal(size=3)
        x *= MAX_LENGTH / np.linalg.norm(x) * 0.999
        policy.learn("a", x, float(rng.random()))
    definition.a["a"], definition.b["a"] = policy._regular(0), policy._b[0]

    assert_agrees(policy, definition, x, relative=1e-9)


def test_a_refresh_that_rounding_made_impossible_is_left_out() -> None:
    inverse = np.eye(2)
    refresh(inverse, np.array([[1.0, 1.0 + 1e-12], [1.0 + 1e-12, 1.0]]))

    assert (inverse == np.eye(2)).all()


def test_a_fresh_policy_has_no_favourite() -> None:
    decision = LinUCB(ARMS, 4, 0).choose(np.array([0.3, -0.2, 0.9, 1.0]))

    assert decision.probabilities.tolist() == pytest.approx([1 / 3] * 3)


def test_the_better_arm_gets_all_but_the_floor() -> None:
    policy = LinUCB(ARMS, 1, 0, alpha=0.0, floor=0.02)
    policy.learn("b", [1.0], 1.0)

    assert policy.choose([1.0]).probabilities.tolist() == pytest.approx([0.02, 0.96, 0.02])


def test_what_is_unsure_is_explored() -> None:
    policy = LinUCB(("a", "b"), 1, 0, alpha=3.0, floor=0.0)
    for _ in range(20):
        policy.learn("a", [1.0], 0.6)
    assert policy.choose([1.0]).arm == "b"
    for _ in range(20):
        policy.learn("b", [1.0], 0.1)
    assert policy.choose([1.0]).arm == "a"


def test_an_explanation_names_the_features_that_weigh_most() -> None:
    policy = LinUCB(("a", "b"), 7, 0)
    weights = np.array([0.1, -0.9, 0.3, 0.0, 0.6, -0.2, 0.4])
    for i, weight in enumerate(weights):
        policy.learn("a", np.eye(7)[i], max(float(weight), 0.0))
        policy.learn("a", np.eye(7)[i], 1.0 - max(float(-weight), 0.0), previous=1.0)
    names = ("one", "two", "three", "four", "five", "six", "seven")
    explained, untouched = policy.explain(np.ones(7), names)

    assert [name for name, _ in explained.features] == ["two", "five", "seven", "three", "six"]
    assert explained.features[0][1] < 0.0 < explained.features[1][1]
    assert untouched.features == ()
    assert policy.explain(np.ones(7))[0].features[0][0] == "x[1]"


def test_rewards_of_another_range_are_accepted_where_told_so() -> None:
    policy = make_policy("linucb", arms=ARMS, dim=1, seed=0, reward_low=-5.0, reward_high=5.0, alpha=0.0)
    policy.learn("a", [1.0], -4.0)

    assert policy.explain([1.0])[0].exploit == pytest.approx(-2.0)
    with pytest.raises(ValueError, match=r"reward is 6.0: give a number from -5 to 5"):
        policy.learn("a", [1.0], 6.0)


def test_a_state_of_another_ridge_is_refused_and_other_settings_are_the_workers_own() -> None:
    state = LinUCB(ARMS, 2, 0, ridge=2.0).state()
    with pytest.raises(ValueError, match=r"parameters {'ridge': 2.0, .*}, this policy has {'ridge': 1.0,"):
        LinUCB(ARMS, 2, 0).load(state)
    LinUCB(ARMS, 2, 0, ridge=2.0, alpha=1.0, floor=0.1).load(state)


@pytest.mark.parametrize("damage", ["missing", "shape", "nan"])
def test_a_well_packed_state_with_wrong_arrays_is_refused(damage: str) -> None:
    policy = LinUCB(ARMS, 2, 0)
    header, arrays = codec.unpack(policy.state())
    match damage:
        case "missing":
            del arrays["b"]
        case "shape":
            arrays["b"] = arrays["b"][:, :1]
        case _:
            arrays["b"][0, 0] = np.nan
    before = policy.state()
    with pytest.raises(ValueError, match=r"policy state's 'b' is missing or malformed"):
        policy.load(codec.pack(header, arrays))

    assert policy.state() == before


def test_the_state_begins_with_a_readable_header() -> None:
    policy = LinUCB(ARMS, 2, 0)
    policy.learn("a", [1.0, 0.0], 1.0)
    header, arrays = codec.unpack(policy.state())

    assert json.loads(json.dumps(header)) == {
        "policy": "linucb",
        "arms": ["a", "b", "c"],
        "dim": 2,
        "parameters": {"ridge": 1.0, "half_life_days": None, "detect_changes": False},
        "version": 1,
        "landmark_ms": 0.0,
    }
    assert arrays["count"].tolist() == [1.0, 0.0, 0.0]
