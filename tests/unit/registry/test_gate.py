"""What the gate calls a regression."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.pack import read_manifest
from inference.registry.gate import Regression, regressions
from tests.unit.inference.conftest import SHIPPED

metrics = st.dictionaries(
    st.sampled_from(["act_macro_f1", "intent_ece", "toxicity_auroc", "act_f1_deny", "blind_rows", "news"]),
    st.floats(0.0, 1.0),
)


@given(metrics, st.floats(0.0, 1.0))
def test_nothing_is_worse_than_itself(measured: dict[str, float], tolerance: float) -> None:
    assert regressions(measured, measured, tolerance) == []


@given(metrics, metrics, st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_more_tolerance_refuses_less(one: dict[str, float], other: dict[str, float], a: float, b: float) -> None:
    strict, mild = (regressions(one, other, tolerance) for tolerance in sorted((a, b)))
    assert set(mild) <= set(strict)


@given(metrics, metrics)
def test_of_two_that_measured_the_same_one_is_worse_in_each_metric(
    one: dict[str, float], other: dict[str, float]
) -> None:
    there = {found.metric for found in regressions(one, other) if found.candidate is not None}
    back = {found.metric for found in regressions(other, one) if found.candidate is not None}
    assert not there & back


@pytest.mark.parametrize(("name", "champion", "candidate", "refused"), [
    ("act_macro_f1", 0.85, 0.841, False),
    ("act_macro_f1", 0.85, 0.84, False),  # by a point, not by more
    ("act_macro_f1", 0.85, 0.839, True),
    ("act_macro_f1", 0.85, 0.99, False),
    ("act_f1_greeting", 0.9, 0.8, True),
    ("emotions_f1_joy", 0.9, 0.8, True),
    ("clinc150_oos_recall_at_95", 0.9, 0.8, True),
    ("clinc150_in_scope_kept", 0.9, 0.8, True),
    ("reviews_within_one_star", 0.9, 0.8, True),
    ("politeness_pearson", 0.6, 0.5, True),
    ("urgency_blind_auroc", 0.9, 0.8, True),
    ("embedding_cosine_to_float32", 0.99, 0.9, True),
    ("fine_emotions_macro_f1_at_half", 0.4, 0.3, True),
    ("intent_ece", 0.01, 0.05, True),  # of an error less is better
    ("intent_ece", 0.05, 0.01, False),
    ("toxicity_chat_flagged", 0.002, 0.05, True),
    ("clinc150_in_scope_rows", 3000, 10, False),
    ("anything_else", 1.0, 0.0, False),
])  # fmt: skip
def test_each_kind_of_metric(name: str, champion: float, candidate: float, refused: bool) -> None:
    expected = [Regression(name, champion, candidate)] if refused else []
    assert regressions({name: champion}, {name: candidate}) == expected


def test_a_metric_that_is_missing_is_a_regression() -> None:
    [found] = regressions({"act_accuracy": 0.9, "act_rows": 10}, {})
    assert found == Regression("act_accuracy", 0.9, None)
    assert str(found) == "act_accuracy: not measured, the champion has 0.9"


def test_a_metric_that_the_champion_lacks_is_none() -> None:
    assert regressions({}, {"act_accuracy": 0.1}) == []


@pytest.mark.parametrize("value", [None, "0.9", True, math.nan, [0.9]])
def test_what_is_no_number_was_not_measured(value: Any) -> None:
    assert regressions({"act_accuracy": 0.9}, {"act_accuracy": value}) == [Regression("act_accuracy", 0.9, None)]


def test_latency_is_not_judged_and_batching_is() -> None:
    champion = {"latency_p50_ms": {"8": 1.0}, "batch_of_32": {"intent_max_probability_change": 0.0}}
    slow = {"latency_p50_ms": {"8": 99.0}, "batch_of_32": {"intent_max_probability_change": 0.17}}
    assert regressions(champion, slow) == [Regression("batch_of_32.intent_max_probability_change", 0.0, 0.17)]


@pytest.mark.parametrize("tolerance", [-0.1, math.nan, math.inf])
def test_a_tolerance_is_a_number(tolerance: float) -> None:
    with pytest.raises(ValueError, match="is no tolerance"):
        regressions({}, {}, tolerance)


def test_of_the_model_that_ships_all_but_counts_and_times_is_judged() -> None:
    int8 = read_manifest(SHIPPED).metrics["int8"]
    judged = {found.metric for found in regressions(int8, {})}
    told = {name for name in int8 if not name.endswith("_rows")} - {"latency_p50_ms", "batch_of_32"}
    assert told <= judged
    assert not any("latency" in name or "rows" in name for name in judged)
