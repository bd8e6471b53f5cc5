"""Product names from a user's list: whole words, any case, the longest first; a bad file is named."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.errors import ProductsError
from inference.products import MAX_NAME_CHARACTERS, Products, load_products
from inference.tokenise import normalise


def found(text: str, *names: str) -> list[str]:
    return [text[start:end] for start, end in Products(names).find(text)]


@pytest.mark.parametrize(
    ("names", "text", "expected"),
    [
        (("iPhone 15", "iPhone 15 Pro"), "my IPHONE 15 pro, not the iphone  15!", ["IPHONE 15 pro", "iphone  15"]),
        (("Straße",), "STRASSE straße", ["STRASSE", "straße"]),
        (("Cafe\u0301",), "one café", ["café"]),
        (("C++ Kit",), "the c++ kit", ["c++ kit"]),
        (("Pro",), "professional, iPro", []),
        (("iPhone 15 Pro Max", "iPhone"), "iphone 15", ["iphone"]),
        (("A B", "B C"), "a b c", ["a b"]),
        (("मेर",), "मेरा", []),
        ((), "anything", []),
        (("", "  "), "anything", []),
        (("İstanbul",), "in İSTANBUL", ["İSTANBUL"]),
    ],
)
def test_names_in_a_text(names: tuple[str, ...], text: str, expected: list[str]) -> None:
    assert found(text, *names) == expected


def test_names_that_differ_in_case_and_blanks_are_one() -> None:
    assert len(Products(["iPhone 15", "IPHONE  15", "iphone"])) == 2
    assert not Products()
    assert Products(["x"])


@given(st.text(min_size=1, max_size=20), st.text(max_size=20), st.text(max_size=20))
def test_a_name_between_blanks_is_always_found(name: str, before: str, after: str) -> None:
    name = normalise(name)
    products = Products([name])
    text = f"{normalise(before)} {name} {normalise(after)}"
    spans = list(products.find(text))
    if products and not name[0].isspace() and text == normalise(text) and name in text.split():
        assert spans
    assert all(0 <= start < end <= len(text) for start, end in spans)


class TestFile:
    def test_one_a_line(self, tmp_path: Path) -> None:
        path = tmp_path / "names.txt"
        path.write_text("\ufeff# ours\niPhone 15\n\n  Galaxy S24  \r\n", encoding="utf-8")
        products = load_products(path)
        assert len(products) == 2
        assert list(products.find("galaxy s24")) == [(0, 10)]

    @pytest.mark.parametrize(
        ("content", "said"),
        [
            (b"ok\n\xff\n", "is not UTF-8"),
            (b"ok\n" + b"x" * (MAX_NAME_CHARACTERS + 1), "in line 2"),
            (b"ok\n\n---\n", "neither letter nor digit in line 3"),
        ],
    )
    def test_a_bad_one_is_named(self, tmp_path: Path, content: bytes, said: str) -> None:
        path = tmp_path / "names.txt"
        path.write_bytes(content)
        with pytest.raises(ProductsError, match=said) as raised:
            load_products(path)
        assert raised.value.path == path
        assert raised.value.remedy

    def test_a_missing_one(self, tmp_path: Path) -> None:
        with pytest.raises(ProductsError, match="No such file"):
            load_products(tmp_path / "nowhere.txt")
