"""Topics told by their words: how words are compared, and when they count."""

from __future__ import annotations

import random
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.analysis import Act, Analysis
from server.chat.writer import PhraseError, lint, parse_phrases
from server.chat.writer.reading import Reading, read
from server.chat.writer.words import plain_words, word_topics
from tests.unit.writer.labels import INTENTS
from tests.unit.writer.support import analysis, book, documents, situation


def found(text: str, *words: str) -> bool:
    return word_topics(dict.fromkeys(words, "topic")).find(text) == "topic"


@pytest.mark.parametrize(
    ("text", "words", "yes"),
    [
        ("REFUND!!", "refund", True),
        ("a refund, please", "refund", True),
        ("refunds", "refund", False),
        ("refunds", "refund*", True),
        ("prerefund", "refund*", False),
        ("it doesn’t fit", "doesnt fit", True),
        ("it doesnt fit", "doesnt fit", True),
        ("cancel my last three big orders", "cancel ... order*", True),
        ("cancel order", "cancel ... order", True),
        ("cancel one two three four order", "cancel ... order", True),
        ("cancel one two three four five order", "cancel ... order", False),
        ("order to cancel", "cancel ... order", False),
        ("where's my_parcel", "my parcel", True),
        ("money-back", "money back", True),
        ("", "refund", False),
        ("Ich möchte zurück", "möchte zurück", True),
    ],
)
def test_how_words_are_compared(text: str, words: str, yes: bool) -> None:
    assert found(text, words) is yes


def test_more_words_win_then_the_longer() -> None:
    topics = word_topics({"refund": "money", "how long ... refund": "time", "order": "order", "return": "back"})
    assert topics.find("how long does a refund take") == "time"
    assert topics.find("refund my order") == "money"
    assert topics.find("order a return") == "back"
    assert topics.find("nothing of that") is None


def test_without_words_no_topic_is_told() -> None:
    assert word_topics({}).find("refund") is None


SHIPPED = sorted(
    words
    for file in documents().values()
    for intent in cast("dict[str, Any]", file).get("intents", {}).values()
    for words in intent.get("words", ())
)


@given(st.sampled_from(SHIPPED), st.text(max_size=30), st.lists(st.sampled_from(["uh", "um", "er"]), max_size=4))
def test_words_are_found_wherever_they_stand(words: str, around: str, between: list[str]) -> None:
    """With up to four words in a gap, any ending for a stem, and any text around."""
    written = words.replace("...", " ".join(between)).replace("*", "ish")
    text = f"{around} {written} {around}"
    assert found(text, words)


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        ("when will it arrive then?", "delivery_time"),
        ("when will my parcel arrive", "order_status"),
        ("when does my refund arrive", "refund_time"),
        ("who am I talking to?", "are_you_a_bot"),
    ],
)
def test_what_words_tell(text: str, topic: str) -> None:
    told = book().topic_of(text)
    assert told is not None and told.name == topic


@given(st.text(max_size=200))
def test_any_text_is_searched(text: str) -> None:
    told = book().topic_of(text)
    assert told is None or told.by_words


@given(
    st.sampled_from([("refund",), ("opening", "hours"), ("promo", "code"), ("charged", "me", "twice")]),
    st.sampled_from([" ", ", ", "  ", " - ", "\n", "_"]),
    st.sampled_from(["", "!!", "?", "…", " 🙂"]),
    st.booleans(),
)
def test_case_space_and_punctuation_do_not_matter(words: tuple[str, ...], between: str, after: str, loud: bool) -> None:
    text = between.join(words) + after
    plain = book().topic_of(" ".join(words))
    assert plain is not None
    assert book().topic_of(text.upper() if loud else text) is plain


@given(st.text(max_size=60))
def test_plain_words_stay_plain(text: str) -> None:
    assert plain_words(plain_words(text)) == plain_words(text)


# ------------------------------------------------------------------ files


def parsed(words: list[Any], **more: Any) -> dict[str, Any]:
    intent = {"topic": "lamps", "core": ["Lamps are bright."], "words": words, **more}
    return {**documents(), "zz.yaml": {"domain": "shop", "intents": {"lamp": intent}}}


