"""Personal data: what goes, what stays, and that redacting twice is redacting once."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.pii import PLACEHOLDERS, personal, redact

GOES = [
    ("mail joe.b+x@mail.example.co.uk.", "mail [email]."),
    ("joe@example.com- or <ann@example.com>", "[email]- or <[email]>"),
    ("https://x.example/?m=a@b.com&t=1", "https://x.example/?m=[email]&t=1"),
    ("josé＠example．com", "[email]"),
    ("call +1 (555) 123-4567", "call [phone]"),
    ("030 901820, tel:5551234567 and 555.123.4567-", "[phone], tel:[phone] and [phone]-"),
    ("tel\u00a0+49\u00a030\u00a0901820–", "tel\u00a0[phone]–"),
    ("4111-1111-1111-1111 or 378282246310005", "[card] or [card]"),
    ("order #4111111111111111", "order #[card]"),
    ("４１１１ １１１１ １１１１ １１１１", "[card]"),
    ("6304 0000 0000 0000", "[card]"),
    ("DE89 3704 0044 0532 0130 00, gb82west12345698765432", "[iban], [iban]"),
    ("ssn 123-45-6789 and 078-05-1120", "ssn [national_id] and [national_id]"),
    ("SSN: 123456789", "SSN: [national_id]"),
    ("NINO AB 12 34 56 C or ab123456c", "NINO [national_id] or [national_id]"),
    ("Steuer-ID 36 574 261 809", "Steuer-ID [national_id]"),
    ("36574261809", "[national_id]"),
    ("PESEL 44051401359", "PESEL [national_id]"),
    ("CPF 390.533.447-05", "CPF [national_id]"),
    ("DNI 12345678Z, NIE X1234567L", "DNI [national_id], NIE [national_id]"),
    ("1 84 12 76 451 089 46", "[national_id]"),
    ("RSSMRA85T10A562S", "[national_id]"),
    ("811218-9876", "[national_id]"),
    ("131052-308T", "[national_id]"),
    ("BSN 123456782", "BSN [national_id]"),
    ("11010519491231002X", "[national_id]"),
    ("passport no. C01X00T47", "passport no. [national_id]"),
    ("192.168.100.200 and 2001:db8::1.", "[ip_address] and [ip_address]."),
]

STAYS = [
    "",
    "hello there",
    "my order #4711 cost $20 on 2024-05-12 at 12:30:45",
    "1234 5678 9012 3456",
    "12345678A is no DNI",
    "GB123456C",
    "std::vector<int> ab::cd",
    "3.14159265358979",
    "see [email] and [phone]",
    "@ann a@b",
]


@pytest.mark.parametrize(("text", "expected"), GOES, ids=[text for text, _ in GOES])
def test_goes(text: str, expected: str) -> None:
    assert redact(text) == expected


@pytest.mark.parametrize("text", STAYS)
def test_stays(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize("number", ["36574261808", "36574261890"])
def test_a_steuer_id_needs_its_check_digit(number: str) -> None:
    assert [each.type for each in personal(number)] == ["phone"]  # eleven digits still look like one to call


pieces = st.sampled_from(
    ["4111 1111 1111 1111", "DE89370400440532013000", "a@b.com", "+1 555 123 4567", "123-45-6789", "36574261809",
     "10.0.0.1", "[email]", "ssn ", "x", "1", "@", ".", "-", " ", "é", "\u00a0", "\n", "٣", "::", "\udcff"]
)  # fmt: skip
texts = st.text() | st.lists(pieces, max_size=20).map("".join)


@given(texts)
def test_redacting_twice_is_redacting_once(text: str) -> None:
    once = redact(text)
    assert redact(once) == once
    assert personal(once) == ()


@given(texts)
def test_spans_are_right_and_apart(text: str) -> None:
    end = 0
    for entity in personal(text):
        assert end <= entity.start < entity.end
        assert entity.text == text[entity.start : entity.end]
        assert entity.type in PLACEHOLDERS
        end = entity.end


@given(texts)
def test_what_is_no_personal_data_is_left_in_its_place(text: str) -> None:
    rest = re.split("|".join(map(re.escape, PLACEHOLDERS.values())), redact(text))
    pattern = ".*".join(map(re.escape, rest))
    assert re.fullmatch(pattern, text, re.DOTALL)


@given(st.from_regex(r"[0-9]{14}", fullmatch=True), st.sampled_from(["", "- ", ".", ",", ")", "–", "\n", "?!"]))
def test_a_card_goes_whatever_clings_to_it(body: str, tail: str) -> None:
    digits = f"4{body}"
    card = next(f"{digits}{check}" for check in range(10) if _luhn(f"{digits}{check}"))
    assert redact(f"card {card}{tail}") == f"card [card]{tail}"


def _luhn(digits: str) -> bool:
    doubled = [int(digit) * (2 - place % 2) for place, digit in enumerate(digits)]  # of sixteen digits
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0
