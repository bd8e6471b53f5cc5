"""A/A: nothing differs, and each method says so as often as it promises. One test per way to fool oneself.

Where a mistake is known to raise false alarms, the test makes it too, to show that it would be seen.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from adapters.experiments.bootstrap import bootstrap_interval
from adapters.experiments.corrections import adjusted, benjamini_hochberg, holm
from adapters.experiments.fixed import FixedHorizon, two_proportions
from adapters.experiments.guardrails import judged
from adapters.experiments.inference import Inference
from adapters.experiments.metrics import Metric
from adapters.experiments.observations import totals_of, units_of
from adapters.experiments.plan import Plan
from adapters.experiments.report import analyse
from adapters.experiments.sequential import Sequential
from tests.unit.experiments.support import (
    Doubles,
    alarms,
    assert_at_level,
    assert_not_above,
    observed,
    pair,
    totals,
)

ALPHA = 0.05
LOOKS = 50
RATING = Metric("rating", "continuous", "rating")


def fixed_alarm(control: Doubles, treatment: Doubles) -> bool:
    p_value = FixedHorizon(ALPHA).compare(*pair("continuous", totals(control), totals(treatment))).p_value
    return p_value is not None and p_value <= ALPHA


class TestOneLook:
    def test_welch_holds_where_students_t_does_not(self) -> None:
        def groups(rng: np.random.Generator) -> tuple[Doubles, Doubles]:
            return rng.normal(0.0, 5.0, 40), rng.normal(0.0, 1.0, 400)

        def student(rng: np.random.Generator) -> bool:
            return bool(stats.ttest_ind(*groups(rng), equal_var=True).pvalue <= ALPHA)

        assert_at_level(alarms(2_000, lambda rng: fixed_alarm(*groups(rng))), 2_000)
        assert alarms(300, student) > 75, "unequal variances in unequal groups fool Student's t"

    def test_two_proportions(self) -> None:
        def alarm(rng: np.random.Generator) -> bool:
            control, treatment = (int(x) for x in rng.binomial(400, 0.3, 2))
            return (two_proportions((control, 400), (treatment, 400), ALPHA).p_value or 1.0) <= ALPHA

        assert_at_level(alarms(2_000, alarm), 2_000)

    def test_rare_events_by_fishers_test(self) -> None:
        def alarm(rng: np.random.Generator) -> bool:
            control, treatment = (int(x) for x in rng.binomial(200, 0.015, 2))
            return (two_proportions((control, 200), (treatment, 200), ALPHA).p_value or 1.0) <= ALPHA

        assert_not_above(alarms(600, alarm), 600)

    def test_cuped(self) -> None:
        def alarm(rng: np.random.Generator) -> bool:
            before = rng.normal(size=(2, 150))
            after = before + rng.normal(0.0, 0.5, (2, 150))
            control, treatment = (totals(after[k], covariate=before[k]) for k in range(2))
            return (FixedHorizon(ALPHA).compare(*pair("continuous", control, treatment)).p_value or 1.0) <= ALPHA

        assert_at_level(alarms(2_000, alarm), 2_000)

    def test_the_bootstrap(self) -> None:
        def alarm(rng: np.random.Generator) -> bool:
            control, treatment = (totals(rng.normal(size=120)) for _ in range(2))
            low, high = bootstrap_interval(control, treatment, ALPHA, rng, resamples=200)
            return low > 0.0 or high < 0.0

        # Two hundred resamples and 120 units cost it a point.
        assert_at_level(alarms(400, alarm), 400, ALPHA + 0.01)

    @pytest.mark.parametrize("reading", [FixedHorizon(ALPHA), Sequential(ALPHA)], ids=lambda reading: reading.name)
    def test_a_guardrail_at_its_margin_is_passed_as_rarely(self, reading: Inference) -> None:
        """The treatment is worse by just the margin: to pass it is the false alarm of non-inferiority."""

        def alarm(rng: np.random.Generator) -> bool:
            groups = pair("continuous", totals(rng.normal(10.0, 1.0, 150)), totals(rng.normal(9.5, 2.0, 100)))
            return judged(0.05, 1.0, *groups, reading)[0] == "passed"

        assert_not_above(alarms(1_000, alarm), 1_000)


class TestTurnsOfUsers:
    """Users are split, their turns resemble each other."""

    @staticmethod
    def turns(rng: np.random.Generator) -> tuple[Doubles, Doubles]:
        """Clicks and turns of 2 × 100 users, who click as much as is their nature."""
        turns = rng.geometric(0.08, (2, 100)).astype(float)
        return rng.binomial(turns.astype(int), rng.beta(1.0, 1.5, (2, 100))).astype(float), turns

    def test_the_delta_method_at_the_user(self) -> None:
        def alarm(rng: np.random.Generator) -> bool:
            clicks, turns = self.turns(rng)
            groups = (totals(clicks[k], turns[k]) for k in range(2))
            return (FixedHorizon(ALPHA).compare(*pair("ratio", *groups)).p_value or 1.0) <= ALPHA

        assert_at_level(alarms(2_000, alarm), 2_000)

    def test_turns_taken_for_independent(self) -> None:
        def mistake(rng: np.random.Generator) -> bool:
            clicks, turns = self.turns(rng).__iter__()
            groups = [(int(clicks[k].sum()), int(turns[k].sum())) for k in range(2)]
            return (two_proportions(groups[0], groups[1], ALPHA).p_value or 1.0) <= ALPHA

        assert alarms(300, mistake) > 60

    def test_rows_are_put_together_by_user(self) -> None:
        def alarm(rng: np.random.Generator) -> bool:
            values = np.repeat(rng.normal(size=(2, 60)), 10, axis=1) + rng.normal(0.0, 0.3, (2, 600))
            recorded = observed({"a": {"rating": values[0]}, "b": {"rating": values[1]}}, turns=10)
            found = pair("continuous", *totals_of(recorded, units_of(recorded), RATING))
            return (FixedHorizon(ALPHA).compare(*found).p_value or 1.0) <= ALPHA

        assert_at_level(alarms(1_000, alarm), 1_000)


class TestFiftyLooks:
    @staticmethod
    def ever(rng: np.random.Generator, reading: FixedHorizon | Sequential, *, binary: bool) -> bool:
        draw = rng.random((2, 2_500)) < 0.2 if binary else rng.exponential(size=(2, 2_500))
        values = draw.astype(float)
        for look in range(1, LOOKS + 1):
            size = 50 * look
            groups = [totals(values[k, :size]) for k in range(2)]
            p_value = reading.compare(*pair("binary" if binary else "continuous", *groups)).p_value
            if p_value is not None and p_value <= ALPHA:
                return True
        return False

    @pytest.mark.parametrize("binary", [False, True], ids=["skewed", "binary"])
    def test_the_confidence_sequence_may_be_watched(self, binary: bool) -> None:
        assert_not_above(alarms(200, lambda rng: self.ever(rng, Sequential(ALPHA), binary=binary)), 200)

    def test_the_fixed_horizon_may_not(self) -> None:
        assert alarms(100, lambda rng: self.ever(rng, FixedHorizon(ALPHA), binary=False)) > 18


class TestTenMetrics:
    @staticmethod
    def p_values(rng: np.random.Generator) -> list[float]:
        return [float(p) for p in 2.0 * stats.norm.sf(np.abs(rng.normal(size=10)))]

    @pytest.mark.parametrize("correct", [holm, benjamini_hochberg])
    def test_the_family_holds_its_level(self, correct: Callable[[list[float]], list[float]]) -> None:
        assert_at_level(alarms(2_000, lambda rng: min(correct(self.p_values(rng))) <= ALPHA), 2_000)

    def test_uncorrected_two_of_five_experiments_cry_wolf(self) -> None:
        assert 0.3 < alarms(1_000, lambda rng: min(self.p_values(rng)) <= ALPHA) / 1_000 < 0.5

    def test_a_report_corrects_over_all_its_comparisons(self) -> None:
        rng = np.random.default_rng(5)
        metrics = tuple(Metric(f"m{k}", "continuous", f"m{k}") for k in range(10))
        groups = {name: {f"m{k}": rng.normal(size=200) for k in range(10)} for name in "ab"}
        rows = analyse(observed(groups), Plan(metrics, "a", inference=FixedHorizon()), rng).findings.rows
        compared = [row for row in rows if row.p_value is not None]
        assert [row.p_adjusted for row in compared] == holm([row.p_value or 0.0 for row in compared])

    def test_none_is_no_test(self) -> None:
        assert adjusted("holm", [0.01, None, 0.03]) == [0.02, None, 0.03]
        with pytest.raises(ValueError, match="Did you mean 'holm'"):
            adjusted("hollm", [])


class TestSampleRatioMismatch:
    @staticmethod
    def lossy(rng: np.random.Generator) -> Plan:
        return Plan((RATING,), "a", inference=FixedHorizon())

    def test_a_variant_that_loses_its_unhappy_users_is_no_winner(self) -> None:
        """Both groups are alike, but unhappy users of b leave before they are counted."""
        rng = np.random.default_rng(0)
        a, b = rng.normal(size=4_000), rng.normal(size=4_000)
        counted = b[(b > 0.0) | (rng.random(4_000) > 0.2)]
        recorded = observed({"a": {"rating": a}, "b": {"rating": counted}})
        report = analyse(recorded, self.lossy(rng), rng)
        assert report.srm_p_value < 0.001
        assert report.verdict.action == "blocked"
        assert "Sample-ratio mismatch" in report.insights[0]
        assert all(row.p_value is None and row.ci is None and not row.significant for row in report.findings.rows)
        assert fixed_alarm(a, counted), "unblocked, it would have won"

    def test_it_cries_wolf_once_in_a_thousand(self) -> None:
        from adapters.experiments.srm import SRM_ALPHA, srm_p_value

        def alarm(rng: np.random.Generator) -> bool:
            return srm_p_value(rng.multinomial(900, [0.5, 0.3, 0.2]).tolist(), [5, 3, 2]) < SRM_ALPHA

        assert_not_above(alarms(1_000, alarm), 1_000, SRM_ALPHA)


class TestBanditData:
    def test_what_a_policy_chose_is_no_experiment(self) -> None:
        rng = np.random.default_rng(0)
        groups = {name: {"rating": rng.normal(size=300)} for name in "ab"}
        report = analyse(observed(groups, by_policy=True), Plan((RATING,), "a"), rng)
        assert report.verdict.action == "blocked"
        assert "hold-out" in report.verdict.reason
        assert all(row.p_value is None for row in report.findings.rows)

    def test_why(self) -> None:
        """A greedy policy stops trying an arm after bad luck, so arms that are alike have biased means."""

        def mean_of_second(rng: np.random.Generator) -> float:
            rewards: list[list[float]] = [[float(rng.normal())], [float(rng.normal())]]
            for _ in range(60):
                best = int(np.mean(rewards[1]) > np.mean(rewards[0]))
                rewards[best].append(float(rng.normal()))
            return float(np.mean(rewards[1]))

        rng = np.random.default_rng(0)
        means = [mean_of_second(rng) for _ in range(300)]
        assert np.mean(means) < -4.0 * np.std(means) / np.sqrt(len(means))


class TestRecordedObservations:
    def test_p_values_are_of_the_data_itself(self) -> None:
        rng = np.random.default_rng(1)
        a, b = rng.exponential(size=150), rng.exponential(1.2, size=160)
        recorded = observed({"a": {"rating": a}, "b": {"rating": b}})
        plan = Plan((RATING,), "a", inference=FixedHorizon())
        row = analyse(recorded, plan, np.random.default_rng(0)).findings.rows[1]
        reference = stats.ttest_ind(b, a, equal_var=False)
        assert row.p_value == pytest.approx(reference.pvalue, rel=1e-9)
        assert row.ci == pytest.approx(tuple(reference.confidence_interval()), rel=1e-9)
        assert row.mean == pytest.approx(b.mean())
        assert row.difference == pytest.approx(b.mean() - a.mean())

    def test_nothing_is_drawn(self) -> None:
        rng = np.random.default_rng(1)
        recorded = observed({name: {"rating": rng.normal(size=150)} for name in "ab"})
        plan = Plan((RATING,), "a")
        first, second = (analyse(recorded, plan, np.random.default_rng(seed)).to_json() for seed in (1, 2))
        assert first == second


def test_far_tails_are_small_and_not_0() -> None:
    """2 * (1 - cdf(9)) is 0."""
    rng = np.random.default_rng(0)
    control, treatment = rng.normal(size=2_000), rng.normal(0.3, size=2_000)
    groups = pair("continuous", totals(control), totals(treatment))
    assert 0.0 < (FixedHorizon().compare(*groups).p_value or 0.0) < 1e-15
    assert 0.0 < (two_proportions((1_000, 10_000), (1_500, 10_000), ALPHA).p_value or 0.0) < 1e-24
    assert 0.0 < (Sequential().compare(*groups).p_value or 0.0) < 1e-12
