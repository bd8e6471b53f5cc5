"""The benchmarks' tools."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.measure import Duel, duel, percentile, percentiles, print_table


def test_percentiles_are_nearest_rank() -> None:
    values = [float(value) for value in range(100, 0, -1)]
    assert percentile(values, 0.5) == 50
    assert percentile(values, 0.99) == 99
    assert percentile(values, 1.0) == 100
    assert percentile([7.0], 0.01) == 7
    assert percentiles(values) == {"p50": 50, "p95": 95, "p99": 99}


def test_the_percentile_of_nothing_is_nan() -> None:
    assert math.isnan(percentile([], 0.5))
    assert percentiles([]) == {"p50": None, "p95": None, "p99": None}


@given(st.lists(st.floats(0, 1e9), min_size=1), st.floats(0, 1))
def test_a_percentile_is_one_of_the_values_and_splits_them(values: list[float], share: float) -> None:
    found = percentile(values, share)
    assert found in values
    assert sum(value <= found for value in values) >= share * len(values) - 1e-9 * len(values)


@pytest.mark.parametrize(("ratio", "winner"), [(2.0, "ours"), (0.5, "peer"), (1.04, "even"), (0.96, "even")])
def test_the_winner(ratio: float, winner: str) -> None:
    assert Duel(1.0, ratio, ratio).winner == winner


def test_a_duel_calls_both_alike() -> None:
    calls = {"ours": 0, "peer": 0}

    def count(name: str) -> None:
        calls[name] += 1

    found = duel(lambda: count("ours"), lambda: count("peer"), rounds=3, round_s=0.0)
    assert calls["ours"] == calls["peer"] == 50 + 3
    assert found.ours_ns > 0 and found.peer_ns > 0 and found.ratio > 0


def test_tables_show_numbers_readably(capsys: pytest.CaptureFixture[str]) -> None:
    print_table("title", ("what", "n", "ms"), [("a", 12345, 1234.4), ("b", 1, None), ("c", 2, 0.123)])
    output = capsys.readouterr().out
    for shown in ("title", "12345", "1,234", "–", "0.12"):
        assert shown in output
