"""LinUCB earns what it should on sklearn's digits as a bandit."""

from __future__ import annotations

import pytest

from adapters.policies import make_policy
from loadtest.bench_policies import digits_value


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_value_on_digits(seed: int) -> None:
    assert digits_value(lambda arms, dim, s: make_policy("linucb", arms, dim, s, floor=0.002), seed) >= 0.93


def test_the_baseline_guesses() -> None:
    value = digits_value(lambda arms, dim, s: make_policy("uniform", arms, dim, s), seed=0, rounds=2_000)

    assert value == pytest.approx(0.1, abs=0.03)
