"""Entities: what is found, what is not, and spans that are right to the character."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.entities import MAX_ENTITIES, entities
from inference.tokenise import normalise

FOUND: list[tuple[str, list[tuple[str, str]]]] = [
    ("where is my order #4711???", [("order_id", "#4711")]),
    ("order 12345 never came", [("order_id", "12345")]),
    ("Order number: AB-12345.", [("order_id", "AB-12345")]),
    ("order no. 99887, please", [("order_id", "99887")]),
    ("my order is 5551234", [("order_id", "5551234")]),
    ("about #A1B2-C3", [("order_id", "#A1B2-C3")]),
    ("wo ist meine Bestellung Nr. 99887?", [("order_id", "99887")]),
    ("how can I cancel purchase 113542617735902?", [("order_id", "113542617735902")]),
    ("#4711 and #4712", [("order_id", "#4711"), ("order_id", "#4712")]),
    ("mail me at joe.b+x@mail.example.co.uk.", [("email", "joe.b+x@mail.example.co.uk")]),
    ("<ann@example.com>", [("email", "ann@example.com")]),
    ("call +1 (555) 123-4567 now", [("phone", "+1 (555) 123-4567")]),
    ("555-123-4567", [("phone", "555-123-4567")]),
    ("+49 30 901820", [("phone", "+49 30 901820")]),
    ("my number is 5551234567", [("phone", "5551234567")]),
    ("0049 30 901820 or 004930901820", [("phone", "0049 30 901820"), ("phone", "004930901820")]),
    ("see https://example.com/a?b=1.", [("url", "https://example.com/a?b=1")]),
    ("(www.example.com/a_(b))", [("url", "www.example.com/a_(b)")]),
    ("HTTPS://EXAMPLE.COM/#4711", [("url", "HTTPS://EXAMPLE.COM/#4711")]),
    ("I paid $49.99", [("amount", "$49.99")]),
    ("12,50 € or 20 dollars", [("amount", "12,50 €"), ("amount", "20 dollars")]),
    ("EUR 1.234,50 and 5k USD", [("amount", "EUR 1.234,50"), ("amount", "5k USD")]),
    ("£1,000,000!", [("amount", "£1,000,000")]),
    ("😡😡 order #4711 cost €5", [("order_id", "#4711"), ("amount", "€5")]),
]

NOTHING = [
    "",
    "hello there",
    "#1 fan",
    "#hashtag #monday",
    "in order to pay",
    "order status",
    "my order is late",
    "on 2024-05-12 at 12:30",
    "12/05/2024",
    "room 12, floor 3",
    "00123842",
    "370795561790",
    "a@b",
    "@ann thanks",
    "version 1.2.3",
    "3.14159265358979",
    "it is www.",
    "http://",
    "I have 2 cats",
    "99999999999999999999999999",
]


@pytest.mark.parametrize(("text", "expected"), FOUND, ids=[text for text, _ in FOUND])
def test_found(text: str, expected: list[tuple[str, str]]) -> None:
    assert [(entity.type, entity.text) for entity in entities(text)] == expected


@pytest.mark.parametrize("text", NOTHING)
def test_not_taken_for_anything(text: str) -> None:
    assert entities(text) == ()


def test_a_span_counts_code_points_of_the_composed_text() -> None:
    text = normalise("cafe\u0301 👍🏽 #4711")
    (found,) = entities(text)
    assert (found.start, found.end) == (8, 13)


def test_at_most_so_many() -> None:
    assert len(entities("$1 " * 1_000)) == MAX_ENTITIES


pieces = st.sampled_from(
    ["#4711", "order ", "12345", "a@b.com", "+1 555 ", "123-4567", "https://", "www.", "x.y", "$", "€", "9.99", " USD",
     " ", "(", ")", ".", ",", "-", "😡", "é", "\n", "no. ", "0"]
)  # fmt: skip


@given(st.text() | st.lists(pieces, max_size=30).map("".join))
def test_every_span_is_its_text_and_none_overlap(text: str) -> None:
    source = normalise(text)
    found = entities(source)
    for entity in found:
        assert entity.text == source[entity.start : entity.end]
        assert entity.text
    for one, next_one in pairwise(found):
        assert one.end <= next_one.start
