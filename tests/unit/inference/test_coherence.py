"""Heads that contradict each other are brought within what their classes mean."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.analysis import EMOTIONS
from inference.coherence import PLAIN_ACTS, coherent

ACTS = (*PLAIN_ACTS, "complaint", "other")


def shares(count: int) -> st.SearchStrategy[list[float]]:
    """Probabilities that sum to 1."""
    weights = st.lists(st.integers(0, 100), min_size=count, max_size=count).filter(any)
    return weights.map(lambda found: [weight / sum(found) for weight in found])


def emotions(neutral: float) -> dict[str, float]:
    return {name: neutral if name == "neutral" else (1 - neutral) / 5 for name in EMOTIONS}


def acts(**given: float) -> Any:
    return {name: given.get(name, 0.0) for name in ACTS}


@given(shares(5), shares(6), shares(9))
def test_the_bounds_hold_and_nothing_is_lost(moods: list[float], felt: list[float], said: list[float]) -> None:
    feelings = dict(zip(EMOTIONS, felt, strict=True))
    spoken: Any = dict(zip(ACTS, said, strict=True))
    found = coherent(moods, feelings, spoken)
    moved = 1 - feelings["neutral"]
    assert sum(found) == pytest.approx(1.0)
    assert min(found) >= 0.0
    assert max(found[0], found[4]) <= moved + 1e-9
    assert found[0] + found[1] <= 1 - feelings["neutral"] * sum(spoken[act] for act in PLAIN_ACTS) + 1e-9
    assert coherent(found, feelings, spoken) == pytest.approx(found)  # what is coherent stays
    # Negative mass only leaves towards the middle, and no positive mass leaves its side.
    assert found[0] + found[1] <= moods[0] + moods[1] + 1e-9
    assert found[3] + found[4] == pytest.approx(moods[3] + moods[4])


@given(shares(5), shares(9))
def test_what_is_felt_is_left_alone(moods: list[float], said: list[float]) -> None:
    spoken: Any = dict(zip(ACTS, said, strict=True))
    assert coherent(moods, emotions(neutral=0.0), spoken) == pytest.approx(moods)


def test_a_plain_question_is_not_negative() -> None:
    found = coherent([0.6, 0.2, 0.1, 0.05, 0.05], emotions(neutral=0.9), acts(question=0.95, complaint=0.05))
    assert found.index(max(found)) == 2


def test_a_calm_complaint_may_be_negative_but_not_very() -> None:
    found = coherent([0.6, 0.2, 0.1, 0.05, 0.05], emotions(neutral=0.9), acts(complaint=1.0))
    assert found == pytest.approx([0.1, 0.7, 0.1, 0.05, 0.05])


def test_without_acts_only_the_strong_ones_are_bounded() -> None:
    found = coherent([0.0, 0.2, 0.0, 0.1, 0.7], emotions(neutral=0.6))
    assert found == pytest.approx([0.0, 0.2, 0.0, 0.4, 0.4])
