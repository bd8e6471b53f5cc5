"""How much of a question's words stand in which rows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.knowledge.coverage import Stems
from server.knowledge.words import stems, weight

WORDS = st.sampled_from(["apple", "banana", "cherry", "damson", "elder", "fennel", "garlic"])
TEXTS = st.lists(st.lists(WORDS, max_size=5).map(" ".join), max_size=8)


def plainly(question: str, texts: list[str], text: str) -> float:
    """The definition, word by word."""
    weights = {one: weight(sum(one in stems(other) for other in texts), len(texts)) for one in stems(question)}
    total = sum(weights.values())
    return sum(weights[one] for one in weights if one in stems(text)) / total if total else 0.0


@given(TEXTS, st.lists(WORDS, max_size=4).map(" ".join))
def test_it_is_the_weighted_share(texts: list[str], question: str) -> None:
    places = list(range(len(texts)))[::-1]
    found = Stems(enumerate(texts)).coverage(question, places)
    assert found.tolist() == pytest.approx([plainly(question, texts, texts[place]) for place in places])


@given(TEXTS, TEXTS, WORDS)
def test_what_is_taken_over_says_the_same_as_what_is_read_anew(one: list[str], more: list[str], question: str) -> None:
    before = Stems(enumerate(one))
    texts = list(enumerate([*one, *more]))[len(one) // 2 :]
    places = list(range(len(texts)))
    taken = Stems(texts, before).coverage(question, places)
    assert taken.tolist() == Stems(texts).coverage(question, places).tolist()


def test_rare_words_weigh_more() -> None:
    texts = ["common rare", "common", "common", "common"]
    covered = Stems(enumerate(texts)).coverage("common rare", [0, 1])
    assert covered[0] == 1.0 and covered[1] < 0.2
