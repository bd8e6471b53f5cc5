"""Laws of every answer, whatever the analysis, the persona, the conversation and the seed."""

from __future__ import annotations

import random
import re

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.personas import Persona
from adapters.traits import TRAIT_NAMES
from inference.analysis import EMOTIONS, Analysis, Entity, Sentiment
from server.chat.writer import BuiltInWriter, Situation, Written
from server.chat.writer.conditions import KINDS
from tests.unit.writer.labels import INTENTS
from tests.unit.writer.support import ACTS, book, label_of, personas

WRITER = BuiltInWriter(book())
IDS = sorted(phrase.id for phrase in book().phrases())
NUMBER = st.floats(0, 1)
NAMES = (*INTENTS, "return_order", "", "odd intent!?")
ENTITY_TEXTS = [
    "#4711",
    "order 12-A",
    "$20",
    "next Friday",
    "3 p.m.",
    "a@b.example",
    "+49 30 123456",
    "{x}",
    "?!",
    "  ",
]


@st.composite
def analyses(draw: st.DrawFn) -> Analysis:
    intents = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=5, unique=True))
    confidence = draw(NUMBER)
    score = draw(st.floats(-1, 1))
    weights = [draw(st.floats(0.001, 1)) for _ in EMOTIONS]
    entities = draw(
        st.lists(
            st.tuples(
                st.sampled_from(["order_id", "amount", "date", "time", "email", "phone", "url", "product"]),
                st.sampled_from(ENTITY_TEXTS) | st.text(max_size=50),
            ),
            max_size=4,
        )
    )
    return Analysis(
        intent=intents[0],
        intent_confidence=confidence,
        intents=tuple((name, confidence / (rank + 1)) for rank, name in enumerate(intents)),
        out_of_scope=draw(NUMBER),
        act=draw(st.sampled_from(ACTS)),
        sentiment=Sentiment(label_of(score), score, draw(NUMBER)),
        emotions=dict(zip(EMOTIONS, (weight / sum(weights) for weight in weights), strict=True)),
        urgency=draw(NUMBER),
        politeness=draw(st.floats(-1, 1)),
        toxicity=draw(NUMBER),
        language=draw(st.sampled_from(["en", "en", "und", "de"])),
        entities=tuple(Entity(kind, text, 0, len(text)) for kind, text in entities),
        model="test",
        cached=False,
        latency_us=0,
        embedding=np.zeros(384, np.float32),
    )


@st.composite
def any_persona(draw: st.DrawFn) -> Persona:
    """A shipped persona's words with any traits, or the shipped persona itself."""
    shipped = draw(st.sampled_from(sorted(personas().values(), key=lambda one: one.name)))
    if draw(st.booleans()):
        return shipped
    traits = {name: draw(NUMBER) for name in TRAIT_NAMES}
    return Persona("any", "Any", "", traits, shipped.style if draw(st.booleans()) else {})


@st.composite
def situations(draw: st.DrawFn) -> Situation:
    return Situation(
        analysis=draw(analyses()),
        persona=draw(any_persona()),
        text=draw(
            st.sampled_from(
                ["hello", "Talk to a person", "where is it?", "it's #4711", "I want a refund", "4711", "asdf"]
            )
            | st.text(max_size=30)
        ),
        turn_number=draw(st.integers(1, 5)),
        used=tuple(draw(st.lists(st.sampled_from(IDS), max_size=40, unique=True))),
        previous_intent=draw(st.none() | st.sampled_from(NAMES)),
        known=draw(st.dictionaries(st.sampled_from(["order", "date", "bogus"]), st.just("order #99"), max_size=2)),
        customer_name=draw(st.none() | st.sampled_from(["Anna", "Guest 7", "J. R."]) | st.text(max_size=20)),
    )


def check_text(text: str) -> None:
    """Clean plain text with at most one question, which ends it."""
    assert 1 <= len(text) <= 8000
    assert text == text.strip()
    assert text.isprintable()
    assert not re.search(r"[{}\[\]|]", text), text
    assert "  " not in text
    assert not re.search(r" [.,!?;:]", text), text
    assert not re.search(r"[!?.,;:][.,!?]", text.replace("...", "…").replace("?!", "")), text
    assert text.count("?") <= 1
    assert "?" not in text[:-1]
    assert text[-1] in ".!?…" or not text[-1].isalnum()
    assert not re.search(r"[.!?] [a-z]", text), text
    assert not text[0].islower()


@settings(max_examples=250, deadline=None)
@given(situations(), st.integers(0, 2**32))
def test_every_answer_is_clean(given_situation: Situation, seed: int) -> None:
    written = WRITER.write(given_situation, random.Random(seed))
    check_text(written.text)
    assert written.kind in KINDS
    assert len(set(written.phrases)) == len(written.phrases) > 0
    assert len(written.suggestions) <= 3
    assert all(0 < len(one) <= 60 for one in written.suggestions)
    assert len({one.casefold() for one in written.suggestions}) == len(written.suggestions)


@settings(max_examples=60, deadline=None)
@given(situations(), st.integers(0, 2**32))
def test_the_same_random_numbers_give_the_same_answer(given_situation: Situation, seed: int) -> None:
    first, second = (WRITER.write(given_situation, random.Random(seed)) for _ in range(2))
    assert first == second


def optional(written: Written) -> set[str]:
    """Ids of what is said only while it is fresh: everything but the substance."""
    substance = {"greeting", "style.greetings", "thanks", "goodbye", "style.sign_offs", *KINDS}
    return {one for one in written.phrases if one.split("/")[0] not in substance and ".core/" not in one}


@settings(max_examples=120, deadline=None)
@given(situations(), st.integers(0, 2**32))
def test_what_was_used_is_not_said_again(given_situation: Situation, seed: int) -> None:
    written = WRITER.write(given_situation, random.Random(seed))
    assert optional(written).isdisjoint(given_situation.used)
    repeated = set(written.phrases) & set(given_situation.used)
    for one in repeated:
        pool = one.split("/")[0]
        siblings = {phrase.id for phrase in book().phrases() if phrase.id.split("/")[0] == pool and not phrase.slots}
        plain = {p.id for p in book().phrases() if p.id in siblings and not p.when.conditions and not p.asks}
        assert plain <= set(given_situation.used) | set(written.phrases), one


@settings(max_examples=60, deadline=None)
@given(any_persona(), st.integers(0, 2**32))
def test_errors_are_clean_too(who: Persona, seed: int) -> None:
    check_text(WRITER.error(who, random.Random(seed)).text)
