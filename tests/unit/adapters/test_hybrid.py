"""The hybrid in product form against algorithm 2 as a regression over shared and own features."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from adapters.policies import make_policy
from adapters.policies.linear import REFRESH_EVERY
from tests.unit.adapters.laws import slow_law

ARMS = ("warm", "dry", "playful")
TRAITS = {"warm": (0.9, 0.2), "dry": (0.1, 0.5), "playful": (0.8, 1.0)}

Vector = NDArray[np.float64]


class Definition:
    """Li et al. 2010, algorithm 2: one ridge regression on ``[√s φ_a ⊗ x, √(1−s) x of the arm]``."""

    def __init__(self, dim: int, sharing: float, ridge: float) -> None:
        self.dim, self.sharing = dim, sharing
        size = 3 * dim + len(ARMS) * dim
        self.a, self.b = ridge * np.eye(size), np.zeros(size)

    def features(self, arm: str, x: Vector) -> Vector:
        phi = np.array([1.0, *(2.0 * value - 1.0 for value in TRAITS[arm])])
        phi /= np.linalg.norm(phi)
        own = np.zeros((len(ARMS), self.dim))
        own[ARMS.index(arm)] = np.sqrt(1.0 - self.sharing) * x
        return np.concatenate([np.sqrt(self.sharing) * np.kron(phi, x), own.ravel()])

    def learn(self, arm: str, x: Vector, reward: float) -> None:
        z = self.features(arm, x)
        self.a += np.outer(z, z)
        self.b += reward * z

    def parts(self, arm: str, x: Vector) -> tuple[float, float]:
        z = self.features(arm, x)
        return float(z @ np.linalg.solve(self.a, self.b)), float(np.sqrt(z @ np.linalg.solve(self.a, z)))


@slow_law
@given(
    dim=st.integers(1, 5),
    sharing=st.floats(0.0, 0.99),
    ridge=st.floats(0.1, 10.0),
    seed=st.integers(0, 2**32),
    updates=st.integers(0, 30),
)
def test_it_is_algorithm_2(dim: int, sharing: float, ridge: float, seed: int, updates: int) -> None:
    rng = np.random.default_rng(seed)
    policy = make_policy("hybrid", ARMS, dim, 0, traits=TRAITS, sharing=sharing, ridge=ridge, alpha=1.0)
    definition = Definition(dim, sharing, ridge)
    for _ in range(updates):
        arm, x, reward = ARMS[rng.integers(3)], rng.uniform(-1, 1, dim), float(rng.random())
        policy.learn(arm, x, reward)
        definition.learn(arm, x, reward)
    x = rng.uniform(-1, 1, dim)

    for explanation in policy.explain(x):
        exploit, explore = definition.parts(explanation.arm, x)
        assert explanation.exploit == pytest.approx(exploit, rel=1e-8, abs=1e-8)
        assert explanation.explore == pytest.approx(explore, rel=1e-8, abs=1e-8)


def test_the_error_stays_bounded_over_many_updates() -> None:
    rng = np.random.default_rng(0)
    policy = make_policy("hybrid", ARMS, 4, 0, traits=TRAITS, alpha=1.0)
    definition = Definition(4, 0.5, 1.0)
    for _ in range(4 * REFRESH_EVERY + 7):
        arm, x, reward = ARMS[rng.integers(3)], rng.uniform(-1, 1, 4), float(rng.random())
        policy.learn(arm, x, reward)
        definition.learn(arm, x, reward)

    for explanation in policy.explain(x):
        assert explanation.exploit == pytest.approx(definition.parts(explanation.arm, x)[0], abs=1e-10)


def test_without_sharing_it_is_linucb() -> None:
    rng = np.random.default_rng(1)
    hybrid = make_policy("hybrid", ARMS, 3, 0, traits=TRAITS, sharing=0.0)
    linucb = make_policy("linucb", ARMS, 3, 0)
    for _ in range(50):
        arm, x, reward = ARMS[rng.integers(3)], rng.uniform(-1, 1, 3), float(rng.random())
        hybrid.learn(arm, x, reward)
        linucb.learn(arm, x, reward)

    for own, other in zip(hybrid.explain(x), linucb.explain(x), strict=True):
        assert (own.exploit, own.explore) == pytest.approx((other.exploit, other.explore), abs=1e-10)


def test_a_new_persona_starts_with_what_its_like_have_learned() -> None:
    x = np.array([1.0, 0.5])
    policy = make_policy("hybrid", ARMS, 2, 0, traits=TRAITS, sharing=0.8)
    for _ in range(40):
        policy.learn("warm", x, 0.9)
        policy.learn("dry", x, 0.1)
    policy.add_arm("kind", traits=(0.95, 0.2))
    policy.add_arm("curt", traits=(0.05, 0.5))
    policy.add_arm("unknown")
    by_arm = {explanation.arm: explanation for explanation in policy.explain(x)}

    assert by_arm["kind"].exploit > by_arm["unknown"].exploit > by_arm["curt"].exploit
    assert by_arm["kind"].exploit > 0.5
    assert by_arm["warm"].explore < by_arm["kind"].explore < by_arm["unknown"].explore  # it is less sure of it
    with pytest.raises(ValueError, match=r"the arms' traits differ in number"):
        policy.add_arm("odd", traits=(0.5,))
    assert policy.arms == (*ARMS, "kind", "curt", "unknown")
    assert policy.choose(x).arm in policy.arms


def test_what_follows_from_traits_is_known_before_the_first_reward() -> None:
    """Personas whose worth follows from their traits: the last to come is mistaken for half as much as a cold start's,
    which expects nothing of it."""
    rng = np.random.default_rng(3)
    dim, names = 6, tuple("abcdefghijkl")
    traits = {name: tuple(rng.random(3)) for name in names}
    weights = rng.normal(size=(3, dim))
    theta = {name: (2.0 * np.array(traits[name]) - 1.0) @ weights for name in names}
    known = {name: traits[name] for name in names[:-1]}
    range_of_rewards: dict[str, Any] = {"reward_low": -20.0, "reward_high": 20.0}
    policy = make_policy("hybrid", names[:-1], dim, 0, traits=known, sharing=0.9, floor=0.05, **range_of_rewards)
    for _ in range(1_500):
        x = rng.normal(size=dim)
        arm = policy.choose(x).arm
        policy.learn(arm, x, float(theta[arm] @ x + 0.1 * rng.normal()))
    policy.add_arm(names[-1], traits=traits[names[-1]])
    contexts = rng.normal(size=(200, dim))
    truth = contexts @ theta[names[-1]]
    expected = np.array([policy.explain(x)[-1].exploit for x in contexts])

    assert np.mean((expected - truth) ** 2) < 0.25 * np.mean(truth**2)
