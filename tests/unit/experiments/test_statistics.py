"""Each estimator against SciPy, a closed form or a simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from adapters.experiments import power as planning
from adapters.experiments.bayes import standings
from adapters.experiments.bootstrap import bootstrap_interval, disagrees
from adapters.experiments.corrections import benjamini_hochberg, holm
from adapters.experiments.estimates import Estimate, estimates, standard_deviations
from adapters.experiments.factorial import Factor, combinations, effects
from adapters.experiments.fixed import FixedHorizon, two_proportions
from adapters.experiments.guardrails import Guardrail, judged
from adapters.experiments.inference import Contrast
from adapters.experiments.sequential import Sequential
from adapters.experiments.srm import srm_p_value
from tests.unit.adapters.laws import law
from tests.unit.experiments.support import pair, totals

p_values = st.lists(st.floats(0.0, 1.0), min_size=1, max_size=20)


class TestEstimates:
    def test_a_ratio_by_one_is_a_mean(self) -> None:
        values = np.random.default_rng(0).normal(size=50)
        mean, ratio = estimates([totals(values)], "continuous")[0], estimates([totals(values, np.ones(50))], "ratio")[0]
        assert mean is not None and ratio is not None
        assert ratio.mean == pytest.approx(mean.mean)
        assert ratio.variance == pytest.approx(mean.variance)
        assert mean.variance == pytest.approx(values.var(ddof=1) / 50)

    def test_the_delta_method_gives_the_error_of_resampling(self) -> None:
        rng = np.random.default_rng(0)
        turns = rng.geometric(0.2, 400).astype(float)
        clicks = rng.binomial(turns.astype(int), rng.beta(2, 3, 400)).astype(float)
        found = estimates([totals(clicks, turns)], "ratio")[0]
        rows = rng.integers(400, size=(4_000, 400))
        resampled = clicks[rows].sum(axis=1) / turns[rows].sum(axis=1)
        assert found is not None
        assert math.sqrt(found.variance) == pytest.approx(resampled.std(), rel=0.06)

    def test_cuped_takes_out_what_was_known_before(self) -> None:
        rng = np.random.default_rng(0)
        before = rng.normal(size=(2, 4_000))
        after = 3.0 + before + rng.normal(0.0, 1.0, (2, 4_000)) + np.array([[0.0], [0.2]])
        plain = pair("continuous", *(totals(after[k]) for k in range(2)))
        adjusted = pair("continuous", *(totals(after[k], covariate=before[k]) for k in range(2)))
        assert adjusted[1].variance_kept == pytest.approx(0.5, abs=0.05)
        assert adjusted[1].mean - adjusted[0].mean == pytest.approx(0.2, abs=0.07)
        assert adjusted[0].raw_mean == plain[0].mean
        assert (FixedHorizon().compare(*adjusted).p_value or 1.0) < (FixedHorizon().compare(*plain).p_value or 1.0)

    def test_a_covariate_that_does_not_vary_changes_nothing(self) -> None:
        values = np.arange(10.0)
        plain, same = (estimates([totals(values, covariate=c)], "continuous")[0] for c in (None, np.ones(10)))
        assert plain == same

    def test_too_few_units_and_ratios_by_zero_are_unknown(self) -> None:
        assert estimates([totals([1.0])], "continuous") == [None]
        assert estimates([totals([0.0, 0.0], [0.0, 0.0])], "ratio") == [None]
        assert standard_deviations(totals([1.0])) == 0.0

    def test_the_deviation_of_one_unit(self) -> None:
        assert standard_deviations(totals([1.0, 2.0, 3.0])) == pytest.approx(1.0)


class TestProportions:
    def test_against_the_chi_squared_test(self) -> None:
        found = two_proportions((30, 200), (50, 210), 0.05)
        reference = stats.chi2_contingency([[30, 170], [50, 160]], correction=False).pvalue
        assert found.p_value == pytest.approx(reference, rel=1e-9)
        assert found.method == "two proportions"

    def test_newcombes_own_example(self) -> None:
        """56/70 against 48/80: .0524 to .3339 (Newcombe 1998, table II, method 10)."""
        assert two_proportions((48, 80), (56, 70), 0.05).ci == pytest.approx((0.0524, 0.3339), abs=5e-5)

    def test_small_cells_are_counted_exactly(self) -> None:
        found = two_proportions((0, 20), (4, 20), 0.05)
        assert found.method == "fisher"
        assert found.p_value == pytest.approx(0.10602, abs=1e-5)

    @pytest.mark.parametrize("successes", [0, 20])
    def test_where_nothing_varies_nothing_is_said(self, successes: int) -> None:
        found = two_proportions((successes, 20), (successes, 20), 0.05)
        assert (found.p_value, found.ci, found.difference) == (None, None, 0.0)


class TestSequential:
    @law
    @given(st.integers(2, 10**7), st.floats(-1.0, 1.0), st.floats(1e-6, 1.0), st.floats(0.001, 0.3))
    def test_the_p_value_is_at_most_alpha_where_the_interval_excludes_0(
        self, units: int, value: float, variance: float, alpha: float
    ) -> None:
        reading, contrast = Sequential(alpha), Contrast(value, variance, 10.0, units)
        low, high = reading.interval(contrast)
        if min(abs(low), abs(high)) > 1e-9:
            assert (reading.p_value(contrast) <= alpha) == (low > 0.0 or high < 0.0)

    @pytest.mark.parametrize("alpha", [0.01, 0.05, 0.2])
    def test_it_is_narrowest_where_it_was_planned(self, alpha: float) -> None:
        reading = {
            planned: Sequential(alpha, planned).boundary(5_000) for planned in (2_500, 4_900, 5_000, 5_100, 10_000)
        }
        assert min(reading, key=lambda planned: reading[planned]) == 5_000

    def test_by_hand(self) -> None:
        """v - ln v = 1 - 2 ln .05 gives v = 9.2120 at the planned units; b² = 2 (v / u) ln(√v / .05)."""
        v = 9.2120
        assert v - math.log(v) == pytest.approx(1.0 - 2.0 * math.log(0.05), abs=1e-3)
        expected = math.sqrt(2.0 * v / (v - 1.0) * math.log(math.sqrt(v) / 0.05))
        assert Sequential(0.05, 1_000).boundary(1_000) == pytest.approx(expected, abs=1e-3)

    def test_it_finds_what_is_there(self) -> None:
        rng = np.random.default_rng(0)
        groups = pair("continuous", totals(rng.normal(size=2_000)), totals(rng.normal(0.2, size=2_000)))
        found = Sequential().compare(*groups)
        assert found.ci is not None and found.ci[0] > 0.0

    def test_values_that_never_vary(self) -> None:
        groups = pair("continuous", totals(np.full(9, 0.1)), totals(np.full(9, 0.1)))
        for reading in (Sequential(), FixedHorizon()):
            found = reading.compare(*groups)
            assert (found.p_value, found.ci) == (None, None)

    def test_out_of_range(self) -> None:
        with pytest.raises(ValueError, match="alpha between 0 and 1"):
            Sequential(1.0)


class TestCorrections:
    @law
    @given(p_values)
    def test_laws(self, given_p: list[float]) -> None:
        by_holm, by_bh = holm(given_p), benjamini_hochberg(given_p)
        for plain, family, discovery in zip(given_p, by_holm, by_bh, strict=True):
            assert plain <= discovery + 1e-12 <= family + 2e-12
            assert family <= min(1.0, len(given_p) * plain) + 1e-12
        order = np.argsort(given_p, kind="stable")
        assert np.all(np.diff(np.array(by_holm)[order]) >= 0.0)

    def test_holms_own_steps(self) -> None:
        assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


class TestStandings:
    def test_of_two_proportions(self) -> None:
        """P(B > A) of independent Betas, against a million draws."""
        a = Estimate(100, 0.2, 0.2, 0.0016, 20)
        b = Estimate(100, 0.3, 0.3, 0.0021, 30)
        rng = np.random.default_rng(0)
        draws = rng.beta(21, 81, 10**6), rng.beta(31, 71, 10**6)
        first, second = standings([a, b])
        assert second.chance_to_win == pytest.approx(float((draws[1] > draws[0]).mean()), abs=0.002)
        assert first.chance_to_win + second.chance_to_win == pytest.approx(1.0, abs=1e-3)
        assert first.expected_loss == pytest.approx(float(np.maximum(draws[1] - draws[0], 0.0).mean()), rel=0.01)
        assert second.expected_loss == pytest.approx(float(np.maximum(draws[0] - draws[1], 0.0).mean()), rel=0.02)

    def test_of_means_whose_errors_differ_much(self) -> None:
        found = standings([Estimate(50, 1.0, 1.0, 1.0), Estimate(10**6, 1.0, 1.0, 1e-8), Estimate(50, 0.0, 0.0, 1e-4)])
        assert [own.chance_to_win for own in found] == pytest.approx([0.5, 0.5, 0.0], abs=0.002)
        # E max(0, sd · T) of Student's t with 49 degrees of freedom.
        half_normal = float(stats.t(49).expect(lambda t: max(t, 0.0)))
        assert found[1].expected_loss == pytest.approx(half_normal, rel=0.01)

    def test_lower_is_better(self) -> None:
        a, b = Estimate(50, 1.0, 1.0, 0.01), Estimate(50, 1.1, 1.1, 0.01)
        higher, lower = standings([a, b]), standings([a, b], sign=-1.0)
        assert lower[0].chance_to_win == pytest.approx(higher[1].chance_to_win, abs=1e-3)
        assert lower[0].expected_loss == pytest.approx(higher[1].expected_loss, abs=1e-4)

    def test_a_value_that_never_varies(self) -> None:
        found = standings([Estimate(50, 1.0, 1.0, 0.0), Estimate(50, 2.0, 2.0, 0.0)])
        assert [own.chance_to_win for own in found] == [0.0, 1.0]
        assert found[0].expected_loss == pytest.approx(1.0)


class TestBootstrap:
    def test_it_agrees_with_welch_on_plain_values(self) -> None:
        rng = np.random.default_rng(0)
        control, treatment = totals(rng.normal(size=300)), totals(rng.normal(0.3, size=300))
        ci = FixedHorizon().compare(*pair("continuous", control, treatment)).ci
        checked = bootstrap_interval(control, treatment, 0.05, rng)
        assert ci is not None
        assert checked == pytest.approx(ci, abs=0.03)
        assert not disagrees(ci, checked)

    def test_it_disagrees_where_one_unit_weighs_all(self) -> None:
        rng = np.random.default_rng(0)
        control, treatment = totals(rng.normal(size=60)), totals([*rng.normal(size=59), 500.0])
        ci = FixedHorizon().compare(*pair("continuous", control, treatment)).ci
        assert ci is not None
        assert disagrees(ci, bootstrap_interval(control, treatment, 0.05, rng))

    def test_of_ratios(self) -> None:
        rng = np.random.default_rng(0)
        low, high = bootstrap_interval(
            totals(np.ones(50), np.full(50, 2.0)), totals(np.ones(50), np.full(50, 4.0)), 0.05, rng, resamples=20
        )
        assert low == high == pytest.approx(-0.25)


class TestSampleRatio:
    def test_against_the_formula(self) -> None:
        assert srm_p_value([520, 480], [1, 1]) == pytest.approx(stats.chi2.sf(1.6, 1))

    @pytest.mark.parametrize(("counts", "weights"), [([1], [1]), ([1, 2], [1]), ([1, 2], [1, 0]), ([0, 0], [1, 1])])
    def test_what_is_refused(self, counts: list[int], weights: list[float]) -> None:
        with pytest.raises(ValueError, match="positive weight"):
            srm_p_value(counts, weights)


class TestGuardrails:
    @pytest.mark.parametrize(("treatment", "sign", "outcome"), [
        (1.000, 1.0, "passed"), (0.995, 1.0, "passed"), (0.90, 1.0, "failed"), (0.95, 1.0, "open"),
        (1.000, -1.0, "passed"), (1.10, -1.0, "failed"), (1.05, -1.0, "open"), (0.90, -1.0, "passed"),
    ])  # fmt: skip
    @pytest.mark.parametrize("reading", [FixedHorizon(), Sequential()], ids=lambda reading: reading.name)
    def test_harm_is_excluded_shown_or_open(
        self, treatment: float, sign: float, outcome: str, reading: FixedHorizon | Sequential
    ) -> None:
        """A margin of 5 % with a standard error of 1 %."""
        base, own = (Estimate(2_000, mean, mean, 0.005**2) for mean in (1.0, treatment))
        assert judged(0.05, sign, base, own, reading)[0] == outcome

    def test_a_control_below_0(self) -> None:
        base, own = (Estimate(2_000, mean, mean, 1e-6) for mean in (-1.0, -1.01))
        assert judged(0.05, 1.0, base, own, FixedHorizon())[0] == "passed"

    @pytest.mark.parametrize(("treatment", "outcome"), [(1.0, "passed"), (0.9, "failed")])
    def test_values_that_never_vary(self, treatment: float, outcome: str) -> None:
        base, own = (Estimate(20, mean, mean, 0.0) for mean in (1.0, treatment))
        assert judged(0.05, 1.0, base, own, FixedHorizon()) == (outcome, None)

    def test_a_margin_is_a_share(self) -> None:
        with pytest.raises(ValueError, match="margin between 0 and 1"):
            Guardrail("rating", 2.0)


class TestPower:
    def test_the_textbook(self) -> None:
        """Half a standard deviation, 80 %, 5 %: 64 a group (Cohen 1988, table 2.4.1)."""
        assert planning.sample_size(0.5, 1.0) == 64
        assert planning.power(0.5, 1.0, 64) == pytest.approx(0.8015, abs=5e-4)

    def test_the_minimum_detectable_effect_turns_it_round(self) -> None:
        assert planning.minimum_detectable_effect(1.0, 64) == pytest.approx(0.5, abs=0.005)
        sequential = Sequential(0.05, 1_000)
        units = planning.sample_size(0.3, 1.0, sequential=sequential)
        assert planning.minimum_detectable_effect(1.0, units, sequential=sequential) == pytest.approx(0.3, abs=0.002)

    def test_freedom_to_look_costs_units(self) -> None:
        fixed, sequential = (planning.sample_size(0.1, 1.0, sequential=own) for own in (None, Sequential(0.05, 3_000)))
        assert 1.5 < sequential / fixed < 2.5

    def test_a_simulation(self) -> None:
        rng = np.random.default_rng(0)
        units = planning.sample_size(0.06, planning.proportion_deviation(0.3), treatment_deviation=0.48)
        hits = 0
        for control, treatment in zip(rng.binomial(units, 0.3, 1_000), rng.binomial(units, 0.36, 1_000), strict=True):
            p_value = two_proportions((int(control), units), (int(treatment), units), 0.05).p_value
            hits += p_value is not None and p_value <= 0.05
        assert hits / 1_000 == pytest.approx(0.8, abs=0.045)

    def test_far_off_effects_and_no_units(self) -> None:
        assert planning.power(1.0, 0.001, 10_000) == 1.0
        assert planning.power(1.0, 1.0, 1) == 0.0

    def test_what_is_refused(self) -> None:
        with pytest.raises(ValueError, match="an effect other than 0"):
            planning.sample_size(0.0, 1.0)
        with pytest.raises(ValueError, match="more than 1,000,000,000,000 units"):
            planning.sample_size(1e-9, 1.0, sequential=Sequential())
        with pytest.raises(ValueError, match="a number between 0 and 1"):
            planning.proportion_deviation(1.0)
        with pytest.raises(ValueError, match="at least 2 units"):
            planning.minimum_detectable_effect(1.0, 1)


class TestFactorial:
    TONE, LENGTH = Factor("tone", ("plain", "warm")), Factor("length", ("short", "long"))

    def test_effects_add_up(self) -> None:
        means = {"plain×short": 1.0, "plain×long": 1.5, "warm×short": 1.2, "warm×long": 2.0}
        assert combinations(self.TONE, self.LENGTH) == tuple(means)
        found = effects(
            self.TONE, self.LENGTH, {name: Estimate(400, m, m, 0.01) for name, m in means.items()}, FixedHorizon()
        )
        told = {(own.name, own.level): own.comparison for own in found}
        assert told["tone", "warm"].difference == pytest.approx(0.35)
        assert told["length", "long"].difference == pytest.approx(0.65)
        assert told["tone × length", "warm×long"].difference == pytest.approx(0.3)
        assert told["tone", "warm"].p_value == pytest.approx(2 * stats.t.sf(0.35 / 0.1, 4 * 399))

    def test_every_combination_is_needed(self) -> None:
        with pytest.raises(ValueError, match="no estimate of plain×short"):
            effects(self.TONE, self.LENGTH, {}, FixedHorizon())

    @pytest.mark.parametrize("levels", [("a",), ("a", "a"), ("a", "b×c")])
    def test_levels_that_cannot_be_crossed(self, levels: tuple[str, ...]) -> None:
        with pytest.raises(ValueError, match="two different levels"):
            Factor("x", levels)
