"""What a text, its data and a rating may be (PROTOCOL §5)."""

from __future__ import annotations

import datetime
import math
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.chat.content import checked_comment, checked_rating, normal_text, plain_data
from server.errors import Invalid, TooLarge
from tests.support.strategies import JSON_VALUES, SAFE_TEXT


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=50))
def test_a_text_becomes_its_nfc_form_once(text: str) -> None:
    normal = normal_text(text)
    assert normal == unicodedata.normalize("NFC", text)
    assert normal_text(normal) == normal


@pytest.mark.parametrize("text", ["x", "x" * 8_000, "e\u0301" * 8_000])
def test_limits_count_code_points_after_normalisation(text: str) -> None:
    assert 1 <= len(normal_text(text)) <= 8_000


@pytest.mark.parametrize("text", ["", "x" * 8_001, "a\0b", "a\ud800b"])
def test_what_is_no_text(text: str) -> None:
    with pytest.raises(Invalid):
        normal_text(text)


@given(st.dictionaries(SAFE_TEXT, JSON_VALUES, max_size=3))
def test_json_data_stays_as_it_is(data: dict[str, Any]) -> None:
    assert plain_data(data) == data


@pytest.mark.parametrize("value", [b"bytes", math.nan, math.inf, datetime.datetime.now(datetime.UTC), {1: 2}])
def test_what_json_does_not_have_is_refused(value: object) -> None:
    with pytest.raises(Invalid, match="JSON"):
        plain_data({"value": value})


def test_data_is_bounded_in_bytes() -> None:
    assert plain_data({"a": "x" * (8_192 - len('{"a":""}'))}) is not None
    with pytest.raises(TooLarge, match="metadata"):
        plain_data({"a": "\u00fc" * 4_096}, "metadata")
    assert plain_data(None) is None


@pytest.mark.parametrize("rating", [0, 0.5, 1])
def test_ratings(rating: float) -> None:
    assert checked_rating(rating) == rating


@pytest.mark.parametrize("rating", [-0.01, 1.01, math.nan, math.inf])
def test_what_is_no_rating(rating: float) -> None:
    with pytest.raises(Invalid):
        checked_rating(rating)


def test_comments() -> None:
    assert checked_comment(None) is None
    assert checked_comment("fine") == "fine"
    with pytest.raises(Invalid):
        checked_comment("x" * 2_001)
