"""λ-returns over a conversation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.credit import LEAST_CREDIT, MOST_ANSWERS, Correction, credit_weights, credited, reach
from adapters.policies import make_policy
from adapters.rewards import CREDIT, RewardWeights
from loadtest.outcomes import gain
from tests.unit.adapters.laws import law

units = st.floats(0.0, 1.0, allow_subnormal=False)


def test_credits_fall_towards_the_beginning() -> None:
    assert credit_weights(4, 0.5) == (0.125, 0.25, 0.5, 1.0)
    assert credit_weights(3, 0.0) == (0.0, 0.0, 1.0)
    assert credit_weights(3, 1.0) == (1.0, 1.0, 1.0)
    assert credit_weights(0, 0.5) == ()
    assert credit_weights(3, 0.05) == (0.0, 0.05, 1.0)


@law
@given(answers=st.integers(0, 2 * MOST_ANSWERS), lambda_=units)
def test_the_reach_is_that_of_the_credits(answers: int, lambda_: float) -> None:
    credited_ones = sum(credit > 0.0 for credit in credit_weights(answers, lambda_)[-MOST_ANSWERS:])
    assert min(answers, reach(lambda_)) - 1 <= credited_ones <= reach(lambda_)
    assert all(credit >= LEAST_CREDIT for credit in credit_weights(answers, lambda_) if credit)


@law
@given(rewards=st.lists(st.none() | units, max_size=8), outcome=units, lambda_=units)
def test_a_return_is_the_definitions_sum(rewards: list[float | None], outcome: float, lambda_: float) -> None:
    """(1 − λ) Σ λⁿ⁻¹ V + λᵀ⁻ᵗ g, term by term."""
    corrections = {correction.index: correction for correction in credited(rewards, outcome, lambda_)}
    for index, own in enumerate(rewards):
        left = len(rewards) - 1 - index
        worth = outcome if own is None else own
        expected = (1 - lambda_) * sum(lambda_**n * worth for n in range(left)) + lambda_**left * outcome
        if index in corrections:
            assert corrections[index].previous == own
            assert corrections[index].reward == pytest.approx(expected, abs=1e-9)
        elif own is not None:
            assert own == pytest.approx(expected, abs=LEAST_CREDIT)


def test_corrections_leave_what_learning_the_returns_at_once_would() -> None:
    rng = np.random.default_rng(0)
    contexts, rewards = rng.uniform(-1, 1, (5, 3)), rng.random(5).tolist()
    corrected, direct = (make_policy("linucb", ("a", "b"), 3, 0) for _ in range(2))
    for x, reward in zip(contexts, rewards, strict=True):
        corrected.learn("a", x, reward)
    corrections = credited(rewards, 1.0, 0.7)
    for correction in corrections:
        corrected.learn("a", contexts[correction.index], correction.reward, correction.previous)
    for x, correction in zip(contexts, corrections, strict=True):
        direct.learn("a", x, correction.reward)

    x = [0.1, 0.2, 0.3]
    assert corrected.explain(x)[0].exploit == pytest.approx(direct.explain(x)[0].exploit, abs=1e-12)


def test_what_does_not_change_is_not_corrected() -> None:
    assert credited([0.5, None], 0.5, 0.5) == (Correction(1, None, 0.5),)
    assert credited([0.2, 0.4], 0.4, 0.0) == ()


@pytest.mark.parametrize(("rewards", "outcome", "lambda_"), [([0.5], 1.5, 0.5), ([2.0], 0.5, 0.5), ([0.5], 0.5, -0.1)])
def test_what_is_out_of_range_is_refused(rewards: list[float | None], outcome: float, lambda_: float) -> None:
    with pytest.raises(ValueError, match=r"give (a number|numbers) from 0 to 1"):
        credited(rewards, outcome, lambda_)


def test_credit_scales_what_is_known_from_the_end() -> None:
    weights = RewardWeights.of({"sentiment": 1.0, "rating": 1.0, "resolved": 2.0})
    parts = {"sentiment": 0.0, "rating": 1.0}

    assert weights.combine(parts) == 0.5
    assert weights.combine({**parts, CREDIT: 0.25}) == pytest.approx(0.25 / 1.25)
    assert weights.combine({**parts, CREDIT: 0.0}) == 0.0
    assert weights.combine({"resolved": 1.0, "sentiment": 0.0, CREDIT: 0.5}) == 0.5
    assert weights.combine({"sentiment": 0.25, CREDIT: 0.5}) == 0.25
    assert weights.combine({CREDIT: 0.5}) is None
    with pytest.raises(ValueError, match=r"reward credit is 1.5"):
        weights.combine({"rating": 1.0, CREDIT: 1.5})


def test_it_wins_where_the_goal_shows_at_the_end() -> None:
    """With 95 % confidence over ten worlds, and by a lot; where it shows at once, λ costs something."""
    won, half = gain(0.8, range(10), late=True, conversations=300)
    assert won - half > 0.03
    lost, half = gain(1.0, range(6), late=False, conversations=200)
    assert lost + half < 0.0
