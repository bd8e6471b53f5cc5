"""RAKE: the phrases that a text is about."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.keywords import keywords, stop_words_of
from tests.unit.inference.support import LEXICON

ENGLISH = stop_words_of(LEXICON.stop_words, "en")
GERMAN = stop_words_of(LEXICON.stop_words, "de")


def found(text: str, limit: int = 5) -> list[str]:
    return [phrase for phrase, _ in keywords(text, ENGLISH, limit)]


def test_the_papers_score() -> None:
    """Degree by frequency: of "linear" it is (2 + 3) / 2, as in the paper's example."""
    text = "linear constraints over the natural numbers, and linear diophantine equations"
    assert keywords(text, ENGLISH | {"over"}) == (
        ("linear diophantine equations", 8.5),
        ("linear constraints", 4.5),
        ("natural numbers", 4.0),
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("where is my iPhone 15 Pro case?", ["iphone 15 pro case"]),
        ("I'd like to change my delivery address please", ["delivery address", "change"]),
        ("hi, thanks!", []),
        ("4711 and 12", []),
        ("refund. Refund! REFUND?", ["refund"]),
        ("a b\nc d", ["c d", "b"]),
        ("", []),
    ],
)
def test_phrases(text: str, expected: list[str]) -> None:
    assert found(text) == expected


def test_other_languages_have_their_own_stop_words() -> None:
    assert [phrase for phrase, _ in keywords("wo ist meine Bestellung", GERMAN)] == ["bestellung"]


def test_a_run_without_stop_words_is_no_phrase() -> None:
    assert found("alpha beta gamma delta epsilon") == []


def test_no_more_than_asked_for() -> None:
    assert found("red, green, blue", limit=2) == ["red", "green"]
    assert found("red", limit=0) == []


@given(st.text(), st.integers(-1, 9))
def test_scores_fall_and_phrases_differ(text: str, limit: int) -> None:
    ranked = keywords(text, ENGLISH, limit)
    assert len(ranked) <= max(0, limit)
    assert [score for _, score in ranked] == sorted((score for _, score in ranked), reverse=True)
    assert len({phrase for phrase, _ in ranked}) == len(ranked)
    assert all(not ENGLISH & {phrase} and score >= 1 for phrase, score in ranked)
