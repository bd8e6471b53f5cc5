"""Who gets what: the documented hash, ramps, layers, hold-outs, and no dependence between experiments."""

from __future__ import annotations

import re
from collections import Counter
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from adapters.experiments.assignment import (
    PARTS,
    Allocation,
    BanditHoldOut,
    HoldOut,
    Slice,
    bucket,
    free_slice,
    pick,
    position,
)
from adapters.experiments.targeting import Rule, matches
from tests.unit.adapters.laws import law

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "experiments.md"
VECTOR = re.compile(r"^\| `([^`]+)` \| `([^`]+)` \| `([0-9a-f]{16})` \| (\d+) \| (\d+) \|$", re.MULTILINE)
UNITS = [f"user-{number}" for number in range(4_000)]

units = st.text(min_size=1, max_size=40)


def test_the_vectors_of_the_document() -> None:
    """They were made with sha256sum."""
    vectors = VECTOR.findall(DOCUMENT.read_text(encoding="utf-8"))
    assert len(vectors) >= 5
    for salt, unit, digest, of_three, of_a_million in vectors:
        assert position(salt, unit) == int(digest, 16)
        assert (bucket(salt, unit, 3), bucket(salt, unit, PARTS)) == (int(of_three), int(of_a_million))


def test_ranges_are_half_open_and_weights_are_met() -> None:
    counts = Counter(pick("weights", unit, {"a": 1, "none": 0, "b": 3}) for unit in UNITS)
    assert set(counts) == {"a", "b"}
    assert stats.binomtest(counts["a"], len(UNITS), 0.25).pvalue > 0.001


@law
@given(units, st.integers(1, 10**9))
def test_a_bucket_is_the_fraction_exactly(unit: str, parts: int) -> None:
    found = bucket("salt", unit, parts)
    assert found * 2**64 <= position("salt", unit) * parts < (found + 1) * 2**64
    assert 0 <= found < parts


@pytest.mark.parametrize(("salt", "unit"), [("", "u"), ("a\nb", "u"), ("s", "")])
def test_ambiguous_names_are_refused(salt: str, unit: str) -> None:
    with pytest.raises(ValueError, match=r"give (one line of text|the identifier)"):
        position(salt, unit)


@pytest.mark.parametrize("weights", [{}, {"a": 0}, {"a": -1, "b": 2}])
def test_weights_that_cannot_be_drawn_from(weights: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="at least one of them above 0"):
        pick("s", "u", weights)


class TestIndependence:
    """Without the experiment's name in the hash, every pair of experiments would split users alike."""

    def p_value(self, first: str, second: str) -> float:
        table = [[0, 0], [0, 0]]
        for unit in UNITS:
            table[bucket(first, unit, 2)][bucket(second, unit, 2)] += 1
        return float(stats.chi2_contingency(table).pvalue)

    def test_of_experiments(self) -> None:
        salts = [f"experiment-{number}/variant" for number in range(6)]
        p_values = [self.p_value(*pair) for pair in combinations(salts, 2)]
        assert min(p_values) > 0.001 / len(p_values)
        assert self.p_value("same", "same") < 1e-100, "the test would see the mistake"

    def test_of_the_questions_of_one_experiment(self) -> None:
        for pair in combinations(("x/variant", "x/exposure", "x/layer", "x/hold-out"), 2):
            assert self.p_value(*pair) > 0.0001


class TestAllocation:
    @law
    @given(units, st.floats(0.0, 1.0), st.floats(0.0, 1.0))
    def test_a_ramp_only_adds(self, unit: str, one: float, other: float) -> None:
        low, high = sorted((one, other))
        before = Allocation("ramp", {"a": 1, "b": 1}, low).variant(unit, {})
        after = Allocation("ramp", {"a": 1, "b": 1}, high).variant(unit, {})
        assert before is None or before == after

    def test_exposure_is_a_share_of_users_and_splits_them_evenly(self) -> None:
        own = Allocation("shares", {"a": 1, "b": 1}, 0.2)
        counts = Counter(own.variant(unit, {}) for unit in UNITS)
        assert stats.binomtest(counts["a"] + counts["b"], len(UNITS), 0.2).pvalue > 0.001
        assert stats.binomtest(counts["a"], counts["a"] + counts["b"], 0.5).pvalue > 0.001

    def test_who_was_in_stays(self) -> None:
        rule = Rule("language", "is", ("en",))
        own = Allocation("s", {"a": 1, "b": 1}, 0.0, rules=(rule,), hold_outs=(HoldOut("all", 1.0),))
        assert own.variant("u", {"language": "de"}) is None
        assert own.variant("u", {"language": "de"}, kept="b") == "b"
        assert own.variant("u", {"language": "de"}, kept="gone") is None

    def test_held_out_users_take_no_part(self) -> None:
        hold_out = HoldOut("2026", 0.3)
        own = Allocation("s", {"a": 1, "b": 1}, hold_outs=(hold_out,))
        assert all((own.variant(unit, {}) is None) == hold_out.holds(unit) for unit in UNITS[:500])

    def test_a_share_out_of_range(self) -> None:
        with pytest.raises(ValueError, match="give a number from 0 to 1"):
            Allocation("s", {"a": 1}, 1.5)


