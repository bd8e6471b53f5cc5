"""The supermartingale and its solution."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.ope.bounds import Mixture, excess, for_any_rows, for_rows, lower_bounds


@pytest.mark.parametrize("mixture", [for_rows(1, 0.05), for_rows(1_000, 0.025), for_rows(10**9, 1e-6), for_any_rows()])
def test_weights_sum_to_one_and_rates_are_rates(mixture: Mixture) -> None:
    assert np.exp(mixture.log_weights).sum() == pytest.approx(1.0)
    assert ((mixture.rates > 0.0) & (mixture.rates < 1.0)).all()


@given(squares=st.floats(0.0, 1e9), alpha=st.floats(1e-9, 0.5), rows=st.integers(1, 10**8))
def test_the_excess_is_where_the_mixture_reaches_the_level(squares: float, alpha: float, rows: int) -> None:
    for mixture in (for_rows(rows, alpha), for_any_rows()):
        found = float(excess(np.array(squares), mixture, alpha))
        cost = -np.log1p(-mixture.rates) - mixture.rates
        logs = mixture.rates * found - cost * squares + mixture.log_weights
        reached = logs.max() + math.log(np.exp(logs - logs.max()).sum())
        assert reached == pytest.approx(-math.log(alpha), abs=1e-6 * (1.0 + squares * float(cost.min())))


def test_fan_grama_and_lius_inequality_holds_where_it_is_used() -> None:
    rates = np.concatenate([for_any_rows().rates, for_rows(100, 0.05).rates])
    y = np.linspace(-1.0, 60.0, 20_001)[:, None]
    left = rates * y - (-np.log1p(-rates) - rates) * y**2
    assert (left <= np.log1p(np.maximum(rates * y, -1.0 + 1e-300)) + 1e-12).all()


def test_more_spread_and_more_certainty_cost_width() -> None:
    widths = excess(np.array([0.0, 1.0, 10.0, 1e4]), for_any_rows(), 0.05)
    assert (np.diff(widths) > 0.0).all()
    assert excess(np.array(10.0), for_any_rows(), 0.001) > widths[2]


def test_the_width_shrinks_like_the_root_of_the_rows() -> None:
    rng = np.random.default_rng(0)
    values = rng.random(40_000)
    at = np.array([10_000, 40_000])
    gaps = values.cumsum()[at - 1] / at - lower_bounds(values, 0.0, for_any_rows(), 0.025, at)
    assert gaps[0] / gaps[1] == pytest.approx(2.0, rel=0.1)
    assert gaps[1] < 4.0 * values.std() / math.sqrt(40_000)  # 1.96 for who trusts the normal law and looks once


def test_large_values_never_cost_more_than_their_squares() -> None:
    """No upper end is asked for: a huge value widens the bound, and leaves it one."""
    values = np.full(1_000, 0.5)
    values[500] = 1e6
    (low,) = lower_bounds(values, 0.0, for_any_rows(), 0.05, np.array([1_000]))
    assert math.isfinite(low) and low < 0.5


def test_a_bound_knows_nothing_of_later_rows() -> None:
    values = np.random.default_rng(1).random(100)
    changed = values.copy()
    changed[60:] = 1.0
    at = np.arange(1, 61)
    before, after = (lower_bounds(each, 0.0, for_any_rows(), 0.05, at) for each in (values, changed))
    assert (before == after).all()
