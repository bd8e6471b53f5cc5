"""The chances to score highest, against the integral itself."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.special import ndtr

from adapters.policies import make_policy
from adapters.policies.contest import ERROR, chances, gaussian_chances
from tests.unit.adapters.laws import slow_law

Vector = NDArray[np.float64]


def of(means: Vector, deviations: Vector) -> Vector:
    return np.array(gaussian_chances(means.tolist(), deviations.tolist()))


def integral(means: Vector, deviations: Vector) -> Vector:
    """By each arm's own quantiles: ``∫₀¹ Π_{b≠a} F_b(F_a⁻¹(u)) du`` at 4,000 midpoints."""
    from scipy.special import ndtri

    z = ndtri((np.arange(4_000) + 0.5) / 4_000)
    shares = np.empty(len(means))
    for a in range(len(means)):
        points = means[a] + deviations[a] * z
        others = [ndtr((points - means[b]) / deviations[b]) for b in range(len(means)) if b != a]
        shares[a] = np.prod(others, axis=0).mean() if others else 1.0
    return shares


@slow_law
@given(arms=st.integers(2, 12), seed=st.integers(0, 2**32), spread=st.floats(0.0, 3.0))
def test_the_error_is_bounded(arms: int, seed: int, spread: float) -> None:
    rng = np.random.default_rng(seed)
    means, deviations = rng.normal(size=arms), 10.0 ** rng.uniform(-spread, spread / 3.0, size=arms)

    shares = of(means, deviations)
    assert shares.sum() == pytest.approx(1.0, abs=1e-12)
    assert np.abs(shares - integral(means, deviations)).max() <= ERROR


def test_the_largest_error_of_many_contests_is_the_one_stated() -> None:
    """ERROR is neither too small nor far too large."""
    rng = np.random.default_rng(0)
    worst = 0.0
    for _ in range(100):
        arms = int(rng.integers(2, 13))
        means, deviations = rng.normal(size=arms), 10.0 ** rng.uniform(-0.3, 0.1, size=arms)
        worst = max(worst, float(np.abs(of(means, deviations) - integral(means, deviations)).max()))

    assert ERROR / 10.0 < worst <= ERROR


def test_two_arms_in_closed_form() -> None:
    """P(a > b) = Φ((m_a − m_b) / √(s_a² + s_b²))."""
    means, deviations = np.array([0.3, 0.1]), np.array([0.2, 0.4])
    expected = float(ndtr(0.2 / np.hypot(0.2, 0.4)))

    assert of(means, deviations)[0] == pytest.approx(expected, abs=1e-12)


def test_equal_arms_share_and_a_lone_arm_takes_all() -> None:
    for deviation in (0.0, 1e-12, 1.0):
        for arms in range(2, 6):
            assert gaussian_chances([0.0] * arms, [deviation] * arms) == pytest.approx([1.0 / arms] * arms)
    assert gaussian_chances([0.3], [0.1]) == [1.0]


def test_an_arm_that_is_far_behind_has_no_chance() -> None:
    assert gaussian_chances([0.0, 5.0, -40.0], [0.1, 0.1, 0.0]) == [0.0, 1.0, 0.0]
    among = gaussian_chances([0.0, 5.0, -40.0, 5.0, 5.1], [0.1, 0.1, 0.0, 0.1, 0.2])
    assert among[0] == among[2] == 0.0 and sum(among) == pytest.approx(1.0)
    assert of(np.array([0.0, 1e6, -1e6, 1e6]), np.array([1e-9, 1e-3, 1e6, 1e-12])).sum() == pytest.approx(1.0)


def test_known_distribution_functions() -> None:
    """Two uniform scores, one on [0, 1] and one on [0, 2]: the second is higher with 3/4."""
    points = np.linspace(0.0, 2.0, 401)
    cdfs = np.maximum([np.minimum(points, 1.0), points / 2.0], 1e-30)

    assert chances(cdfs) == pytest.approx([0.25, 0.75], abs=1e-3)


def test_lints_draws_as_drawing_its_weights_would() -> None:
    """The projection against Agrawal and Goyal's own procedure: draw every arm's θ, take the best score."""
    rng = np.random.default_rng(5)
    arms, dim, alpha = ("a", "b", "c"), 4, 0.5
    policy = make_policy("lints", arms, dim, 0, alpha=alpha, floor=0.0)
    a, b = np.tile(np.eye(dim), (3, 1, 1)), np.zeros((3, dim))
    for _ in range(100):
        arm, x, reward = int(rng.integers(3)), rng.normal(size=dim), float(rng.random())
        policy.learn(arms[arm], x, reward)
        a[arm] += np.outer(x, x)
        b[arm] += reward * x
    x = rng.normal(size=dim)
    drawn = np.stack(
        [
            rng.multivariate_normal(np.linalg.solve(a[k], b[k]), alpha**2 * np.linalg.inv(a[k]), size=100_000) @ x
            for k in range(3)
        ]
    )
    shares = np.bincount(drawn.argmax(axis=0), minlength=3) / 100_000

    assert policy.choose(x).probabilities == pytest.approx(shares, abs=0.008)
