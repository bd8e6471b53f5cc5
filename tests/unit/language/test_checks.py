"""What a finished answer is worth."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.chat.language.checks import (
    Calibration,
    Floats,
    confidence,
    groundedness,
    judge,
    nearness,
    sentences,
    whole_sentences,
)
from server.chat.language.values import Passage

PASSAGES = (
    Passage("d1", "Delivery", "Standard delivery takes three to five working days and costs 4.90 euros."),
    Passage("r1", "Returns", "You can send articles back within 30 days; we refund the price within a week."),
)


def grounded(text: str, question: str = "How long does delivery take?") -> float | None:
    return groundedness(text, PASSAGES, question)


def test_what_stands_in_the_passages_is_grounded() -> None:
    score = grounded("Standard delivery takes three to five working days [1].")
    assert score == 1.0


def test_what_does_not_is_not() -> None:
    score = grounded("Our drones bring every parcel overnight from Iceland.")
    assert score is not None and score < 0.3


def test_a_number_that_nobody_gave_weighs_heavily() -> None:
    right, wrong = grounded("Standard delivery costs 4.90 euros."), grounded("Standard delivery costs 9.90 euros.")
    assert right == 1.0 and wrong is not None and wrong <= 0.25


def by_letters(texts: Sequence[str]) -> Floats:
    """An embedding that knows letters alone."""
    vectors = np.array([[text.lower().count(letter) for letter in "abcdefghijklmnopqrstuvwxyz"] for text in texts])
    norms = np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    found: Floats = (vectors / norms).astype(np.float32)
    return found


def test_nearness_is_that_of_the_nearest_sentence() -> None:
    said = "You can send articles back within 30 days [2]. Shall I help?"
    near = nearness(said, PASSAGES, "how?", by_letters)
    far = nearness("Zebras jazz up zigzag puzzles quickly.", PASSAGES, "how?", by_letters)
    assert near is not None and far is not None and near > 0.9 and far < 0.6
    assert nearness("Shall I help?", PASSAGES, "how?", by_letters) is None
    assert nearness(said, (), "how?", by_letters) is None


def test_nearness_counts_where_it_is_known() -> None:
    curve = Calibration(0.0, 0.0, 0.0, 1.0)
    said = "You can send articles back within 30 days."
    blind = judge(said, PASSAGES, "how?", Calibration(0.0, 0.0, 0.0))
    seeing = judge(said, PASSAGES, "how?", Calibration(), embed=by_letters, with_meaning=curve)
    assert (blind.confidence, blind.nearness) == (0.5, None)
    assert seeing.nearness is not None and seeing.confidence == pytest.approx(1 / (1 + math.exp(-seeing.nearness)))


@pytest.mark.parametrize("text", ["Hello there!", "Which order do you mean?", "Thank you!", ""])
def test_courtesy_and_questions_claim_nothing(text: str) -> None:
    assert grounded(text) is None


def test_the_customers_own_words_may_be_said_back() -> None:
    assert grounded("Your green umbrella is what matters.", "my green umbrella matters") == 1.0


@given(st.text(max_size=300), st.text(max_size=100))
def test_scores_are_shares(text: str, question: str) -> None:
    score = groundedness(text, PASSAGES, question)
    assert score is None or 0 <= score <= 1


@given(st.floats(0, 1), st.floats(0, 1), st.booleans())
def test_more_ground_is_more_confidence(a: float, b: float, cited: bool) -> None:
    low, high = sorted((a, b))
    calibration = Calibration()
    assert 0 < confidence(low, cited, calibration) <= confidence(high, cited, calibration) < 1


def test_a_verdict_names_what_is_cited_and_normalises() -> None:
    verdict = judge(" Cafe\u0301 delivery takes five working days [1][2][1]. ", PASSAGES, "", Calibration())
    assert verdict.text.startswith("Café") and verdict.text.endswith("[1].")
    assert verdict.cited == (1, 2)
    assert judge("Delivery takes a week of working days.", (), "", Calibration()).confidence is None


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("One. Two! Three", "One. Two!"),
        ("It is [1]. And 4.90 is", "It is [1]."),
        ("He said “yes.” And", "He said “yes.”"),
        ("Costs 4.90 euros", ""),
        ("好的。没问题", "好的。"),
        ("All of it.", "All of it."),
    ],
)
def test_an_answer_is_cut_behind_a_sentence(text: str, whole: str) -> None:
    assert whole_sentences(text) == whole


def test_citations_belong_to_the_sentence_before() -> None:
    assert sentences("It is so. [1] And so?") == ["It is so. [1]", "And so?"]
