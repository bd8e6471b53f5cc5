"""Urgency, politeness and toxicity by rules: ranges for plain examples, orders between pairs, bounds for any text."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference import lexical
from inference.lexical import Cues
from inference.lexicon import Lexicon
from tests.unit.inference.support import LEXICON

Score = Callable[[Cues], float]

URGENCY: list[tuple[str, float, float]] = [
    ("where is my order #4711???", 0.05, 0.4),
    ("this is ridiculous, I want my money back NOW", 0.5, 0.9),
    ("thanks a lot!", 0.0, 0.05),
    ("hi", 0.0, 0.0),
    ("i need help ASAP!!!", 0.8, 1.0),
    ("this is an emergency, my card was stolen", 0.85, 1.0),
    ("please cancel it immediately", 0.6, 0.9),
    ("urgnet: please call me back right away", 0.7, 1.0),
    ("no rush, but could you look at my ticket", 0.0, 0.1),
    ("it's not urgent, take your time", 0.0, 0.1),
    ("thanks for fixing this so quickly", 0.0, 0.2),
    ("what is your favourite colour", 0.0, 0.05),
    ("🚨🚨 site is down", 0.5, 1.0),
]

POLITENESS: list[tuple[str, float, float]] = [
    ("could you please help me change my address", 0.5, 1.0),
    ("thanks a lot!", 0.4, 1.0),
    ("hello, would you be so kind as to check my order?", 0.5, 1.0),
    ("sorry to bother you", 0.3, 1.0),
    ("where is my order", -0.1, 0.1),
    ("this is ridiculous, I want my money back NOW", -1.0, -0.4),
    ("you are useless idiots", -1.0, -0.8),
    ("shut up", -1.0, -0.7),
    ("do your job", -1.0, -0.4),
    ("no thanks", 0.1, 0.7),
    ("blue", 0.0, 0.0),
]

TOXICITY: list[tuple[str, float, float]] = [
    ("you are useless idiots", 0.8, 1.0),
    ("fuck you", 0.95, 1.0),
    ("f*ck off", 0.8, 1.0),
    ("shut up", 0.4, 0.8),
    ("go to hell", 0.6, 1.0),
    ("this shit is broken", 0.1, 0.45),
    ("damn, it works!", 0.0, 0.2),
    ("you are the best", 0.0, 0.0),
    ("I bought a shirt in Scunthorpe", 0.0, 0.0),
    ("please assist me with my class assignment", 0.0, 0.0),
    ("this is unacceptable", 0.0, 0.05),
    ("thanks a lot!", 0.0, 0.0),
    ("🖕", 0.7, 1.0),
]

TABLES: list[tuple[Score, list[tuple[str, float, float]]]] = [
    (lexical.urgency, URGENCY),
    (lexical.politeness, POLITENESS),
    (lexical.toxicity, TOXICITY),
]
ROWS = [(score, text, least, most) for score, table in TABLES for text, least, most in table]


@pytest.mark.parametrize(("score", "text", "least", "most"), ROWS, ids=[f"{r[0].__name__}: {r[1]}" for r in ROWS])
def test_table(lexicon: Lexicon, score: Score, text: str, least: float, most: float) -> None:
    assert least <= score(lexical.scan(text, lexicon)) <= most


@pytest.mark.parametrize(
    ("score", "less", "more"),
    [
        (lexical.urgency, "i need it today", "i need it right now"),
        (lexical.urgency, "i need this now", "i need this NOW"),
        (lexical.urgency, "where is it", "WHERE IS IT"),
        (lexical.urgency, "where is it?", "where is it???"),
        (lexical.urgency, "help me!", "help me!!!"),
        (lexical.politeness, "change my address", "please change my address"),
        (lexical.politeness, "thanks", "thank you very much"),
        (lexical.politeness, "where is it?!?!?!", "where is it?"),
        (lexical.toxicity, "the app is stupid", "you are stupid"),
        (lexical.toxicity, "you are stupid", "YOU ARE STUPID"),
    ],
)
def test_one_says_more_than_the_other(lexicon: Lexicon, score: Score, less: str, more: str) -> None:
    assert score(lexical.scan(less, lexicon)) < score(lexical.scan(more, lexicon))


def test_a_bad_mood_and_an_urgent_intent_add_urgency() -> None:
    cues = lexical.scan("i lost my wallet", LEXICON)
    assert 0 == lexical.urgency(cues) < lexical.urgency(cues, sentiment_score=-0.8)
    assert lexical.urgency(cues, intent_urgency=0.5) == pytest.approx(0.5)


def test_a_bad_mood_takes_politeness() -> None:
    cues = lexical.scan("fine then", LEXICON)
    assert lexical.politeness(cues, sentiment_score=-0.9) < lexical.politeness(cues)


def test_a_longer_phrase_counts_instead_of_its_parts() -> None:
    assert lexical.scan("not urgent", LEXICON).urgency == 0
    assert lexical.scan("thank you so much", LEXICON).marks == ("thanks", "thanks", "filler", "filler")


def test_overlapping_phrases_both_count() -> None:
    cues = lexical.scan("been waiting for hours", LEXICON)
    assert cues.urgency == pytest.approx(1 - (1 - 0.3) * (1 - 0.4))


def test_question_marks_inside_an_address_do_not_ask() -> None:
    assert lexical.scan("see https://example.com/?q=1", LEXICON).questions == 0
    assert lexical.scan("really?! (really??)", LEXICON).questions == 2


@given(st.text() | st.lists(st.sampled_from([*LEXICON.entries, "!!!", "???", "NOW", "😡", "🙏"])).map(" ".join))
def test_scores_stay_in_their_ranges(text: str) -> None:
    cues = lexical.scan(text, LEXICON)
    for mood in (-1.0, 0.0, 1.0):
        assert 0 <= lexical.urgency(cues, intent_urgency=1.0, sentiment_score=mood) <= 1
        assert -1 <= lexical.politeness(cues, sentiment_score=mood) <= 1
    assert 0 <= lexical.toxicity(cues) <= 1
    assert len(cues.words) == len(cues.marks)


@given(st.lists(st.sampled_from(sorted(LEXICON.entries)), max_size=12))
def test_swearing_never_makes_a_text_kinder(words: list[str]) -> None:
    text = " ".join(words)
    before, after = lexical.scan(text, LEXICON), lexical.scan(f"{text}, idiots", LEXICON)
    assert lexical.toxicity(after) >= lexical.toxicity(before)
    assert lexical.politeness(after) <= lexical.politeness(before)
