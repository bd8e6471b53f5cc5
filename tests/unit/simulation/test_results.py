"""Figures and curves of simulations, and their JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import pytest
from scipy import stats

from adapters.simulation import Trace
from adapters.simulation.results import Figure, Result, half_width, summarise

ARMS = ("a", "b")


def trace(chosen: Sequence[int], worth: Sequence[float] = (0.2, 0.6), rewards: Sequence[float] | None = None) -> Trace:
    rounds = len(chosen)
    found = np.full(rounds, 0.5) if rewards is None else np.array(rewards, dtype=np.float64)
    each = np.tile(np.array(worth), (rounds, 1))
    return Trace(ARMS, np.array(chosen), np.full((rounds, 2), 0.5), each, found)


def result(rounds: int = 40) -> Result:
    half = [0] * (rounds // 2) + [1] * (rounds // 2)
    return summarise({"learns": [trace(half), trace([1] * rounds)], "never": [trace([0] * rounds)] * 2}, (3, 4))


class TestFigures:
    def test_an_interval_is_students(self) -> None:
        values = [1.0, 2.0, 4.0]
        figure = Figure.of(values)
        low, high = stats.t.interval(0.95, 2, loc=np.mean(values), scale=stats.sem(values))
        assert figure.low == pytest.approx(low)
        assert figure.high == pytest.approx(high)
        assert half_width(np.array(values)[:, None])[0] == pytest.approx(high - np.mean(values))

    def test_one_seed_has_none(self) -> None:
        assert Figure.of([0.5]) == Figure(0.5, None, None, (0.5,))
        assert Figure.of([0.5]).to_json() == {"mean": 0.5, "low": None, "high": None, "each": [0.5]}


class TestSummary:
    def test_regret_is_what_the_best_would_have_brought_more(self) -> None:
        learns, never = result().policies
        assert learns.regret.each == pytest.approx((0.4 * 20, 0.0))
        assert never.regret.each == pytest.approx((0.4 * 40, 0.4 * 40))
        assert learns.behind.each == (0.0, 0.0)
        assert never.behind.each == pytest.approx((0.4 * 20, 0.4 * 40))
        assert learns.best_share.each == (0.5, 1.0)
        assert never.reward.mean == pytest.approx(0.2)

    def test_the_references_are_the_worlds(self) -> None:
        assert result().ideal.mean == pytest.approx(0.6)
        name, single = result().single
        assert name == "b"
        assert single.each == pytest.approx((0.6, 0.6))

    def test_live_each_policy_has_a_world_of_its_own(self) -> None:
        traces = {"one": [trace([0] * 20)], "two": [trace([0] * 20, worth=(0.2, 1.0))]}
        assert summarise(traces, (0,), is_live=True).ideal.mean == pytest.approx(0.8)

    def test_curves_end_where_the_figures_are(self) -> None:
        learns = result(1_010).policies[0]
        curves = learns.curves
        assert len(curves.ends) == 50
        assert curves.ends[-1] == 1_010
        assert curves.regret[:, -1] == pytest.approx(learns.regret.each)
        assert curves.shares.sum(axis=2) == pytest.approx(np.ones((2, 50)))
        assert (curves.best_shares[:, :, 1] == 1.0).all()
        weights = np.diff(np.concatenate([[0.0], curves.ends]))
        assert np.average(curves.expected[0], weights=weights) == pytest.approx(learns.reward.each[0])

    def test_what_nobody_reacted_to_is_unknown(self) -> None:
        silent = [np.nan] * 20 + [1.0, 0.0] + [np.nan] * 18
        policy = summarise({"p": [trace([0] * 40, rewards=silent)]}, (0,)).policies[0]
        assert np.isnan(policy.curves.reward[0, 0])
        assert policy.curves.reward[0, 1] == 0.5
        assert policy.reacted.mean == 0.05


class TestWritten:
    def test_the_same_result_is_the_same_text(self) -> None:
        first, second = (json.dumps(result().to_json()) for _ in range(2))
        assert first == second
        told = json.loads(first)
        assert list(told["policies"]) == ["learns", "never"]
        assert told["policies"]["never"]["curves"]["regret"][-1] == pytest.approx(16.0)
        assert told["best_single_persona"]["persona"] == "b"
        assert told["seeds"] == [3, 4]

    def test_a_row_for_each_part_of_each_run(self) -> None:
        rows = result(60).rows()
        assert len(rows) == 2 * 2 * 3
        assert {row["seed"] for row in rows} == {3, 4}
        assert all(row["share_a"] + row["share_b"] == pytest.approx(1.0) for row in rows)

    def test_unknown_rewards_are_empty(self) -> None:
        rows = summarise({"p": [trace([0] * 40, rewards=[np.nan] * 40)]}, (0,)).rows()
        assert {row["received_reward"] for row in rows} == {""}
