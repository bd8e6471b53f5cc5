"""Flesch's score on texts whose syllables are known, and syllables against the dictionary's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.readability import FORMULAS, flesch_reading_ease, syllables

# Checked by hand against a dictionary.
SYLLABLES = {
    1: "the cat used closed called make makes quite friend field their great cream due please said months moved",
    2: "order refund password table wanted needed changes boxes wishes people hybrid nation question being science "
    "payment service language client patient review seeing going social special region million increase safely "
    "careful hello value issue create voucher damaged arrived item replace trying playing buying quiet every business "
    "rhythm little",
    3: "beautiful seemingly platypus idea ideas radio company customer opinion various delicious courageous "
    "previous replacement manager serious warranty guarantee piano actual area created element video subscription",
    4: "australian delivery available information usually experience",
    5: "immediately",
}


@pytest.mark.parametrize(("number", "words"), SYLLABLES.items())
def test_syllables(number: int, words: str) -> None:
    counted = {word: syllables(word) for word in words.split()}
    assert counted == dict.fromkeys(counted, number)


@pytest.mark.parametrize(
    ("word", "language", "number"),
    [
        ("Bestellung", "de", 3),
        ("dónde", "es", 2),
        ("grüße", "de", 2),
        ("città", "it", 2),
        ("été", "fr", 2),
        ("brr", "de", 1),
    ],
)
def test_syllables_of_other_languages_are_their_groups_of_vowels(word: str, language: str, number: int) -> None:
    assert syllables(word, language) == number


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The cat sat on the mat.", 206.835 - 1.015 * 6 - 84.6),
        ("The cat sat. The cat sat!", 206.835 - 1.015 * 3 - 84.6),
        ("the cat sat\non the mat", 206.835 - 1.015 * 3 - 84.6),
        ("This sentence, taken as a reading passage unto itself, is being used to prove a point.", 68.9825),
        ("It costs $4.50 in the U.S. today", 206.835 - 1.015 * 7 / 2 - 84.6 * 8 / 7),
    ],
)
def test_flesch(text: str, expected: float) -> None:
    assert flesch_reading_ease(text) == pytest.approx(expected)


def test_other_formulas() -> None:
    assert flesch_reading_ease("Die Katze ist da.", "de") == pytest.approx(180 - 4 - 58.5 * 5 / 4)


@pytest.mark.parametrize(("text", "language"), [("", "en"), ("4711 😂", "en"), ("где мой заказ", "ru"), ("?!", "de")])
def test_no_score(text: str, language: str) -> None:
    assert flesch_reading_ease(text, language) is None


@given(st.text(), st.sampled_from(sorted(FORMULAS)))
def test_any_text_has_a_score_or_none(text: str, language: str) -> None:
    score = flesch_reading_ease(text, language)
    assert score is None or score < 220


@given(st.text(min_size=1), st.sampled_from(["en", "de"]))
def test_a_word_has_a_syllable(word: str, language: str) -> None:
    assert syllables(word, language) >= 1
