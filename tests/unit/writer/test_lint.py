"""The lint finds what parses but is useless."""

from __future__ import annotations

from typing import Any

import pytest

from server.chat.writer import lint, parse_phrases
from tests.unit.writer.labels import INTENTS
from tests.unit.writer.support import book, documents


def linted(extra: dict[str, Any], intents: tuple[str, ...] = INTENTS) -> list[str]:
    return lint(parse_phrases({**documents(), "zz.yaml": extra}), intents)


def test_the_shipped_phrases_are_clean() -> None:
    assert lint(book(), INTENTS) == []


def test_the_same_phrase_twice_in_a_list() -> None:
    assert linted({"phrases": {"thanks": ["Pleased!", "Pleased!"]}}) == [
        "zz.yaml: phrases.thanks[2]: the same phrase as zz.yaml: phrases.thanks[1]. Remove one."
    ]


def test_the_same_phrase_in_two_lists_whatever_its_case() -> None:
    found = linted({"phrases": {"thanks": ["You might like this."], "joy": ["You Might like this."]}})
    assert len(found) == 1
    assert "the same phrase as zz.yaml: phrases." in found[0]


@pytest.mark.parametrize(
    ("pool", "phrase", "reason"),
    [
        ("empathy", {"say": "Hm.", "when": {"mood": "positive"}}, "only used in the moods negative"),
        ("humor", {"say": "Hm.", "when": {"mood": "negative"}}, "only used in the moods neutral, positive"),
        ("thanks", {"say": "Hm.", "when": {"kind": "goodbye"}}, "only used for thanks"),
        ("empathy", {"say": "Hm.", "when": {"emotion": "joy"}}, "joy does not occur in that mood"),
        ("joy", {"say": "Hm.", "when": {"emotion": ["anger", "fear"]}}, "anger or fear does not occur"),
        ("thanks", {"say": "Hm, {name}.", "when": {"without": "name"}}, "stands under 'without: name'"),
    ],
)
def test_an_unreachable_phrase(pool: str, phrase: dict[str, Any], reason: str) -> None:
    (found,) = linted({"phrases": {pool: [phrase]}})
    assert found.startswith(f"zz.yaml: phrases.{pool}[1]: never said, ")
    assert reason in found


def test_reachable_conditions_are_left_alone() -> None:
    phrase = {"say": "Hm, odd.", "when": {"mood": "negative", "emotion": ["joy", "anger"], "formality": "low"}}
    assert linted({"phrases": {"empathy": [phrase]}}) == []


def test_next_steps_of_small_talk_are_never_said() -> None:
    (found,) = linted({"domain": "small_talk", "intents": {"tell_joke": {"next": ["Laugh now."]}}})
    assert found == (
        "zz.yaml: intents.tell_joke.next[1]: never said, 'next' serves only intents of scope service. Remove it."
    )


def test_an_unreachable_phrase_of_an_intent() -> None:
    phrase = {"say": "Hm, well.", "when": {"kind": "greeting"}}
    (found,) = linted({"domain": "orders", "intents": {"order": {"core": [phrase]}}})
    assert "zz.yaml: intents.order.core[1]: never said" in found


def test_intents_that_the_model_does_not_know_name_the_nearest() -> None:
    (found,) = linted({"domain": "orders", "intents": {"order_statuss": {"topic": "x"}}})
    assert (
        found
        == "intents.order_statuss: the model has no such intent, and it has no words. Did you mean 'order_status'?"
    )


def test_intents_of_the_model_that_no_file_knows() -> None:
    (found,) = linted({"phrases": {"thanks": ["Pleased!"]}}, (*INTENTS, "return_order"))
    assert found.startswith("intents.return_order: no file names this intent")
