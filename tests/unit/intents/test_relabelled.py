"""What people said of doubtful texts becomes examples, once each, beside those that are there."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from inference.intents.parsing import parse_intents
from inference.intents.relabelled import FILE, Merged, Relabelled, merge
from inference.intents.validate import folded, validate
from inference.intents.values import IntentSet
from server.contents import yaml_of

SHOP = {
    "intents": {"hours": ["when are you open", "opening hours"], "refund": {"ask": "Money back", "examples": ["r"]}}
}


def folder(document: dict[str, Any] | None = None) -> IntentSet:
    return parse_intents({"shop.yaml": SHOP, **({FILE: document} if document else {})})


def merged(*said: tuple[str, str | None], document: dict[str, Any] | None = None) -> Merged:
    return merge([Relabelled(text, intent) for text, intent in said], folder(document), document or {})


def test_texts_are_written_under_their_intents_in_the_order_of_the_last_words() -> None:
    found = merged(("b", "refund"), ("a", "hours"), ("A!", "hours"), ("c", "new_one"), ("B", "hours"))
    assert found.document == {"intents": {"hours": ["A!", "B"], "new_one": ["c"]}}
    assert [one.text for one in found.added] == ["A!", "c", "B"]


def test_the_same_again_changes_nothing() -> None:
    said = [("a", "hours"), ("b  b", "refund"), ("c", None)]
    first = merged(*said).document
    again = merged(*said, document=first)
    assert (again.document, again.added, again.removed, again.present) == (first, [], [], 2)


def test_what_another_file_says_is_not_written_again() -> None:
    found = merged(("When are you open?", "hours"), ("a", "hours"))
    assert (found.document, found.present) == ({"intents": {"hours": ["a"]}}, 1)
    # Moved by hand into another file: it leaves this one.
    found = merged(("opening hours", "hours"), document={"intents": {"hours": ["Opening hours", "x"]}})
    assert found.document == {"intents": {"hours": ["x"]}}


def test_what_another_file_says_otherwise_is_for_validate_to_tell() -> None:
    found = merged(("When are you open?", "refund"))
    assert found.document == {"intents": {"refund": ["When are you open?"]}}
    codes = [finding.code for finding in validate(folder(found.document)) if finding.level == "error"]
    assert "conflict" in codes


def test_a_later_word_moves_the_text_within_the_file() -> None:
    before = {"intents": {"hours": ["a", "by hand"]}}
    found = merged(("a", "refund"), document=before)
    assert found.document == {"intents": {"hours": ["by hand"], "refund": ["a"]}}
    assert (found.removed, found.added) == ([Relabelled("a", "hours")], [Relabelled("a", "refund")])
    assert before == {"intents": {"hours": ["a", "by hand"]}}


def test_none_of_the_intents_takes_the_text_out() -> None:
    found = merged(("a", None), document={"intents": {"hours": ["a"], "refund": ["b"]}})
    assert found.document == {"intents": {"refund": ["b"]}}
    assert merged(("a", None), document={"intents": {"hours": ["a"]}}).document == {}


def test_what_else_stands_in_the_file_stays() -> None:
    document = {
        "lookups": {"product": ["tent"]},
        "intents": {"stock": {"ask": "In stock?", "examples": ["is the {product} there"]}, "gone": {"ask": "G"}},
    }
    found = merged(("any {left}?", "stock"), document=document)
    assert found.document == {
        "intents": {
            "stock": {"ask": "In stock?", "examples": ["is the {product} there", "any (left)?"]},
            "gone": {"ask": "G"},
        },
        "lookups": {"product": ["tent"]},
    }


def test_what_can_be_no_example_is_left_out_and_counted() -> None:
    found = merged(("?!", "hours"), ("x" * 501, "hours"), ("", None), ("fine", "hours"))
    assert (found.document, found.unfit) == ({"intents": {"hours": ["fine"]}}, 2)


def test_an_empty_folder() -> None:
    found = merge([Relabelled("a", "hours")], None, {})
    assert found.document == {"intents": {"hours": ["a"]}}
    assert merge([], None, {}).document == {}


BRACES = str.maketrans("{}", "()")
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40) | st.sampled_from(
    ["yes", "no", "1", "~", "null", "- a", "a: b", "#x", "{slot}", "'q'", "2026-01-01", "[email]", "*", "&a", "🙁 hm"]
)


@pytest.mark.filterwarnings("error")
@given(st.lists(st.tuples(TEXTS, st.sampled_from(["hours", "refund", "other", None])), max_size=12))
def test_the_file_is_read_as_it_was_written(said: list[tuple[str, str | None]]) -> None:
    found = merged(*said)
    document = yaml.safe_load(yaml_of(found.document)) if found.document else {}
    intents = folder(document or None)  # raises for whatever can't be read
    again = merged(*said, document=document)
    assert (again.added, again.removed) == ([], [])
    last = {folded(unicodedata.normalize("NFC", text.translate(BRACES))): name for text, name in said}
    written = [
        (intent.name, folded(one.text)) for intent in intents.intents for one in intent.examples
        if one.place.file == FILE
    ]  # fmt: skip
    assert len(set(written)) == len(written)
    assert all(last[text] == name for name, text in written)
