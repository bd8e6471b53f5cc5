"""The benchmark of off-policy evaluation: intervals hold where the bootstrap's do not."""

from __future__ import annotations

from adapters.ope import ESTIMATOR_NAMES
from loadtest.bench_ope import SETTINGS, coverage, speed


def test_intervals_hold_where_the_bootstraps_do_not() -> None:
    found = coverage(SETTINGS[0], 25, 25)
    assert set(found) == set(ESTIMATOR_NAMES)
    for name, figures in found.items():
        assert figures["coverage"] >= 0.9, name
        assert 0.0 < figures["rmse"] < figures["width"], name
    assert found["dm"]["bootstrap_coverage"] < 0.5


def test_speed_is_told_of_every_part() -> None:
    found = speed(500)
    assert {*ESTIMATOR_NAMES, "estimates", "reward model"} <= set(found)
    assert min(found.values()) > 0.0
