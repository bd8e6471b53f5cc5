"""Observations to rows, verdicts and words."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from adapters.experiments.fixed import FixedHorizon
from adapters.experiments.guardrails import Guardrail
from adapters.experiments.metrics import METRICS, Metric, metric_named, parse_metric
from adapters.experiments.observations import Recorder, totals_of, units_of
from adapters.experiments.plan import Plan, inference_for, plan_of
from adapters.experiments.power import minimum_detectable_effect
from adapters.experiments.report import Report, analyse
from adapters.experiments.sequential import Sequential
from adapters.experiments.templates import from_template
from tests.unit.experiments.support import observed

NAN = float("nan")
RATING = Metric("rating", "continuous", "rating")


def read(shift: float, units: int = 400, *, days: float | None = None, **plan: Any) -> Report:
    """Ratings of b are ``shift`` standard deviations higher; ``speed`` is the same, around 10."""
    rng = np.random.default_rng(0)
    groups = {
        name: {"rating": rng.normal(10.0 + by, 1.0, units), "speed": rng.normal(10.0, 0.5, units)}
        for name, by in (("a", 0.0), ("b", shift))
    }
    given: dict[str, Any] = {"metrics": (RATING,), **plan}
    return analyse(observed(groups), Plan(control="a", **given), rng, days=days)


class TestTotals:
    def recorded(self) -> Recorder:
        recorder = Recorder(["x", "y"])
        recorder.add(["u", "u", "v"], ["b", "b", "a"], {"x": np.array([1.0, NAN, 0.0]), "y": np.array([2.0, 5.0, 4.0])})
        recorder.add(["v", "w"], ["a", "a"], {"x": np.array([1.0, NAN]), "y": np.array([NAN, 1.0])})
        return recorder

    @pytest.mark.parametrize(("metric", "a", "b", "unknown"), [
        ("x:continuous", [0.5], [1.0], 1),
        ("x:continuous:sum", [1.0], [1.0], 1),
        ("y:continuous", [4.0, 1.0], [3.5], 0),
        ("x:binary", [1.0], [1.0], 1),
    ])  # fmt: skip
    def test_rows_of_a_unit_become_one_value(self, metric: str, a: list[float], b: list[float], unknown: int) -> None:
        observations = self.recorded().observations()
        assert observations.variants == ("a", "b")
        first, second = totals_of(observations, units_of(observations), parse_metric(metric))
        assert (first.numerator.tolist(), second.numerator.tolist(), first.unknown) == (a, b, unknown)

    def test_a_ratio_counts_rows_where_both_are_known(self) -> None:
        observations = self.recorded().observations()
        first, second = totals_of(observations, units_of(observations), parse_metric("x/y:ratio"))
        assert second.denominator is not None and first.denominator is not None
        assert (second.numerator.tolist(), second.denominator.tolist()) == ([1.0], [2.0])
        assert (first.numerator.tolist(), first.denominator.tolist(), first.unknown) == ([0.0], [4.0], 1)

    def test_an_unknown_covariate_adjusts_nothing(self) -> None:
        observations = self.recorded().observations()
        first, _ = totals_of(observations, units_of(observations), parse_metric("y:continuous"), "x")
        assert first.covariate is not None
        assert first.covariate.tolist() == [0.5, 0.75], "w's is the mean of u's 1 and v's .5"

    def test_nothing_recorded(self) -> None:
        with pytest.raises(ValueError, match="no observations"):
            Recorder([]).observations()


class TestCrossedUnits:
    def observations(self, crossed: int) -> Recorder:
        recorder = Recorder(["rating"])
        for name in "ab":
            rng = np.random.default_rng(ord(name))
            shared = [f"both-{number}" for number in range(crossed)]
            own = [f"{name}-{number}" for number in range(300)]
            recorder.add([*shared, *own], [name] * (300 + crossed), {"rating": rng.normal(size=300 + crossed)})
        return recorder

    def test_few_are_left_out_and_told(self) -> None:
        report = analyse(self.observations(3).observations(), Plan((RATING,), "a"), np.random.default_rng(0))
        assert (report.findings.crossed, report.findings.units) == (3, {"a": 300, "b": 300})
        assert "3 units were seen in more than one variant" in " ".join(report.insights)

    def test_many_block_the_report(self) -> None:
        report = analyse(self.observations(30).observations(), Plan((RATING,), "a"), np.random.default_rng(0))
        assert "not sticky" in report.verdict.reason

    def test_all_of_them(self) -> None:
        recorder = Recorder(["rating"])
        recorder.add(["u", "u"], ["a", "b"], {"rating": np.zeros(2)})
        with pytest.raises(ValueError, match="every unit was seen in several"):
            analyse(recorder.observations(), Plan((RATING,), "a"), np.random.default_rng(0))


class TestVerdict:
    @pytest.mark.parametrize(("shift", "more", "action", "winner", "reason"), [
        (0.5, {}, "stop", "b", "better on rating"),
        (-0.5, {}, "stop", "a", "Every other variant is worse"),
        (0.0, {}, "continue", None, "No clear difference in rating yet"),
        (0.5, {"units": 60}, "continue", None, "60 units of the 100"),
        (0.0, {"days": 30.0}, "stop", None, "30 days are over without a clear difference"),
        (0.5, {"units": 60, "days": 31.0}, "stop", None, "there is too little"),
        (0.0, {"inference": FixedHorizon()}, "stop", None, "No clear difference in rating at the horizon"),
        (0.5, {"inference": FixedHorizon(), "planned_units": 900}, "continue", None, "800 of 900 planned units"),
        (0.0, {"minimum_effect": 0.2}, "stop", None, "No variant can reach the minimum effect of 20.0%"),
        (0.0, {"minimum_effect": 0.001}, "continue", None, "No clear difference"),
    ])  # fmt: skip
    def test_rules(self, shift: float, more: dict[str, Any], action: str, winner: str | None, reason: str) -> None:
        verdict = read(shift, **more).verdict
        assert (verdict.action, verdict.winner) == (action, winner)
        assert reason in verdict.reason

    @pytest.mark.parametrize(("margin", "action", "winner"), [(0.05, "stop", "b"), (0.001, "continue", None)])
    def test_a_winner_waits_for_its_guardrails(self, margin: float, action: str, winner: str | None) -> None:
        metrics = (RATING, Metric("speed", "continuous", "speed"))
        verdict = read(0.5, metrics=metrics, guardrails=(Guardrail("speed", margin),)).verdict
        assert (verdict.action, verdict.winner) == (action, winner)

    def test_a_broken_guardrail_keeps_the_control(self) -> None:
        """The rating rises by 5 %, which the guardrail on its opposite calls harm."""
        metrics = (RATING, Metric("less", "continuous", "rating", direction="lower"))
        report = read(0.5, metrics=metrics, guardrails=(Guardrail("less", 0.01),))
        assert report.findings.guardrails[0].outcome == "failed"
        assert (report.verdict.action, report.verdict.winner) == ("stop", "a")
        assert "do not ship it" in " ".join(report.insights)

    def test_lower_is_better(self) -> None:
        rating = Metric("rating", "continuous", "rating", direction="lower")
        report = read(0.5, metrics=(rating,))
        assert report.verdict.winner == "a"
        assert report.findings.rows[1].better is False


class TestReport:
    def test_rows(self) -> None:
        control, row = read(0.5, inference=FixedHorizon(), resamples=200).findings.rows
        assert (control.difference, control.p_value, control.significant) == (None, None, False)
        assert row.difference == pytest.approx(0.5, abs=0.2)
        assert row.relative == pytest.approx((row.difference or 0.0) / (control.mean or 0.0))
        assert row.ci is not None and row.relative_ci is not None and row.bootstrap_ci is not None
        assert row.relative_ci[0] < (row.relative or 0.0) < row.relative_ci[1]
        assert row.chance_to_win is not None and row.chance_to_win > 0.99

    def test_the_minimum_detectable_effect_is_the_plans(self) -> None:
        row = read(0.0, inference=FixedHorizon()).findings.rows[1]
        assert row.minimum_detectable == pytest.approx(minimum_detectable_effect(1.0, 400), rel=0.05)

    def test_nothing_is_divided_by_a_mean_that_may_be_0(self) -> None:
        rng = np.random.default_rng(0)
        groups = {name: {"rating": rng.normal(size=300)} for name in "ab"}
        row = analyse(observed(groups), Plan((RATING,), "a"), rng).findings.rows[1]
        assert row.relative_ci is None and row.ci is not None

    def test_it_is_json(self) -> None:
        told = json.loads(json.dumps(read(0.5, covariate="speed").to_json(), allow_nan=False))
        row = told["metrics"]["rating"]["b"]
        assert {"mean", "difference", "relative", "ci", "p_value", "significant"} <= row.keys()
        assert row["significant"] is True and len(row["ci"]) == 2
        assert row["method"] == "confidence sequence, cuped"
        assert told["srm_p_value"] == 1.0
        assert told["verdict"]["winner"] == "b"

    def test_three_variants_that_are_alike_but_one(self) -> None:
        rng = np.random.default_rng(0)
        groups = {name: {"rating": rng.normal(by, 1.0, 500)} for name, by in (("a", 0.0), ("b", 0.0), ("c", 0.5))}
        report = analyse(observed(groups), Plan((RATING,), "a"), rng)
        assert [row.significant for row in report.findings.rows] == [False, False, True]
        assert report.verdict.winner == "c"

    def test_unknown_values_are_counted_and_told(self) -> None:
        values = np.random.default_rng(0).normal(size=200)
        partly = np.where(np.arange(200) < 60, NAN, values)
        report = analyse(
            observed({"a": {"rating": values}, "b": {"rating": partly}}), Plan((RATING,), "a"), np.random.default_rng(0)
        )
        assert [row.unknown for row in report.findings.rows] == [0, 60]
        assert "unknown for 60 of 200 units of b" in " ".join(report.insights)

    def test_a_variant_of_which_nothing_is_known(self) -> None:
        groups = {"a": {"rating": np.arange(150.0)}, "b": {"rating": np.full(150, NAN)}}
        plan = Plan((RATING,), "a", guardrails=(Guardrail("rating", 0.1),))
        report = analyse(observed(groups), plan, np.random.default_rng(0))
        assert (report.findings.rows[1].mean, report.findings.rows[1].p_value) == (None, None)
        assert (report.verdict.action, report.findings.guardrails[0].outcome) == ("continue", "open")

    def test_values_that_never_vary(self) -> None:
        groups = {name: {"rating": np.ones(150)} for name in "ab"}
        report = analyse(observed(groups), Plan((RATING,), "a"), np.random.default_rng(0))
        row = report.findings.rows[1]
        assert (row.difference, row.ci, row.p_value, row.chance_to_win, row.significant) == (
            0.0,
            None,
            None,
            None,
            False,
        )
        assert "do not vary" in report.insights[0]

    def test_words(self) -> None:
        said = " ".join(read(0.5, covariate="speed").insights)
        assert "rating: b is better than a by" in said
        assert "no difference shown" in " ".join(read(0.0).insights)


class TestPlan:
    @pytest.mark.parametrize(("given", "sentence"), [
        ({"metrics": ()}, "at least one metric"),
        ({"metrics": (RATING, RATING)}, "each only once"),
        ({"guardrails": (Guardrail("ratings", 0.1),)}, "Did you mean 'rating'"),
        ({"correction": "bonferroni"}, "Known names: holm, bh, none"),
        ({"minimum_effect": 0.0}, "minimum effect 0"),
    ])  # fmt: skip
    def test_what_does_not_fit(self, given: dict[str, Any], sentence: str) -> None:
        with pytest.raises(ValueError, match=sentence):
            Plan(**{"metrics": (RATING,), "control": "a", **given})

    @pytest.mark.parametrize(("given", "variants", "sentence"), [
        ({"control": "A"}, ["a", "b"], "the control 'A' is no variant"),
        ({}, ["a"], "only the variant 'a'"),
        ({"weights": {"a": 1.0}}, ["a", "b"], "weights are of a, the variants are a, b"),
    ])  # fmt: skip
    def test_variants_that_do_not_fit(self, given: dict[str, Any], variants: list[str], sentence: str) -> None:
        with pytest.raises(ValueError, match=sentence):
            Plan(**{"metrics": (RATING,), "control": "a", **given}).shares(variants)

    def test_of_an_experiment(self) -> None:
        plan = plan_of(from_template("personality", "p1"))
        assert plan.primary.name == "satisfaction"
        assert plan.inference == Sequential(0.05, 500), "each comparison sees two thirds of 750"
        assert (plan.min_units, plan.max_days, plan.minimum_effect) == (100, 30, 0.05)
        assert plan.columns() == ("rating", "resolved", "conversations", "turns", "sentiment_score")

    def test_methods(self) -> None:
        assert inference_for("fixed", 0.1, None, 2) == FixedHorizon(0.1)
        assert inference_for("sequential", 0.1, None, 2) == Sequential(0.1)
        with pytest.raises(ValueError, match="Did you mean 'fixed'"):
            inference_for("fixe", 0.1, None, 2)


class TestMetrics:
    def test_all_nine_are_defined_once(self) -> None:
        assert set(METRICS) == {
            "engagement_rate", "conversation_length", "response_time", "sentiment", "satisfaction", "retention",
            "conversion", "handoff_rate", "resolution",
        }  # fmt: skip
        assert all(metric.unit and metric.description for metric in METRICS.values())
        assert {name for name, metric in METRICS.items() if metric.direction == "lower"} == {
            "response_time", "handoff_rate",
        }  # fmt: skip
        with pytest.raises(ValueError, match="Did you mean 'sentiment'"):
            metric_named("sentimentt")

    def test_texts(self) -> None:
        assert parse_metric(" clicks / turns : ratio : lower") == Metric(
            "clicks / turns", "ratio", "clicks", "turns", "ratio", "lower"
        )
        assert parse_metric("response_time:continuous").direction == "lower"
        assert parse_metric("response_time:continuous:higher").direction == "higher"

    @pytest.mark.parametrize(("text", "sentence"), [
        ("rating", "write NAME:KIND"),
        (":binary", "write NAME:KIND"),
        ("rating:binry", "Did you mean 'binary'"),
        ("rating:ratio", "is NUMERATOR/DENOMINATOR"),
        ("rating:continuous:summ", "Did you mean 'sum'"),
    ])  # fmt: skip
    def test_texts_that_are_none(self, text: str, sentence: str) -> None:
        with pytest.raises(ValueError, match=sentence):
            parse_metric(text)

    def test_definitions_that_contradict_themselves(self) -> None:
        with pytest.raises(ValueError, match="only a ratio"):
            Metric("x", "binary", "x", "y")
        with pytest.raises(ValueError, match="its mean or its sum"):
            Metric("x", "continuous", "x", total="any")
