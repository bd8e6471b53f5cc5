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
    ],
)
def test_emotion_goes_with_the_mood(score: float, feeling: tuple[str, float], emotion: str) -> None:
    found = analysis(score=score, feeling=feeling)
    assert emotion_of(found, mood_of(found)) == emotion


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
        ("order_status", "question", {"oos": 0.5}, "out_of_scope"),
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
    assert reading(found, text="4711 " * 9, previous="order_status").moment.kind != "information"


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
    assert (found.grave, found.moment.mood) == (True, "negative")
    assert not reading(analysis("order_status", "question", score=0.1)).grave
    assert reading(analysis("order_status", "complaint", score=0.1)).grave


def test_the_same_topic_again_is_noticed() -> None:
    assert reading(analysis(), previous="order_status").repeated
    assert not reading(analysis(), previous="order").repeated
    assert not reading(analysis(), previous=None).repeated


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
        ("email", "a@b.example", "email", "a@b.example"),
    ],
)
def test_entities_become_words(kind: str, text: str, slot: str, words: str) -> None:
    assert entity_slots((Entity(kind, text, 0, len(text)),)) == {slot: words}


@pytest.mark.parametrize(
    ("kind", "text"),
    [("order_id", "order"), ("date", "?"), ("amount", "9" * 41), ("url", "https://a.example"), ("date", "a\x00b")],
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