@pytest.mark.parametrize(
    ("words", "problem", "remedy"),
    [
        (["lamp", "... lamp"], "'... lamp' has no word where one is needed", "both sides of '...'"),
        (["lamp", "!?"], "'!?' has no word", "Write a word"),
        (["lamp", "la*"], "'la*' would be found everywhere", "at least 3 letters"),
        (["lamp", 7], "this is no text", "Write words"),
        (["lamp", "Money  BACK"], "'money back' tells 'refund' already", "Keep it under one of the two"),
        (["lamp", "x" * 61], "61 characters are too many", "within 60"),
    ],
)
def test_bad_words_are_told_with_place_and_remedy(words: list[Any], problem: str, remedy: str) -> None:
    with pytest.raises(PhraseError) as caught:
        parse_phrases(parsed(words))
    assert (caught.value.file, caught.value.entry) == ("zz.yaml", "intents.lamp.words[2]")
    assert problem in caught.value.problem
    assert remedy in caught.value.remedy


def test_the_same_words_twice_under_one_topic_do_no_harm() -> None:
    assert parse_phrases(parsed(["lamp", "LAMP"])).topic_of("a lamp") is not None


def test_the_lint_wants_words_or_a_model_that_knows_the_topic() -> None:
    assert lint(parse_phrases(parsed(["lamp"])), INTENTS) == []
    files = parsed(["lamp"])
    del files["zz.yaml"]["intents"]["lamp"]["words"]
    assert len(lint(parse_phrases(files), INTENTS)) == 1


@pytest.mark.parametrize("name", ["follow_up_words", "detail_words"])
def test_general_word_lists_are_checked(name: str) -> None:
    with pytest.raises(PhraseError, match=f"zz.yaml: {name}"):
        parse_phrases({**documents(), "zz.yaml": {name: [3]}})


# ------------------------------------------------------------------ shipped topics


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        ("this is ridiculous, I want my money back NOW", "refund"),
        ("how long does a refund take?", "refund_time"),
        ("I'd like to return these shoes, they are too small", "return_item"),
        ("can i swap it for a medium", "exchange_item"),
        ("pls cancle my order", "cancel_order"),
        ("cancel my subscription immediately or I will sue you", "cancel_subscription"),
        ("help me to change my delivery address", "change_address"),
        ("do you ship to Canada?", "shipping"),
        ("what are your opening hours", "opening_hours"),
        ("the website doesn't work", "website_problem"),
        ("how do I reset my password?", "login_problem"),
        ("please send me an invoice", "invoice"),
        ("any promo codes?", "discount"),
        ("how much does it cost", "price"),
        ("is it still under warranty", "warranty"),
        ("I was charged twice for the same order", "double_charge"),
        ("there is an item missing", "missing_item"),
        ("the vase arrived broken", "damaged_item"),
        ("you sent me the wrong one", "wrong_item"),
        ("it says delivered but I never got it", "order_status"),
        ("my grandmother died and I need to cancel our trip", "cancel_reservation"),
        ("can u help me", "help"),
        ("what a lovely day", None),
    ],
)
def test_common_messages_are_recognised(text: str, topic: str | None) -> None:
    told = book().topic_of(text)
    assert (told.name if told is not None else None) == topic


# ------------------------------------------------------------------ words and the model


def reading(what: Analysis, **given: Any) -> Reading:
    return read(situation(what, **given), book(), "", random.Random(0))


@pytest.mark.parametrize(
    ("confidence", "oos", "topic"),
    [
        (0.2, 0.95, "refund"),
        (0.2, 0.1, "refund"),
        (0.69, 0.1, "refund"),
        (0.9, 0.5, "refund"),
        (0.7, 0.49, "card_declined"),
    ],
)
def test_a_confident_model_is_not_contradicted(confidence: float, oos: float, topic: str) -> None:
    what = analysis("card_declined", "request", confidence=confidence, oos=oos)
    intent = reading(what, text="I want a refund").intent
    assert intent is not None
    assert intent.name == topic


@pytest.mark.parametrize(
    ("act", "kind"),
    [
        ("question", "question"),
        ("request", "request"),
        ("complaint", "complaint"),
        ("other", "other"),
        ("greeting", "other"),
        ("deny", "other"),
        ("thanks", "thanks"),
        ("goodbye", "goodbye"),
    ],
)
def test_words_outweigh_a_hello_but_no_thanks(act: Act, kind: str) -> None:
    what = analysis("oos", act, confidence=0.1, oos=0.95)
    assert reading(what, text="hello, the refund, well").moment.kind == kind


def test_asking_for_a_person_names_the_topic_of_the_words() -> None:
    told = reading(
        analysis("oos", "request", oos=0.9), text="talk to a person about my refund", previous="order_status"
    )
    assert told.moment.kind == "handover"
    assert told.intent is book().intents["refund"]