class TestLayers:
    def test_slices_of_a_layer_share_nobody(self) -> None:
        first = free_slice("tone", 0.4, [])
        second = free_slice("tone", 0.6, [first])
        assert (first, second) == (Slice("tone", 0, 400_000), Slice("tone", 400_000, PARTS))
        assert not first.overlaps(second)
        assert all(first.holds(unit) != second.holds(unit) for unit in UNITS[:500])

    def test_a_gap_is_used_and_a_full_layer_refused(self) -> None:
        taken = [Slice("l", 0, 100_000), Slice("l", 400_000, 900_000), Slice("other")]
        assert free_slice("l", 0.3, taken) == Slice("l", 100_000, 400_000)
        with pytest.raises(ValueError, match="no room for 35"):
            free_slice("l", 0.35, taken)

    def test_experiments_in_slices_exclude_each_other(self) -> None:
        one = Allocation("one", {"a": 1, "b": 1}, slice=Slice("l", 0, 500_000))
        two = Allocation("two", {"a": 1, "b": 1}, slice=Slice("l", 500_000, PARTS))
        both = [(one.variant(unit, {}), two.variant(unit, {})) for unit in UNITS[:500]]
        assert all((first is None) != (second is None) for first, second in both)


class TestBanditHoldOut:
    def test_its_users_get_arms_by_hash_and_the_others_none(self) -> None:
        own, arms = BanditHoldOut("linucb", 0.1), ("warm", "calm")
        drawn = Counter(own.arm(unit, arms) for unit in UNITS)
        assert stats.binomtest(drawn["warm"] + drawn["calm"], len(UNITS), 0.1).pvalue > 0.001
        assert stats.binomtest(drawn["warm"], drawn["warm"] + drawn["calm"], 0.5).pvalue > 0.001
        assert own.arm("user-1", arms) == own.arm("user-1", arms)


class TestRules:
    @pytest.mark.parametrize(("rule", "attributes", "holds"), [
        (("language", "is", ("en", "de")), {"language": "de"}, True),
        (("language", "is_not", ("en",)), {"language": "de"}, True),
        (("language", "is_not", ("en",)), {"language": None}, False),
        (("language", "is_not", ("en",)), {}, False),
        (("turns", "at_least", (5,)), {"turns": 5}, True),
        (("turns", "below", (5,)), {"turns": 5}, False),
        (("turns", "at_least", (1,)), {"turns": True}, False),
        (("turns", "at_least", (1,)), {"turns": "many"}, False),
    ])  # fmt: skip
    def test_what_holds(
        self, rule: tuple[str, str, tuple[str | float, ...]], attributes: dict[str, str | float | None], holds: bool
    ) -> None:
        assert matches([Rule(*rule)], attributes) is holds

    def test_without_rules_everybody_may_take_part(self) -> None:
        assert matches([], {})

    @pytest.mark.parametrize(("rule", "sentence"), [
        (("a", "iss", ("x",)), "Did you mean 'is'"),
        (("", "is", ("x",)), "needs an attribute"),
        (("a", "is", ()), "at least one value"),
        (("a", "below", ("x",)), "give one number"),
        (("a", "below", (1.0, 2.0)), "give one number"),
    ])  # fmt: skip
    def test_what_is_refused(self, rule: tuple[str, str, tuple[str | float, ...]], sentence: str) -> None:
        with pytest.raises(ValueError, match=sentence):
            Rule(*rule)
