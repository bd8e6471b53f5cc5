"""Where a series of sentiments goes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.mood.history import LABELS, RESOLUTION, label_of, outlook, recent_change, volatility
from adapters.mood.signs import Signs
from tests.unit.adapters.laws import law

series = st.lists(st.floats(-1, 1), max_size=40)


@law
@given(series)
def test_every_figure_is_in_its_range(scores: list[float]) -> None:
    found = outlook(scores)
    assert found.turns == len(scores)
    assert -1 <= found.mean <= 1
    assert 0 <= found.magnitude <= 2
    assert 0 <= found.volatility <= 1 + 1e-12
    assert 0 <= found.swing <= 2
    assert tuple(found.distribution) == tuple(LABELS)
    assert sum(found.distribution.values()) == pytest.approx(1.0 if scores else 0.0)
    assert -1 <= recent_change(scores) <= 1
    assert 0 <= volatility(scores) <= 1 + 1e-12


@law
@given(series)
def test_the_other_way_round_it_goes_the_other_way(scores: list[float]) -> None:
    there, back = outlook(scores), outlook(scores[::-1])
    assert back.change == pytest.approx(-there.change, abs=1e-9)
    assert back.volatility == pytest.approx(there.volatility)
    upside_down = outlook([-score for score in scores])
    assert upside_down.change == pytest.approx(-there.change, abs=1e-9)
    assert recent_change([-score for score in scores]) == pytest.approx(-recent_change(scores), abs=1e-12)


@law
@given(st.floats(-1, 1), st.integers(0, 30))
def test_a_mood_that_stays_is_steady_and_never_falls_by_rounding(score: float, turns: int) -> None:
    scores = [score] * turns
    assert outlook(scores).direction == "steady"
    assert recent_change(scores) == 0.0
    assert volatility(scores) == pytest.approx(0.0, abs=1e-9)


def test_a_line_is_its_own_fit() -> None:
    found = outlook([-1.0, -0.5, 0.0, 0.5, 1.0])
    assert (found.direction, found.change, found.mean, found.swing) == ("rising", 2.0, 0.0, 0.5)
    assert found.distribution == {
        "very_negative": 0.2, "negative": 0.2, "neutral": 0.2, "positive": 0.2, "very_positive": 0.2
    }  # fmt: skip
    assert outlook([0.5, 0.3]).direction == "falling"


def test_the_recent_five_are_held_against_the_last_ten() -> None:
    assert recent_change([0.5] * 5 + [-0.5] * 5) == pytest.approx(-0.5)
    assert recent_change([-1.0] * 20 + [0.5] * 5 + [-0.5] * 5) == pytest.approx(-0.5), "only ten weigh"
    assert recent_change([1.0, -1.0, -1.0, -1.0, -1.0]) == 0.0, "five are the recent five"
    assert recent_change([0.0] * 5 + [RESOLUTION] * 5) == 0.0


def test_two_messages_are_no_swing() -> None:
    assert volatility([1.0, -1.0]) == 0.0
    assert volatility([1.0, -1.0, 1.0, -1.0]) == 1.0


def test_labels_are_fifths() -> None:
    assert [label_of(score) for score in (-1, -0.6, -0.59, 0, 0.2, 0.21, 0.6, 1)] == [
        "very_negative", "very_negative", "negative", "neutral", "neutral", "positive", "positive", "very_positive"
    ]  # fmt: skip
    assert label_of(float("nan")) == "neutral"


def test_signs_know_the_series() -> None:
    signs = Signs.after([0.5] * 5 + [-0.5] * 5, sentiment=-0.5)
    assert (signs.sentiment, signs.values["trend"], signs.values["volatility"]) == (-0.5, -0.5, 0.5)
