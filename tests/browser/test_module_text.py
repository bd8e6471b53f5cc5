"""Texts: what is counted, what becomes a link, what never does."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from playwright.sync_api import Page

Call = Callable[[str, object], Any]


@pytest.fixture
def call(modules: Page) -> Call:
    """Calls a function of ``text.js`` with one argument."""
    modules.evaluate("async () => { window.text = await import('/static/parlance/text.js') }")
    return lambda name, argument: modules.evaluate(
        "([name, argument]) => window.text[name](argument)", [name, argument]
    )


FEW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@FEW
@given(text=st.text(max_size=80))
def test_normalised_text_is_nfc_and_counts_code_points(call: Call, text: str) -> None:
    expected = unicodedata.normalize("NFC", text.replace("\0", ""))
    clean = call("normalise", text)
    assert clean in expected
    assert unicodedata.is_normalized("NFC", clean)
    assert call("codePoints", clean) == len(clean)


def test_lone_surrogates_are_replaced(modules: Page, call: Call) -> None:
    assert modules.evaluate(r"() => window.text.normalise('a\ud800b\udc00')") == "a\ufffdb\ufffd"
    assert call("normalise", "😀") == "😀"


@FEW
@given(text=st.text(alphabet=st.sampled_from("ahtps:/.<>\"'()[] \n?!#@é😀"), max_size=60))
def test_pieces_are_the_whole_text_whatever_is_linked(call: Call, text: str) -> None:
    pieces = call("withLinks", text)
    assert "".join(piece["text"] for piece in pieces) == text
    for piece in pieces:
        assert piece["href"] is None or piece["href"].startswith(("http://", "https://"))


@pytest.mark.parametrize(
    ("text", "linked"),
    [
        ("see https://example.com/a.", ["https://example.com/a"]),
        ("(https://example.com/a)", ["https://example.com/a"]),
        (
            "https://en.wikipedia.org/wiki/Bandit_(machine_learning)",
            ["https://en.wikipedia.org/wiki/Bandit_(machine_learning)"],
        ),
        ("HTTP://EXAMPLE.COM and http://b.example", ["HTTP://EXAMPLE.COM", "http://b.example"]),
        ("“https://example.com”, he said", ["https://example.com"]),
        ("javascript:alert(1) data:text/html,x ftp://example.com example.com", []),
        ('https://example.com/"onmouseover="alert(1)', ["https://example.com/"]),
        ("https://", []),
    ],
)
def test_only_web_addresses_are_linked(call: Call, text: str, linked: list[str]) -> None:
    assert [piece["text"] for piece in call("withLinks", text) if piece["href"]] == linked


def test_fresh_keys_are_valid_and_differ(call: Call) -> None:
    keys = {call("freshKey", None) for _ in range(50)}
    assert len(keys) == 50
    assert all(1 <= len(key) <= 64 for key in keys)
