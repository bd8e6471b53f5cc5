"""How an answer meets the customer's mood: sympathy that fits, or none."""

from __future__ import annotations

import random
from typing import Any

import pytest

from inference.analysis import Act, Analysis
from server.chat.writer import BuiltInWriter, Written
from tests.unit.writer.support import analysis, book, persona, personas, situation

WRITER = BuiltInWriter(book())
PERSONAS = sorted(personas())
LOST: dict[str, Any] = {"confidence": 0.1, "oos": 0.95}
MOODS = ("sadness", "fear")


def many(found: Analysis, name: str, **given: Any) -> list[Written]:
    who = personas()[name]
    return [WRITER.write(situation(found, who, **given), random.Random(seed)) for seed in range(30)]


def ids(pool: str) -> set[str]:
    return {phrase.id for phrase in book().pools[pool]}


def said(written: Written, prefix: str) -> bool:
    return any(one.startswith(f"{prefix}/") for one in written.phrases)


@pytest.mark.parametrize("name", PERSONAS)
@pytest.mark.parametrize("emotion", MOODS)
@pytest.mark.parametrize("act", ["request", "complaint", "other", "question"])
def test_the_sad_and_the_worried_are_never_called_frustrated(name: str, emotion: str, act: Act) -> None:
    found = analysis("cancel_reservation", act, score=-0.4, feeling=(emotion, 0.8))
    annoyed = {p.id for p in book().pools["empathy"] if "anger" in (p.when.values("emotion") or ())}
    for written in many(found, name):
        assert not said(written, "style.empathy")
        assert annoyed.isdisjoint(written.phrases)


@pytest.mark.parametrize("emotion", MOODS)
def test_the_sad_and_the_worried_hear_words_of_their_own(emotion: str) -> None:
    own = {p.id for p in book().pools["empathy"] if p.when.values("emotion") == frozenset({emotion})}
    for act in ("request", "question", "other"):
        for written in many(analysis("order_status", act, score=-0.4, feeling=(emotion, 0.8)), "warm"):
            assert own.intersection(written.phrases)


def test_the_angry_hear_a_persona_in_its_own_words() -> None:
    found = analysis(act="complaint", score=-0.7, feeling=("anger", 0.9))
    assert any(said(written, "style.empathy") for written in many(found, "calm"))


def test_grief_is_heard_and_not_handled() -> None:
    for written in many(analysis("x", "other", score=-0.3, feeling=("sadness", 0.9), **LOST), "warm"):
        assert written.kind == "other"
        assert ids("empathy").intersection(written.phrases)
        assert ids("next").isdisjoint(written.phrases)
        assert ids("complaint").isdisjoint(written.phrases)


@pytest.mark.parametrize("name", PERSONAS)
@pytest.mark.parametrize("act", ["question", "request"])
def test_a_calm_question_gets_facts_and_no_pity(name: str, act: Act) -> None:
    for written in many(analysis("x", act, score=-0.45, **LOST), name, text="how long does a refund take?"):
        assert written.intent == "refund_time"
        assert ids("empathy").isdisjoint(written.phrases)
        assert ids("support").isdisjoint(written.phrases)
        assert not said(written, "style.empathy")


def test_a_calm_question_gets_a_mild_start_from_the_caring() -> None:
    found = analysis(score=-0.45)
    starts = sum(bool(ids("calm").intersection(one.phrases)) for one in many(found, "warm"))
    assert starts > 10
    assert not any(said(one, "calm") for one in many(analysis(score=0.0), "warm"))


def test_a_calm_complaint_still_gets_sympathy() -> None:
    for written in many(analysis(act="complaint", score=-0.45), "warm"):
        assert ids("empathy").intersection(written.phrases) or said(written, "style.empathy")


@pytest.mark.parametrize("name", PERSONAS)
def test_praise_is_enjoyed(name: str) -> None:
    found = analysis("x", "other", score=0.5, feeling=("joy", 0.95), **LOST)
    for written in many(found, name, text="lol this bot is funny 😂", turn=1):
        assert written.kind == "praise"
        assert ids("praise").intersection(written.phrases)
        assert ids("out_of_scope").isdisjoint(written.phrases)


def test_joy_is_not_shared_with_those_who_complain() -> None:
    found = analysis("x", "complaint", score=0.3, feeling=("joy", 0.9), **LOST)
    assert not any(said(written, "joy") for written in many(found, "enthusiastic"))


@pytest.mark.parametrize("name", PERSONAS)
@pytest.mark.parametrize(
    ("text", "kind"), [("who won the world cup in 1998", "out_of_scope"), ("asdf", "clarification")]
)
def test_no_flourish_before_an_admission(name: str, text: str, kind: str) -> None:
    for score, feeling in ((0.6, ("joy", 0.9)), (-0.5, ("anger", 0.9)), (0.0, ("neutral", 1.0))):
        found = analysis("x", "question", score=score, feeling=feeling, urgency=0.9, **LOST)
        for written in many(found, name, text=text, turn=1):
            assert written.kind == kind
            for pool in ("greeting", "style.greetings", "opener", "style.openers", "joy", "urgent", "style.empathy"):
                assert not said(written, pool)


def test_nobody_dawdles_where_it_is_urgent() -> None:
    """ "Let's go through it quietly" is not for whoever is in a hurry."""
    for urgency, allowed in ((0.9, False), (0.1, True)):
        found = [written for name in PERSONAS for written in many(analysis(urgency=urgency), name)]
        assert any(said(written, "style.openers") for written in found) is allowed


@pytest.mark.parametrize("name", PERSONAS)
def test_a_first_matter_is_met_without_an_invitation_to_name_one(name: str) -> None:
    """Personas' greetings ask for the matter; here it has been named."""
    assert not any(said(written, "style.greetings") for written in many(analysis(), name, turn=1))
    assert any(said(written, "style.greetings") for written in many(analysis("greeting", "greeting"), name, turn=1))


def test_openers_never_say_yes() -> None:
    """Before "I can't see the stock", a yes would be a lie."""
    for who in personas().values():
        for opener in who.style["openers"]:
            assert not opener.casefold().startswith(("yes", "certainly", "of course.", "sure", "absolutely"))
    for phrase in book().pools["opener"]:
        if "ertainly" in phrase.source:
            assert phrase.when.values("kind") == frozenset({"request"})


def test_a_receipt_names_only_what_this_message_brings() -> None:
    found = analysis("x", "other", **LOST)
    for seed in range(30):
        asked = situation(found, persona(), text="blue", previous="refund", known={"order": "order #7"})
        written = WRITER.write(asked, random.Random(seed))
        receipt = [phrase for phrase in book().pools["information"] if phrase.id in written.phrases]
        assert written.kind == "information"
        assert len(receipt) == 1
        assert not receipt[0].slots
        assert written.known == {"order": "order #7"}
