"""What words hint at, and how little of it few words say."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.personality import KINDS, LANGUAGES, MARKERS, MAX_CHARACTERS, NOTHING, RATES, added, counted, indicators

CHAT = {
    "I'm so worried, I cry every day and I hate myself": ("neuroticism", 1),
    "we had such fun together, my friends are great and everyone was happy": ("extraversion", 1),
    "maybe, perhaps, no, I don't know, might be nothing": ("extraversion", -1),
    "thank you, that is lovely, we really appreciate it, great": ("agreeableness", 1),
    "this is bullshit, you stupid idiot, I hate this damn useless crap": ("agreeableness", -1),
    "the plan is complete, I prepared the schedule and finished ahead of the deadline": ("conscientiousness", 1),
    "I wonder about the meaning of the difference between an interesting theory and the idea in it": ("openness", 1),
}


@pytest.mark.parametrize(("text", "expected"), CHAT.items())
def test_markers_point_the_way_the_papers_say(text: str, expected: tuple[str, int]) -> None:
    trait, sign = expected
    found = indicators(counted(text, "en"))
    assert found[trait] * sign > 0.1
    again = counted(" ".join([text] * 10), "en")
    assert indicators(again)[trait] * sign > found[trait] * sign, "more words say more"


@settings(deadline=None)
@given(st.text(max_size=200), st.text(max_size=200))
def test_counts_add_up_and_indicators_stay_in_their_range(one: str, other: str) -> None:
    both = added(counted(one, "en"), counted(other, "en"))
    assert both == counted(f"{one} {other}", "en")
    found = indicators(both)
    assert tuple(found) == ("openness", "conscientiousness", "extraversion", "agreeableness", "neuroticism")
    assert all(math.isfinite(value) and -1 < value < 1 for value in found.values())


def test_who_has_said_nothing_is_nobody_in_particular() -> None:
    assert set(indicators(NOTHING).values()) == {0.0}
    assert counted("je suis très inquiet", "fr") == NOTHING


def test_one_word_says_little() -> None:
    for text in ("no", "hi", "thanks", "4711"):
        assert all(abs(value) < 0.15 for value in indicators(counted(text, "en")).values()), text


def test_who_uses_every_kind_as_often_as_others_stands_in_the_middle() -> None:
    usual = (10_000, *(round(10_000 * RATES[kind]) for kind in KINDS))
    assert all(abs(value) < 0.02 for value in indicators(usual).values())


def test_a_story_is_read_up_to_its_bound() -> None:
    assert counted("no " * MAX_CHARACTERS, "en") == counted("no " * MAX_CHARACTERS * 2, "en")


def test_every_marker_is_a_kind_with_a_rate() -> None:
    assert set(RATES) == set(KINDS)
    assert all(set(marks) <= set(KINDS) and set(marks.values()) <= {1, -1} for marks in MARKERS.values())
    assert frozenset({"en"}) == LANGUAGES
