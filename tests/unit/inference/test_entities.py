"""Entities: what is found, what is not, and spans that are right to the character."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.entities import MAX_ENTITIES, entities
from inference.products import Products
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
    ("¿dónde está mi pedido #88?", [("order_id", "#88")]),
    ("mi pedido es el #88", [("order_id", "#88")]),
    ("número de pedido: 88", [("order_id", "88")]),
    ("el pedido n° 7 no ha llegado", [("order_id", "7")]),
    ("he recibido el pedido 88.", [("order_id", "88")]),
    ("Bestellung 88 ist nicht angekommen", [("order_id", "88")]),
    ("meine Bestellung #7", [("order_id", "#7")]),
    ("Bestellnummer ist 88, bitte stornieren", [("order_id", "88")]),
    ("Auftrag 123. Wo bleibt er?", [("order_id", "123")]),
    ("cancel order #88 please", [("order_id", "#88")]),
    ("order number 88", [("order_id", "88")]),
    ("Bestellung 12. Februar", [("date", "12. Februar")]),
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
    ("R$ 50, 20 zł, Rs. 500", [("amount", "R$ 50"), ("amount", "20 zł"), ("amount", "Rs. 500")]),
    ("₹1,00,000 or 5 TRY", [("amount", "₹1,00,000"), ("amount", "5 TRY")]),
    ("pay with 4111 1111 1111 1111 please", [("payment_card", "4111 1111 1111 1111")]),
    ("amex 3782-822463-10005", [("payment_card", "3782-822463-10005")]),
    ("my order is 4111111111111111", [("payment_card", "4111111111111111")]),
    ("IBAN DE89 3704 0044 0532 0130 00 thanks a lot", [("iban", "DE89 3704 0044 0532 0130 00")]),
    ("gb82west12345698765432", [("iban", "gb82west12345698765432")]),
    ("on 2024-05-12 at 12:30", [("date", "2024-05-12"), ("time", "12:30")]),
    ("2024-05-12T12:30:00Z", [("date", "2024-05-12"), ("time", "12:30:00Z")]),
    ("12/05/2024", [("date", "12/05/2024")]),
    ("May 12th, 2024, 12. Mai", [("date", "May 12th, 2024"), ("date", "12. Mai")]),
    ("the 3rd of march or march 2025", [("date", "3rd of march"), ("date", "march 2025")]),
    ("el 12 de mayo de 2024", [("date", "12 de mayo de 2024")]),
    ("next Monday at 5 pm or 5 p.m.", [("date", "next Monday"), ("time", "5 pm"), ("time", "5 p.m.")]),
    ("Tomorrow at noon", [("date", "Tomorrow"), ("time", "noon")]),
    ("in 3 days, not 2 weeks ago", [("date", "in 3 days"), ("date", "2 weeks ago")]),
    ("Guten Morgen, bis morgen um 14 Uhr", [("date", "morgen"), ("time", "14 Uhr")]),
    ("à 17h30, half past 5, 9 o'clock", [("time", "17h30"), ("time", "half past 5"), ("time", "9 o'clock")]),
    ("İ tomorrow", [("date", "tomorrow")]),
]

NOTHING = [
    "",
    "hello there",
    "#1 fan",
    "#hashtag #monday",
    "in order to pay",
    "we are #1 and you are #2",
    "order 20 roses",
    "he pedido 20 rosas",
    "Bestellung 20 Stück",
    "Bestellung 20% billiger",
    "pedido 20 unidades",
    "Bestellung 5",
    "Bestellung 12.50",
    "order status",
    "my order is late",
    "on 31/02/2024",
    "at 25:00",
    "24/7",
    "room 12.30",
    "a 1:1 chat",
    "I sat there and may 60 others come",
    "5 try",
    "4111 1111 1111 1112",
    "1234 5678 9012 3452",
    "DE88 3704 0044 0532 0130 00",
    "DE89",
    "+49 30 901820 123456789",
    "+99 123 456 789",
    "192.168.100.200",
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


def test_what_a_longer_form_holds_is_not_found_again() -> None:
    (found,) = entities("by Monday, 12 May 2024"[8:])
    assert found.text == "12 May 2024"


def test_product_names_come_before_what_they_look_like() -> None:
    found = entities("is the Galaxy 12/05/2024 at https://galaxy.example?", Products(["galaxy 12/05/2024", "Galaxy"]))
    assert [(each.type, each.text) for each in found] == [
        ("product", "Galaxy 12/05/2024"),
        ("url", "https://galaxy.example"),
    ]


@pytest.mark.parametrize("piece", ["DE89 ", "4111 ", "0 ", "12/05/", "may 5 ", "1:1 ", "AB12 3", "in 3 ", "a@", "1,"])
def test_a_hostile_text_is_read_to_its_end(piece: str) -> None:
    text = (piece * 8_000)[:8_000]
    assert all(entity.text == text[entity.start : entity.end] for entity in entities(text))


def test_at_most_so_many() -> None:
    assert len(entities("$1 " * 1_000)) == MAX_ENTITIES


PRODUCTS = Products(["iPhone 15", "iphone 15 PRO", "$", "Ä"])
pieces = st.sampled_from(
    ["#4711", "order ", "12345", "a@b.com", "+1 555 ", "123-4567", "https://", "www.", "x.y", "$", "€", "9.99", " USD",
     "4111 1111 1111 1111", "DE89 3704 0044 0532 0130 00", "DE89", "may 5", "12/05/2024", "12:30", " pm", "next friday",
     "İ", "iPhone 15", " Pro", "\u0301", " ", "(", ")", ".", ",", "-", "😡", "é", "\n", "no. ", "0"]
)  # fmt: skip


@given(st.text() | st.lists(pieces, max_size=30).map("".join))
def test_every_span_is_its_text_and_none_overlap(text: str) -> None:
    source = normalise(text)
    found = entities(source, PRODUCTS)
    for entity in found:
        assert entity.text == source[entity.start : entity.end]
        assert entity.text
    for one, next_one in pairwise(found):
        assert one.end <= next_one.start
