"""The line through samples, and what its error says."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.trend import trend

NUMBERS = st.floats(-1e3, 1e3)


@given(NUMBERS, NUMBERS, st.lists(st.integers(-1_000, 1_000), min_size=3, max_size=30, unique=True))
def test_a_line_is_found_and_leaves_no_error(slope: float, start: float, x: list[int]) -> None:
    found = trend(x, [start + slope * one for one in x])
    assert found.slope == pytest.approx(slope, abs=1e-6)
    assert found.error == pytest.approx(0.0, abs=1e-6)


@given(st.lists(NUMBERS, min_size=3, max_size=30), NUMBERS)
def test_where_the_samples_lie_makes_no_difference(y: list[float], shift: float) -> None:
    x = list(range(len(y)))
    moved = trend([one + 7 for one in x], [one + shift for one in y])
    assert moved.slope == pytest.approx(trend(x, y).slope, abs=1e-6)


def test_the_error_is_as_large_as_slopes_of_noise_are() -> None:
    rng = random.Random(1)
    x = list(range(60))
    found = [trend(x, [rng.gauss(0, 5) for _ in x]) for _ in range(400)]
    within = sum(abs(one.slope) < 2 * one.error for one in found)
    assert 0.92 < within / len(found) < 0.98  # Student's t, 58 degrees of freedom: 95 %


@pytest.mark.parametrize(("x", "y"), [([1, 2], [1, 2]), ([1, 2, 3], [1, 2]), ([5, 5, 5], [1, 2, 3])])
def test_too_little_to_go_by_is_refused(x: list[float], y: list[float]) -> None:
    with pytest.raises(ValueError, match="a trend needs"):
        trend(x, y)
