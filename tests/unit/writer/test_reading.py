"""What an analysis means for the answer."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from inference.analysis import Act, Analysis, Entity
from server.chat.writer.reading import Reading, emotion_of, entity_slots, mood_of, read
from tests.unit.writer.support import analysis, book, situation


def reading(found: Analysis, **given: Any) -> Reading:
    return read(situation(found, **given), book(), "", random.Random(0))


@pytest.mark.parametrize(
    ("score", "feeling", "mood"),
    [
        (-0.25, ("neutral", 1.0), "negative"),
        (-0.24, ("neutral", 1.0), "neutral"),
        (0.0, ("anger", 0.6), "negative"),
        (0.0, ("anger", 0.4), "neutral"),
        (0.2, ("fear", 0.9), "neutral"),
        (0.25, ("neutral", 1.0), "positive"),
    ],
)
def test_mood(score: float, feeling: tuple[str, float], mood: str) -> None:
    assert mood_of(analysis(score=score, feeling=feeling)) == mood


@pytest.mark.parametrize(
    ("score", "feeling", "emotion"),
    [
        (-0.5, ("anger", 0.6), "anger"),
        (-0.5, ("joy", 0.9), "neutral"),
        (0.5, ("joy", 0.6), "joy"),
        (0.5, ("sadness", 0.6), "neutral"),
        (-0.5, ("anger", 0.3), "neutral"),
        (-0.5, ("sadness", 0.6), "sadness"),
    ],
)
def test_emotion_goes_with_the_mood(score: float, feeling: tuple[str, float], emotion: str) -> None:
    found = analysis(score=score, feeling=feeling)
    assert emotion_of(found, mood_of(found)) == emotion


@pytest.mark.parametrize(
    ("score", "name", "share", "emotion"),
    [
        (-0.5, "anger", 0.4, "anger"),
        (-0.2, "anger", 0.4, "neutral"),
        (-0.2, "anger", 0.5, "anger"),
        (-0.5, "sadness", 0.4, "neutral"),
        (-0.5, "fear", 0.59, "neutral"),
        (-0.5, "fear", 0.6, "fear"),
    ],
)
def test_a_wrong_condolence_is_worse_than_none(score: float, name: str, share: float, emotion: str) -> None:
    rest = (1.0 - share) / 2
    found = replace(analysis(score=score), emotions={name: share, "neutral": rest, "surprise": rest})
    assert emotion_of(found, "negative") == emotion


def test_without_emotions_none_is_dominant() -> None:
    assert emotion_of(replace(analysis(), emotions={}), "negative") == "neutral"


@pytest.mark.parametrize(
    ("intent", "act", "numbers", "kind"),
    [
        ("greeting", "greeting", {}, "greeting"),
        ("greeting", "question", {}, "greeting"),
        ("thank_you", "thanks", {}, "thanks"),
        ("thank_you", "thanks", {"score": -0.6}, "complaint"),
        ("thank_you", "complaint", {"score": -0.6}, "complaint"),
        ("goodbye", "goodbye", {}, "goodbye"),
        ("yes", "affirm", {}, "affirm"),
        ("no", "deny", {}, "deny"),
        ("oos", "thanks", {"oos": 0.9}, "thanks"),
        ("tell_joke", "thanks", {"confidence": 0.6}, "thanks"),
        ("order_status", "greeting", {"confidence": 0.9}, "other"),
        ("order_status", "question", {}, "question"),
        ("order_status", "request", {}, "request"),
        ("order_status", "complaint", {}, "complaint"),
        ("order_status", "other", {}, "other"),
        ("order_status", "question", {"confidence": 0.39}, "clarification"),
        ("order_status", "question", {"oos": 0.5, "confidence": 0.69}, "out_of_scope"),
        ("order_status", "question", {"oos": 0.84, "confidence": 0.7}, "question"),
        ("order_status", "question", {"oos": 0.85, "confidence": 0.99}, "out_of_scope"),
        ("order_status", "question", {"oos": 0.49, "confidence": 0.41}, "question"),
        ("thank_you", "request", {"oos": 0.96, "confidence": 0.77}, "out_of_scope"),
        ("oos", "other", {"oos": 0.95}, "clarification"),
        ("oos", "other", {"oos": 0.95, "score": 0.5, "feeling": ("joy", 0.9)}, "praise"),
        ("thank_you", "other", {"oos": 0.7, "score": 0.9, "feeling": ("joy", 0.9)}, "praise"),
        ("change_speed", "other", {"oos": 0.89, "score": 0.9, "feeling": ("surprise", 0.7)}, "praise"),
        ("thank_you", "thanks", {"oos": 0.7, "score": 0.9, "feeling": ("joy", 0.9)}, "thanks"),
        ("oos", "question", {"oos": 0.95, "score": 0.5, "feeling": ("joy", 0.9)}, "out_of_scope"),
        ("oos", "other", {"oos": 0.95, "score": -0.5, "feeling": ("sadness", 0.9)}, "other"),
        ("oos", "other", {"oos": 0.95, "score": -0.5, "feeling": ("fear", 0.9)}, "other"),
        ("oos", "other", {"oos": 0.95, "score": -0.5, "feeling": ("anger", 0.9)}, "complaint"),
        ("oos", "question", {}, "out_of_scope"),
        ("oos", "complaint", {"oos": 0.9}, "complaint"),
        ("oos", "other", {"oos": 0.9, "score": -0.7}, "complaint"),
        ("oos", "other", {"oos": 0.9, "language": "de"}, "other_language"),
        ("order_status", "question", {"language": "de"}, "question"),
    ],
)
def test_kind(intent: str, act: Act, numbers: dict[str, Any], kind: str) -> None:
    assert reading(analysis(intent, act, **numbers)).moment.kind == kind


def test_asking_for_a_person_outweighs_everything() -> None:
    found = reading(analysis("oos", "other", oos=0.9), text="just let me talk to a human", previous="order_status")
    assert found.moment.kind == "handover"
    assert found.intent is book().intents["order_status"]


@pytest.mark.parametrize(
    ("act", "numbers"), [("other", {"oos": 0.9}), ("other", {"confidence": 0.2}), ("affirm", {"confidence": 0.9})]
)
def test_a_bare_detail_goes_with_the_previous_topic(act: Act, numbers: dict[str, float]) -> None:
    intent = "yes" if act == "affirm" else "routing"
    found = analysis(intent, act, entities=(("order_id", "4711"),), **numbers)  # type: ignore[arg-type]
    told = reading(found, text="yes, it's 4711", previous="order_status")
    assert told.moment.kind == "information"
    assert told.intent is book().intents["order_status"]
    assert "need" not in told.moment.slots
    assert reading(found, text="yes, it's 4711", previous=None).moment.kind != "information"
    assert reading(found, text="yes, it's 4711", previous="tell_joke").moment.kind != "information"
    long = "so then I looked again and there it was 4711 in the mail"
    assert reading(replace(found, act="question"), text=long, previous="order_status").moment.kind != "information"


def test_an_unsure_text_offers_the_two_likeliest_service_topics() -> None:
    found = reading(analysis("pay_bill", "question", confidence=0.3, second=("transfer", 0.2)))
    assert (found.moment.slots["topic"], found.moment.slots["other_topic"]) == ("paying a bill", "a transfer")
    alone = reading(analysis("pay_bill", "question", confidence=0.3, second=("transfer", 0.05)))
    assert "other_topic" not in alone.moment.slots
    chat = reading(analysis("tell_joke", "question", confidence=0.3, second=("greeting", 0.2)))
    assert chat.intent is None
    assert "topic" not in chat.moment.slots


def test_an_intent_that_no_file_knows_is_named_by_its_own_name() -> None:
    found = reading(analysis("return-order_EU", "request"))
    assert found.moment.slots["topic"] == "return order EU"
    assert reading(analysis("__", "request")).intent is None


def test_serious_topics_are_grave_and_negative_even_when_told_calmly() -> None:
    found = reading(analysis("report_fraud", "question", score=0.1))
    assert (found.grave, found.moment.mood, found.moment.emotion) == (True, "negative", "fear")
    assert reading(analysis("report_fraud", "question", score=-0.6, feeling=("anger", 0.8))).moment.emotion == "anger"
    assert not reading(analysis("order_status", "question", score=0.1)).grave
    assert reading(analysis("order_status", "complaint", score=0.1)).grave


def test_the_same_topic_again_is_noticed() -> None:
    assert reading(analysis(), previous="order_status").repeated
    assert not reading(analysis(), previous="order").repeated
    assert not reading(analysis(), previous=None).repeated


@pytest.mark.parametrize(
    ("intent", "text", "topic"),
    [
        ("pay_bill", "I want my money back NOW", "refund"),
        ("pay_bill", "I want to pay my bill", "pay_bill"),
        ("greeting", "hi, how are you?", "how_are_you"),
        ("are_you_a_bot", "Who are you?", "are_you_a_bot"),
    ],
)
def test_an_intent_that_shops_seldom_hear_yields_to_words(intent: str, text: str, topic: str) -> None:
    unsure = intent == "are_you_a_bot"
    found = analysis(intent, "question", confidence=0.35 if unsure else 0.98, oos=0.83 if unsure else 0.04)
    about = reading(found, text=text).intent
    assert about is not None and about.name == topic


def test_urgent_and_hostile_have_thresholds() -> None:
    found = reading(analysis(urgency=0.7, toxicity=0.69))
    assert (found.urgent, found.hostile) == (True, False)


@pytest.mark.parametrize(
    ("kind", "text", "slot", "words"),
    [
        ("order_id", "#4711", "order", "order #4711"),
        ("order_id", "order 4711", "order", "order 4711"),
        ("order_id", "Order no. A-77", "order", "order A-77"),
        ("order_id", "ORDER-77", "order", "order ORDER-77"),
        ("amount", "$49.99.", "amount", "$49.99"),
        ("date", "next\n Friday,", "date", "next Friday"),
        ("date", "Tomorrow", "date", "Tomorrow"),
        ("product", "iPhone 15", "product", "iPhone 15"),
        ("email", "a@b.example", "email", "a@b.example"),
    ],
)
def test_entities_become_words(kind: str, text: str, slot: str, words: str) -> None:
    assert entity_slots((Entity(kind, text, 0, len(text)),)) == {slot: words}


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("order_id", "order"),
        ("date", "?"),
        ("amount", "9" * 41),
        ("url", "https://a.example"),
        ("date", "a\x00b"),
        ("date", "Today"),
        ("payment_card", "4111111111111111"),
        ("iban", "DE89370400440532013000"),
    ],
)
def test_entities_that_would_break_a_sentence_are_left_out(kind: str, text: str) -> None:
    assert entity_slots((Entity(kind, text, 0, len(text)),)) == {}


def test_the_first_of_two_orders_is_named() -> None:
    found = entity_slots((Entity("order_id", "#1", 0, 2), Entity("order_id", "#2", 3, 5)))
    assert found == {"order": "order #1"}


def test_known_details_count_only_on_their_own_topic() -> None:
    known = {"order": "order #4711", "topic": "a trap"}
    again = reading(analysis(), previous="order_status", known=known)
    assert again.moment.slots["order"] == "order #4711"
    assert again.moment.slots["topic"] == "the status of your order"
    assert "need" not in again.moment.slots
    assert "order" not in reading(analysis("order"), previous="order_status", known=known).moment.slots
    newer = analysis(entities=(("order_id", "#5"),))
    assert reading(newer, previous="order_status", known=known).moment.slots["order"] == "order #5"


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("Anna", "Anna"),
        ("  Anna  Lena ", "Anna Lena"),
        ("Seán O'Brien-Łuk", "Seán O'Brien-Łuk"),
        ("Guest 4711", None),
        ("customer", None),
        ("4711", None),
        ("Bob! Free money", None),
        ("{order}", None),
        ("x" * 60, None),
        ("", None),
        (None, None),
    ],
)
def test_only_a_likely_name_is_used(name: str | None, known: str | None) -> None:
    assert reading(analysis(), name=name).moment.slots.get("name") == known


LOST: dict[str, Any] = {"confidence": 0.1, "oos": 0.95}


@pytest.mark.parametrize("text", ["asdfgh", "Canada?", "?", "qwe rtz"])
def test_a_foreign_fragment_is_asked_about(text: str) -> None:
    found = reading(analysis("no", "question", second=("order", 0.2), **LOST), text=text)
    assert found.moment.kind == "clarification"
    assert found.intent is None


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("4711", "order 4711"),
        ("it's 4711", "order 4711"),
        ("#A-5512.", "order #A-5512"),
        ("my order number is 55-231, sorry", "order 55-231"),
        ("47", None),
        ("medium", None),
        ("4711 4712", None),
        ("I have 4711 cats", None),
        ("x" * 40 + "123", None),
    ],
)
def test_a_bare_number_answers_the_question_for_it(text: str, order: str | None) -> None:
    found = analysis("calculator", "question", **LOST)
    slots = reading(found, text=text, previous="order_status").moment.slots
    assert slots.get("order") == order
    assert "order" not in reading(found, text=text, previous="website_problem").moment.slots
    assert "order" not in reading(found, text=text, previous=None).moment.slots


def test_a_bare_number_does_not_replace_a_known_one() -> None:
    found = reading(analysis("x", "other", **LOST), text="4711", previous="order_status", known={"order": "order #5"})
    assert found.moment.slots["order"] == "order #5"
    assert found.named == frozenset()


def test_a_bare_detail_outweighs_a_sure_model() -> None:
    found = analysis("order", "request", confidence=0.98, entities=(("order_id", "99812"),))
    told = reading(found, text="order 99812", previous="refund")
    assert told.moment.kind == "information"
    assert told.intent is book().intents["refund"]
    assert reading(found, text="order 99812 again", previous="refund").moment.kind == "request"


@pytest.mark.parametrize(
    ("text", "act", "score", "kind"),
    [
        ("how long will it take?", "question", 0.0, "question"),
        ("still nothing", "complaint", -0.5, "complaint"),
        ("the blue scarf", "other", 0.6, "information"),
        ("no error just closes", "deny", -0.4, "information"),
        ("no", "deny", 0.0, "deny"),
    ],
)
def test_what_the_model_cannot_place_goes_on_about_the_topic(text: str, act: Act, score: float, kind: str) -> None:
    found = reading(analysis("x", act, score=score, **LOST), text=text, previous="refund")
    assert found.moment.kind == kind
    assert found.intent is (None if kind == "deny" else book().intents["refund"])


@pytest.mark.parametrize("previous", [None, "tell_joke", "weather"])
def test_only_a_service_topic_is_gone_on_with(previous: str | None) -> None:
    found = analysis("x", "question", **LOST)
    assert reading(found, text="how long will it take?", previous=previous).moment.kind == "out_of_scope"


def test_another_question_is_not_taken_for_a_follow_up() -> None:
    found = reading(analysis("x", "question", **LOST), text="what is the capital of France?", previous="refund")
    assert (found.moment.kind, found.intent) == ("out_of_scope", None)


def test_another_language_is_no_follow_up() -> None:
    found = analysis("x", "other", language="de", **LOST)
    assert reading(found, text="und jetzt, was ist das now", previous="refund").moment.kind == "other_language"
