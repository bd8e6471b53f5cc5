"""Passages: cut at headings, plain text, ids that outlive edits."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from server.knowledge.passages import MAX_WORDS, cut, sentences
from tests.unit.knowledge.support import article

WORDS = st.text(alphabet="abcdefgh", min_size=1, max_size=8)
SENTENCE = st.lists(WORDS, min_size=1, max_size=30).map(lambda words: " ".join(words).capitalize() + ".")
PARAGRAPHS = st.lists(SENTENCE, min_size=1, max_size=12).map("\n\n".join)
HEADINGS = st.lists(st.tuples(st.integers(1, 4), WORDS), min_size=1, max_size=6)


def document(headings: list[tuple[int, str]], texts: list[str]) -> str:
    return "\n\n".join(f"{'#' * depth} {name}\n\n{text}" for (depth, name), text in zip(headings, texts, strict=True))


def ids(body: str) -> list[str]:
    return [passage.passage_id for passage in cut(article(body))]


def test_headings_make_the_ids() -> None:
    body = "Lead.\n\n# How to\nA.\n\n## By post\nB.\n\n# How to\nC.\n\n# Ünits & more!\nD.\n\n## 日本\nE."
    assert [(one.passage_id, one.heading, one.text) for one in cut(article(body))] == [
        ("returns", "", "Lead."),
        ("returns#how-to", "How to", "A."),
        ("returns#how-to/by-post", "How to › By post", "B."),
        ("returns#how-to~2", "How to", "C."),
        ("returns#ünits-more", "Ünits & more!", "D."),
        ("returns#ünits-more/日本", "Ünits & more! › 日本", "E."),
    ]


def test_the_title_repeated_is_no_section() -> None:
    assert [one.passage_id for one in cut(article("# Returns\nA.\n\n## B\nC."))] == ["returns", "returns#b"]


def test_marks_go_and_words_stay() -> None:
    body = (
        "You *can* [return](https://x) `it`\nsoon\n\n1. First\n2. **Second**\n   - inner\n\n"
        "| a | b |\n|---|---|\n| 1 | 2 |\n\n> quoted\n\n```\ncode here\n```"
    )
    (passage,) = cut(article(body))
    assert passage.text == "You can return it soon. 1) First. 2) Second. inner. a, b. 1, 2. quoted. code here."


def test_headings_alone_are_no_passages() -> None:
    assert cut(article("# A\n\n## B")) == ()


def test_long_sections_are_cut_into_counted_pieces() -> None:
    sentence = "One two three four five six seven eight nine ten. "
    passages = cut(article("# A\n" + sentence * 25))
    assert [one.passage_id for one in passages] == ["returns#a", "returns#a.2", "returns#a.3"]
    assert all(one.words <= MAX_WORDS for one in passages)


def test_very_long_headings_keep_apart() -> None:
    one, other = ids(f"# {'a ' * 90}b\nA.\n\n# {'a ' * 90}c\nB.")
    assert one != other and max(len(one), len(other)) < 100


@given(PARAGRAPHS)
def test_no_word_is_lost_or_made_up(text: str) -> None:
    assert " ".join(one.text for one in cut(article(text))).split() == text.split()


@given(PARAGRAPHS)
def test_sentences_joined_are_the_text(text: str) -> None:
    plain = " ".join(text.split())
    assert " ".join(sentences(plain)) == plain


@settings(max_examples=50)
@given(HEADINGS, st.data())
def test_ids_are_unique_and_outlive_edits_of_the_text(headings: list[tuple[int, str]], data: st.DataObject) -> None:
    short = SENTENCE.filter(lambda text: len(text.split()) <= MAX_WORDS)
    before, after = ([data.draw(short) for _ in headings] for _ in range(2))
    found = ids(document(headings, before))
    assert len(set(found)) == len(found) == len(headings)
    assert ids(document(headings, after)) == found


@settings(max_examples=50)
@given(HEADINGS, st.integers(0, 5))
def test_other_sections_change_no_id(headings: list[tuple[int, str]], place: int) -> None:
    """A new section at the end of the top level, of a name that was not there, leaves the others theirs."""
    texts = ["Text."] * len(headings)
    found = ids(document(headings, texts))
    more = ids(document([*headings, (1, "zzz")], [*texts, "New."]))
    assert more == [*found, "returns#zzz"]


@given(st.text(max_size=200))
def test_any_markdown_can_be_cut(text: str) -> None:
    body = "x " + re.sub(r"[\0\ud800-\udfff]", "", text)
    for passage in cut(article(body)):
        assert passage.text and "\n" not in passage.text
