"""The lint finds what parses but is useless."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from server.chat.writer import coverage, lint, lint_all, parse_phrases
from server.contents import read_phrases
from tests.unit.writer.labels import INTENTS
from tests.unit.writer.support import PHRASES, book, documents, personas


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


def test_a_sentence_of_two_phrases() -> None:
    found = linted({"phrases": {"thanks": ["Pleased. I sing the same old song.", "Hm. I sing the same old song!"]}})
    assert found == [
        "zz.yaml: phrases.thanks[2]: “i sing the same old song” stands in zz.yaml: phrases.thanks[1] too."
        " Word one of them differently."
    ]


@pytest.mark.parametrize(
    ("pool", "phrase", "reason"),
    [
        ("closer", "See {page}.", "{page} is filled only in cited_again, meanwhile; move it there"),
        ("thanks", "Not {other_topic}.", "{other_topic} is filled only in clarification, nearest; move it there"),
        (
            "thanks",
            {"say": "Hm, hm.", "when": {"with": "order", "without": ["date", "order"]}},
            "'order' can't be both known and unknown; remove it under 'with' or 'without'",
        ),
    ],
)
def test_slots_that_are_never_filled(pool: str, phrase: Any, reason: str) -> None:
    (found,) = linted({"phrases": {pool: [phrase]}})
    assert reason in found


class TestLanguages:
    def test_the_shipped_ones_are_clean(self) -> None:
        assert lint_all(read_phrases(PHRASES.parent), INTENTS, tuple(personas())) == []

    def test_how_much_is_said_in_each(self) -> None:
        english, german, spanish = sorted(coverage(read_phrases(PHRASES.parent)), key=lambda one: one.language != "en")
        assert (english.share, english.missing) == (1.0, ())
        for one in (german, spanish):
            assert one.phrases > 300 and 0.2 < one.share < 1
            assert not any(name.startswith("phrases.") for name in one.missing)
            assert "intents.book_flight" in one.missing and "intents.refund" not in one.missing
            assert f"{one.share:.0%} of en" in str(one)

    def test_what_another_language_lacks_or_makes_up(self) -> None:
        german = dict(yaml_of(PHRASES.parent / "de"))
        german["general.yaml"] = deepcopy(german["general.yaml"])
        del german["general.yaml"]["phrases"]["nearest"]
        german["words.yaml"] = {name: value for name, value in german["words.yaml"].items() if name != "cue_words"}
        extra = {"domain": "shop", "intents": {"umtausch": {"topic": "x", "words": ["wechselgeld"]}}}
        parsed = parse_phrases({**german, "zz.yaml": extra}, "de")
        found = lint_all({"en": book(), "de": parsed}, INTENTS, ("warm", "calm"))
        assert (
            "de/phrases.nearest: untranslated, there is not one phrase. Add some, or this is left out of answers."
            in found
        )
        assert any(one.startswith("de/intents.umtausch: en knows no such intent") for one in found)
        assert any(one.startswith("de/cue_words: missing") for one in found)
        assert any(one.startswith("de/personas.coach: never said, there is no such persona.") for one in found)
        assert len(found) == 3 + 6


def yaml_of(folder: Path) -> dict[str, Any]:
    return {path.name: yaml.safe_load(path.read_text("utf-8")) for path in sorted(folder.glob("*.yaml"))}
