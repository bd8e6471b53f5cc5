"""Phrases as written in files: checked, conditioned, filled in."""

from __future__ import annotations

import pytest

from adapters.traits import TRAIT_NAMES
from inference.documents import Place
from server.chat.writer.conditions import Level, Moment, level
from server.chat.writer.errors import PhraseError
from server.chat.writer.phrase import Phrase, make_phrase, parse_phrase, style_text

AT = Place("my.yaml", "phrases.core[1]", PhraseError)


def moment(slots: dict[str, str] | None = None, **changes: str) -> Moment:
    """A moment in the middle of everything; ``changes`` are trait levels."""
    levels: dict[str, Level] = dict.fromkeys(TRAIT_NAMES, "medium")
    for name, value in changes.items():
        levels[name] = "low" if value == "low" else "high"
    return Moment("question", "negative", "anger", False, levels, slots or {})


def parsed(value: object) -> Phrase:
    return parse_phrase("core", value, AT)


@pytest.mark.parametrize(("value", "expected"), [(0.0, "low"), (0.39, "low"), (0.4, "medium"), (0.6, "high")])
def test_levels_of_traits(value: float, expected: str) -> None:
    assert level(value) == expected


def test_a_phrase_fits_only_when_its_slots_can_be_filled() -> None:
    phrase = parsed("About {order}, then.")
    assert not phrase.fits(moment())
    assert phrase.fits(moment({"order": "order #1"}))
    assert phrase.say(0, {"order": "order #1"}) == "About order #1, then."


def test_a_slot_at_the_start_gets_a_capital() -> None:
    assert parsed("{topic} it is. {need} comes next.").say(0, {"topic": "a transfer", "need": "the day"}) == (
        "A transfer it is. The day comes next."
    )


def test_very_takes_the_word_or_vanishes() -> None:
    phrase = parsed("That's {very} useful.")
    assert phrase.say(2, {"very": "most"}) == "That is most useful."
    assert phrase.say(0, {"very": ""}) == "That's useful."


@pytest.mark.parametrize(
    ("when", "fits"),
    [
        ({"mood": "negative"}, True),
        ({"mood": ["neutral", "positive"]}, False),
        ({"emotion": "anger"}, True),
        ({"emotion": "joy"}, False),
        ({"kind": "question"}, True),
        ({"kind": ["request", "complaint"]}, False),
        ({"turn": "later"}, True),
        ({"turn": "first"}, False),
        ({"formality": "high"}, True),
        ({"formality": "low"}, False),
        ({"humor": ["low", "medium"]}, True),
        ({"with": "order"}, True),
        ({"with": ["order", "date"]}, False),
        ({"without": "order"}, False),
        ({"without": ["date", "time"]}, True),
        ({"mood": "negative", "humor": "high"}, False),
    ],
)
def test_conditions(when: dict[str, object], fits: bool) -> None:
    phrase = parsed({"say": "Right.", "when": when})
    assert phrase.fits(moment({"order": "order #1"}, formality="high")) is fits


def test_sentences_and_questions_are_counted() -> None:
    phrase = parsed("[Hm|Well]. That's one… Is it?")
    assert (phrase.sentences, phrase.asks) == (3, True)
    assert not parsed("It costs 3.50 a day.").asks
    assert parsed("It costs 3.50 a day.").sentences == 1


def test_the_id_depends_on_pool_and_text_only() -> None:
    assert make_phrase("core", "Right.").id == parsed("  Right. ").id
    assert make_phrase("next", "Right.").id != parsed("Right.").id
    assert make_phrase("core", "Wrong.").id != parsed("Right.").id


@pytest.mark.parametrize(
    ("value", "problem", "remedy"),
    [
        (None, "this is no text", "Write a sentence"),
        (7, "this is no text", "Write a sentence"),
        ("  ", "this is no text", "Write a sentence"),
        ({"when": {"mood": "negative"}}, "this is no text", "say:"),
        ({"sai": "Right."}, "unknown key 'sai'", "'say'"),
        ({"say": "Right.", "when": {}}, "'when' is not a mapping", "{formality: high"),
        ({"say": "Right.", "when": {"moood": "negative"}}, "unknown condition 'moood'", "'mood'"),
        ({"say": "Right.", "when": {"mood": "negativ"}}, "'mood' can't be 'negativ'", "'negative'"),
        ({"say": "Right.", "when": {"mood": []}}, "'mood' is an empty list", "Name a value"),
        ({"say": "Right.", "when": {"humor": 0.7}}, "'humor' can't be 0.7", "low, medium, high"),
        ({"say": "Right.", "when": {"without": "ordr"}}, "'without' can't be 'ordr'", "'order'"),
        ("About {ordr}.", "unknown slot {ordr}", "'order'"),
        ("About {order.", "unpaired { }", "{topic}"),
        ("[Hi|Hello.", "unpaired or nested [ ]", "[casual|formal]"),
        ("[Hi|[Hey|Hello]].", "unpaired or nested [ ]", "[casual|formal]"),
        ("[Hi] there.", "[Hi] has 1 alternatives", "two or three"),
        ("[a|b|c|d] there.", "[a|b|c|d] has 4 alternatives", "two or three"),
        ("No end", "the sentence has no end", "'.', '!' or '?'"),
        ("One. [Two.|two]", "the sentence has no end", "'.', '!' or '?'"),
        ("How so? Tell me.", "a question stands before the end", "Ask at the end"),
        ("Why? What?", "a question stands before the end", "only once"),
        ("That's {very}useful.", "{very} is not followed by a space", "adjective"),
        ("a" * 401 + ".", "402 characters are too many", "Split it"),
    ],
)
def test_a_bad_phrase_is_told_with_place_and_remedy(value: object, problem: str, remedy: str) -> None:
    with pytest.raises(PhraseError) as caught:
        parsed(value)
    error = caught.value
    assert (error.file, error.problem.split(". ")[0]) == ("my.yaml", error.problem)
    assert error.entry.startswith("phrases.core[1]")
    assert problem in error.problem
    assert remedy in error.remedy
    assert str(error) == f"my.yaml: {error.entry}: {error.problem}. {error.remedy}"


@pytest.mark.parametrize(
    ("text", "may_ask", "expected"),
    [
        ("Sure thing", False, "Sure thing."),
        ("Okay,", False, "Okay."),
        ("In short:", False, "In short:"),
        ("Hi 👋", False, "Hi 👋"),
        ("Hey! What's up?", False, "Hey!"),
        ("What's up?", False, ""),
        ("Anything else?", True, "Anything else?"),
        ("Another one? I'm on a roll.", True, "I'm on a roll."),
        ("There you go. Anything else?", True, "There you go. Anything else?"),
        ("What?! Really?", True, ""),
    ],
)
def test_style_words_become_whole_sentences(text: str, may_ask: bool, expected: str) -> None:
    assert style_text(text, may_ask) == expected
