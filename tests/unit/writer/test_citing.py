"""Answers in an article's own words, and what is offered where none is sure."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from adapters.personas import Persona
from server.chat.writer import BuiltInWriter, Situation
from server.chat.writer.citing import LEAST_SENTENCES, tones_of
from server.knowledge.index import Found, Hit
from tests.unit.knowledge.support import article, rows
from tests.unit.writer.support import analysis, book, persona, personas, situation

WRITER = BuiltInWriter(book())
SENTENCES = (
    "One [really] fact.", "It's {mind} two.", "Don't forget three.", "Four is more.", "Five is much.", "Six is all.",
    "Seven too.",
)  # fmt: skip
BODY = f"{' '.join(SENTENCES)}\n\n# Costs\nIt costs 3 euros."
FRONT = "title: Sending back\ncategory: shop"
VARIANTS = f"{FRONT}\nvariants:\n  casual: Just send it.\n  formal: Kindly return it."


def hit(place: int = 0, confidence: float = 0.8, front: str = FRONT, name: str = "returns") -> Hit:
    made = rows([article(BODY, name, front)], {})
    return Hit(name, 3, made[0].title, "shop", confidence, made[place], made[0], 0.9, 1.0, 0.03)


def asking(found: Found, who: Persona | None = None, **changes: Any) -> Situation:
    return replace(situation(analysis("return_policy"), who, text="how do I return it"), found=found, **changes)


@pytest.mark.parametrize("name", sorted(personas()))
@pytest.mark.parametrize("seed", range(3))
def test_the_articles_words_stand_as_they_are(name: str, seed: int) -> None:
    written = WRITER.write(asking(Found(hit()), personas()[name], turn_number=1 + seed), random.Random(seed))
    assert " ".join(SENTENCES[:LEAST_SENTENCES]) in written.text
    assert written.citations == (
        {"article": "returns", "version": 3, "title": "Sending back", "passage": "returns", "score": 0.8},
    )
    assert written.kind == "question" and any(one.startswith("knowledge/returns#") for one in written.phrases)
    assert len(written.text) > len(" ".join(SENTENCES[:LEAST_SENTENCES])) or personas()[name].traits["verbosity"] < 0.4


def test_the_talkative_say_more_of_it_but_never_its_middle_alone() -> None:
    terse, talkative = (
        WRITER.write(asking(Found(hit()), persona(verbosity=verbosity)), random.Random(1)).text
        for verbosity in (0.0, 1.0)
    )
    assert SENTENCES[3] not in terse and SENTENCES[5] in talkative and SENTENCES[6] not in talkative


def test_a_persona_says_the_gist_in_its_tone() -> None:
    found = Found(hit(front=VARIANTS))
    assert "Just send it." in WRITER.write(asking(found, persona(formality=0.1)), random.Random(1)).text
    assert "Kindly return it." in WRITER.write(asking(found, persona(formality=0.9)), random.Random(1)).text
    assert SENTENCES[0] in WRITER.write(asking(found, persona(formality=0.5)), random.Random(1)).text


def test_the_gist_is_for_the_opening_only() -> None:
    text = WRITER.write(asking(Found(hit(1, front=VARIANTS)), persona(formality=0.1)), random.Random(1)).text
    assert "It costs 3 euros." in text and "Just send it." not in text


def test_tones_follow_traits() -> None:
    assert tones_of({"empathy": 0.9, "formality": 0.9}) == ("empathetic", "formal", "professional")
    assert tones_of({"formality": 0.1}) == ("casual", "friendly")
    assert tones_of({}) == ("professional", "friendly")


def test_other_articles_are_suggested() -> None:
    others = (
        hit(name="costs", front="title: What it costs\ncategory: shop"),
        hit(name="x", front=f"title: {'x' * 61}\ncategory: y"),
    )
    written = WRITER.write(asking(Found(hit(), others=others)), random.Random(1))
    assert written.suggestions[0] == "What it costs" and "Talk to a person" in written.suggestions
    assert len(written.suggestions) <= 3
    assert (written.data() or {})["citations"][0]["article"] == "returns"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("hello", analysis("greeting", "greeting")),
        ("thanks a lot", analysis("thank_you", "thanks")),
        ("let me talk to a human being", analysis("return_policy", "request")),
    ],
)
def test_courtesies_and_wishes_for_a_person_are_answered_as_ever(text: str, found: object) -> None:
    asked = replace(asking(Found(hit())), text=text, analysis=found)  # type: ignore[arg-type]
    written = WRITER.write(asked, random.Random(1))
    assert written.citations == () and SENTENCES[0] not in written.text
    assert written == WRITER.write(replace(asked, found=Found()), random.Random(1))


def test_a_question_that_the_model_cannot_place_is_answered_all_the_same() -> None:
    lost = replace(asking(Found(hit())), analysis=analysis("weather", confidence=0.1, oos=0.99))
    written = WRITER.write(lost, random.Random(1))
    assert written.citations and written.kind == "question"


def near(*names: str) -> Found:
    fronts = {name: f"title: About {name}\ncategory: shop" for name in names}
    return Found(nearest=tuple(hit(confidence=0.2, name=name, front=fronts[name]) for name in names))


def test_the_two_nearest_are_offered_once() -> None:
    asked = asking(near("posting", "paying"))
    written = WRITER.write(asked, random.Random(1))
    assert "“About posting”" in written.text and "“About paying”" in written.text and written.text.endswith("?")
    assert (written.kind, written.citations) == ("clarification", ())
    assert written.suggestions == ("About posting", "About paying")
    again = WRITER.write(replace(asked, asked_back=True), random.Random(1))
    assert again.kind == "handover" and "“" not in again.text and again.citations == ()


@pytest.mark.parametrize("seed", range(5))
def test_one_alone_is_offered_alone(seed: int) -> None:
    written = WRITER.write(asking(near("posting")), random.Random(seed))
    assert "“About posting”" in written.text and " or " not in written.text.partition("“")[2]


def test_nothing_is_offered_for_small_talk() -> None:
    asked = replace(asking(near("posting")), analysis=analysis("tell_joke", "request"))
    assert "“About" not in WRITER.write(asked, random.Random(1)).text


@pytest.mark.parametrize("seed", range(4))
def test_a_complaint_is_answered_as_one_and_offered_the_nearest_beside(seed: int) -> None:
    asked = replace(
        asking(near("posting", "paying"), personas()["calm"]),
        analysis=analysis("return_policy", "complaint", score=-0.6),
    )
    written = WRITER.write(asked, random.Random(seed))
    assert written.kind == "complaint" and "“About posting”" in written.text and "“About paying”" not in written.text
    assert written.suggestions[:2] == ("About posting", "About paying")
    assert any(one.startswith("empathy/") or one.startswith("style.empathy") for one in written.phrases)


def test_without_knowledge_nothing_changes_in_what_goes_out() -> None:
    written = WRITER.write(situation(), random.Random(1))
    assert set(written.data() or {}) <= {"suggestions"}


def test_what_was_said_of_an_article_is_not_said_again() -> None:
    used: tuple[str, ...] = ()
    said = []
    for turn in range(4):
        written = WRITER.write(asking(Found(hit()), persona(verbosity=0.2 * turn), used=used), random.Random(turn))
        assert written.citations and written.citations[0]["title"] == "Sending back"
        said.append(written.text)
        used += written.phrases
    text = " ".join(said)
    assert all(text.count(sentence) == 1 for sentence in SENTENCES)
    assert "“Sending back”" in said[-1] and not any(sentence in said[-1] for sentence in SENTENCES)


def test_after_its_gist_an_article_is_cited_from_the_start() -> None:
    found, who = Found(hit(front=VARIANTS)), persona(formality=0.1)
    first = WRITER.write(asking(found, who), random.Random(1))
    again = WRITER.write(asking(found, who, used=first.phrases), random.Random(1))
    assert "Just send it." in first.text and "Just send it." not in again.text and SENTENCES[0] in again.text


def test_an_articles_marks_stay_as_they_are() -> None:
    made = rows([article("Stop! Never do that!", "returns", FRONT)], {})
    loud = Hit("returns", 1, "Sending back", "shop", 0.8, made[0], made[0], 0.9, 1.0, 0.03)
    assert "Stop! Never do that!" in WRITER.write(asking(Found(loud), persona(enthusiasm=0.0)), random.Random(1)).text
