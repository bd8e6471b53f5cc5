"""Which turns are questions, and what is recorded of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from inference.analysis import Analysis
from server.chat.questions import QuestionRule, cited
from server.chat.writer import Written
from server.knowledge.index import NOTHING_FOUND, Found, Hit, Row
from server.knowledge.questions import QuestionTurn, packed
from server.store.ports import Answer
from server.wire.parts import User
from tests.unit.chat.test_memory import analysis

RULE = QuestionRule({"tell_joke"})
EMBEDDING = np.array([0.6, 0.8], dtype=np.float32)


def hit(name: str, version: int = 1) -> Hit:
    row = Row(1, f"{name}#one", "passage", name, version, name, "shop", "en", None, "", "text", "")
    return Hit(name, version, name, "shop", 0.5, row, row, 0.5, 0.5, 0.5)


def heard(**changes: Any) -> Analysis:
    values = {"act": "question", "intent": "order", "intent_confidence": 0.9, "out_of_scope": 0.1, **changes}
    return replace(analysis(), embedding=EMBEDDING, model="nlu-1", **values)


def written(kind: Any = "question") -> Written:
    return Written("words", (), (), kind)


def asked(
    found: Found = NOTHING_FOUND,
    kind: Any = "question",
    data: dict[str, Any] | None = None,
    back: bool = False,
    **what: Any,
) -> QuestionTurn | None:
    turn: Any = None
    answer = Answer(turn, User("bot", "bot", "Bot"), "words", "m", 1, data, None, None, {}, {})
    return RULE.asked(heard(**what), found, answer, written(kind), asked_back=back)


CITED = {"citations": [{"article": "returns", "version": 3, "passage": "returns#one"}]}


def test_what_an_article_answered() -> None:
    assert asked(data=CITED) == QuestionTurn("answered", None, "nlu-1", packed(EMBEDDING), (("returns", 3),))
    assert asked(data=CITED, act="other", intent="tell_joke") is not None


def test_what_a_language_model_cites_is_known_from_what_was_found() -> None:
    data = {"citations": [{"passage": "label#one", "number": 1}, {"passage": "gone#one"}, CITED["citations"][0]]}
    assert cited(data, Found(answer=hit("returns"), others=(hit("label", 4),))) == (("label", 4), ("returns", 3))
    assert cited({}, Found()) == ()


def test_an_offer() -> None:
    found = asked(Found(nearest=(hit("returns"),)), "clarification", act="other")
    assert found is not None and (found.outcome, found.trouble, found.citations) == ("offered", "unsure", ())


@pytest.mark.parametrize(
    ("kind", "what", "trouble"),
    [
        ("out_of_scope", {"out_of_scope": 0.95}, "out_of_scope"),
        ("question", {"out_of_scope": 0.99}, "out_of_scope"),
        ("clarification", {"intent_confidence": 0.2}, "unsure"),
        ("request", {"intent_confidence": 0.1}, "unsure"),
        ("question", {}, "uncited"),
        ("complaint", {"act": "complaint"}, "uncited"),
        ("question", {"sure": True, "out_of_scope": 0.99}, "uncited"),
    ],
)
def test_what_went_wrong(kind: str, what: dict[str, Any], trouble: str) -> None:
    found = asked(kind=kind, **what)
    assert found is not None and (found.outcome, found.trouble) == ("unanswered", trouble)


@pytest.mark.parametrize("kind", ["greeting", "thanks", "praise", "goodbye", "affirm", "deny", "information"])
def test_courtesies_and_details_ask_nothing(kind: str) -> None:
    assert asked(kind=kind) is None


def test_small_talk_statements_and_the_wish_for_a_person_are_no_questions() -> None:
    assert asked(intent="tell_joke") is None
    assert asked(act="other") is None
    assert asked(kind="handover") is None
    asked_in_vain = asked(kind="handover", back=True)
    assert asked_in_vain is not None and asked_in_vain.trouble == "unsure"
    assert asked(intent="tell_joke", intent_confidence=0.1) is not None
