"""Forgetting by the clock and on a detected change."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.policies import make_policy
from adapters.policies.detector import KEEP, WARM_UP, Detector
from adapters.policies.forgetting import DAY_MS, STEPS_PER_HALF_LIFE, Forgetting
from loadtest.worlds import linear_world
from tests.unit.adapters.laws import law

NOW_MS = 1_790_000_000_000.0


@law
@given(days=st.floats(0.001, 1_000.0), ages=st.lists(st.floats(0.0, 1e10), min_size=1, max_size=10))
def test_an_events_weight_is_its_age_in_half_lives(days: float, ages: list[float]) -> None:
    """Relative to the youngest, whatever the order of arrival."""
    forgetting = Forgetting(days)
    learned: list[float] = []
    for age in ages:
        factor = forgetting.advance(NOW_MS - age)
        learned = [factor * weight for weight in learned]
        learned.append(forgetting.weight(NOW_MS - age))
    youngest = learned[ages.index(min(ages))]

    assert 1.0 <= youngest <= 2.0 ** (1.0 / STEPS_PER_HALF_LIFE) * (1.0 + 1e-9)
    for age, weight in zip(ages, learned, strict=True):
        assert weight / youngest == pytest.approx(2.0 ** (-(age - min(ages)) / (days * DAY_MS)), rel=1e-6, abs=1e-300)


def test_nothing_is_forgotten_without_a_half_life() -> None:
    forgetting = Forgetting(None)

    assert [forgetting.advance(at_ms) for at_ms in (NOW_MS, 2 * NOW_MS)] == [1.0, 1.0]
    assert forgetting.weight(1.0) == 1.0
    assert forgetting.between(1.0, NOW_MS) == 1.0


def test_imagined_turns_without_a_time_begin_to_age_with_the_first_event() -> None:
    policy = make_policy("epsilon_greedy", ("a",), 1, 0, half_life_days=1.0)
    policy.learn("a", [1.0], 1.0)
    policy.learn("a", [1.0], 0.0, at_ms=NOW_MS)
    assert policy.explain([1.0])[0].exploit == pytest.approx(0.5, abs=0.01)
    for _ in range(1_000):
        policy.learn("a", [1.0], 0.0, at_ms=NOW_MS + DAY_MS)
    early = policy.explain([1.0])[0].exploit
    policy.learn("a", [1.0], 0.0, at_ms=NOW_MS + 20 * DAY_MS)

    assert early == pytest.approx(1.0 / 1_002, rel=0.05)
    assert policy.explain([1.0])[0].exploit == pytest.approx(0.25, abs=0.01)


def test_steady_residuals_raise_no_alarm() -> None:
    rng = np.random.default_rng(0)
    detector = Detector(2, 1e-3)

    assert not any(detector.alarms(i % 2, residual, 0.0) for i, residual in enumerate(rng.normal(size=50_000)))
    coin = (rng.random(50_000) < 0.2) - 0.2
    assert not any(Detector(1, 1e-3).alarms(0, float(residual), 0.0) for residual in coin[:1])
    alone = Detector(1, 1e-3)
    assert not any(alone.alarms(0, float(residual), 0.0) for residual in coin)


@pytest.mark.parametrize(("shift", "scale", "within"), [(1.5, 1.0, 60), (-1.5, 1.0, 60), (0.0, 3.0, 30)])
def test_a_change_is_found_soon_and_for_its_arm_only(shift: float, scale: float, within: int) -> None:
    rng = np.random.default_rng(1)
    detector = Detector(2, 1e-3)
    for _ in range(300):
        assert not detector.alarms(0, float(rng.normal()), NOW_MS)
        assert not detector.alarms(1, float(rng.normal()), NOW_MS)
    for _ in range(within):
        assert not detector.alarms(1, float(rng.normal()), NOW_MS)
        if detector.alarms(0, shift + scale * float(rng.normal()), NOW_MS + 5.0):
            break
    else:
        pytest.fail(f"no alarm within {within} observations")

    assert detector.changed_ms.tolist() == [NOW_MS + 5.0, 0.0]
    assert detector.tracks[0].tolist() == [0.0] * 6


def test_an_outlier_says_nothing() -> None:
    detector = Detector(1, 1e-3)
    rng = np.random.default_rng(2)
    for _ in range(2 * WARM_UP):
        detector.alarms(0, float(rng.normal()), 0.0)

    assert not detector.alarms(0, 1e6, 0.0)


def test_a_changed_arm_is_learned_anew_and_late_rewards_of_before_count_little() -> None:
    policy = make_policy("epsilon_greedy", ("a", "b"), 1, 0, detect_changes=True, epsilon=0.0)
    rng = np.random.default_rng(3)
    for i in range(400):
        policy.learn("a", [1.0], float(rng.uniform(0.6, 1.0)), at_ms=NOW_MS + i)
        policy.learn("b", [1.0], float(rng.uniform(0.4, 0.8)), at_ms=NOW_MS + i)
    other = policy.explain([1.0])[1].exploit
    for i in range(60):
        policy.learn("a", [1.0], 0.1, at_ms=NOW_MS + 1_000 + i)
    first, second = policy.explain([1.0])

    assert first.exploit < 0.3
    assert second.exploit == other
    count = 400 * KEEP + 60
    assert first.exploit == pytest.approx((400 * KEEP * 0.8 + 60 * 0.1 + 0.5) / (count + 1), abs=0.05)
    before = first.exploit
    policy.learn("a", [1.0], 1.0, at_ms=NOW_MS)
    assert policy.explain([1.0])[0].exploit - before == pytest.approx(KEEP * (1.0 - before) / (count + 1), rel=0.2)


@pytest.mark.parametrize("seed", [20, 21])
def test_in_a_world_that_changes_the_detector_pays_and_in_one_that_stays_it_costs_nothing(seed: int) -> None:
    from loadtest.bench_policies import regret

    parameters: dict[str, Any] = {"alpha": 0.3, "ridge": 0.1, "floor": 0.002, "reward_low": -10.0, "reward_high": 10.0}
    world = linear_world(seed, dim=8, rounds=4_000, changes=True)
    with_it = regret(world, "linucb", detect_changes=True, **parameters)
    without = regret(world, "linucb", **parameters)
    assert with_it < 0.5 * without
    still = linear_world(seed, dim=8, rounds=4_000)
    assert regret(still, "linucb", detect_changes=True, **parameters) == regret(still, "linucb", **parameters)
