"""Tokens: NFC, one special token at each end, long texts by their beginning and end, padding."""

from __future__ import annotations

import unicodedata

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from inference.pack import Pack
from inference.tokenise import Tokeniser, normalise, pad
from tests.unit.inference.support import MAX_TOKENS, WORDS, tokenizer

CLS, SEP, UNK = 2, 3, 1


def small() -> Tokeniser:
    return Tokeniser(tokenizer(), max_tokens=MAX_TOKENS, pad_id=0)


def ids(text: str) -> list[int]:
    return [4 + WORDS.index(word) for word in text.split()]


@given(st.text())
def test_normalised_is_nfc(text: str) -> None:
    assert normalise(text) == unicodedata.normalize("NFC", text)


def test_a_text_stands_between_its_special_tokens() -> None:
    assert small().encode("Where IS my order") == [CLS, *ids("where is my order"), SEP]


def test_nothing_is_still_two_tokens() -> None:
    assert small().encode("") == [CLS, SEP]
    assert small().encode(" \t\n") == [CLS, SEP]


def test_special_tokens_in_a_text_are_text() -> None:
    found = small().encode("[SEP] hi [CLS] [PAD]")
    assert found[0] == CLS
    assert found[-1] == SEP
    assert not {CLS, SEP, 0} & set(found[1:-1])


def test_a_long_text_keeps_its_beginning_and_its_end() -> None:
    text = " ".join(["one"] * 30 + ["two"] * 30 + ["three"] * 30)
    found = small().encode(text)
    assert found == [CLS, *ids("one") * 11, *ids("three") * 3, SEP]
    assert len(found) == MAX_TOKENS


def test_exactly_as_long_as_allowed_is_not_cut() -> None:
    text = " ".join(["one"] * (MAX_TOKENS - 3) + ["two"])
    assert small().encode(text) == [CLS, *ids(text), SEP]


def test_the_end_of_a_very_long_text_is_read() -> None:
    found = small().encode("one " * 5_000 + "two")
    assert found[-2:] == [*ids("two"), SEP]
    assert len(found) == MAX_TOKENS


def test_lone_surrogates_are_unknown_words() -> None:
    assert small().encode("hi \ud800 bye") == [CLS, *ids("hi"), UNK, *ids("bye"), SEP]


@given(st.text(max_size=300))
def test_any_text_has_between_two_and_the_most_tokens(text: str) -> None:
    found = small().encode(text)
    assert 2 <= len(found) <= MAX_TOKENS
    assert (found[0], found[-1]) == (CLS, SEP)


def test_the_words_of_the_vocabulary() -> None:
    assert small().words() == frozenset(WORDS)


def test_the_shipped_tokenizer_has_no_need_of_capitals_or_accents(pack: Pack) -> None:
    encode = pack.tokeniser.encode
    assert encode("WHERE is My Café?") == encode("where is my cafe?")
    assert len(encode("word " * 1_000)) == pack.manifest.max_tokens


@given(st.lists(st.lists(st.integers(1, 30_000), min_size=1, max_size=20), min_size=1, max_size=8), st.integers(0, 9))
def test_padding_keeps_every_row_and_masks_the_rest(rows: list[list[int]], pad_id: int) -> None:
    input_ids, mask = pad(rows, pad_id)
    assert input_ids.dtype == mask.dtype == np.int64
    assert input_ids.shape == mask.shape == (len(rows), max(map(len, rows)))
    for row, found, own in zip(rows, input_ids, mask, strict=True):
        assert found[: len(row)].tolist() == row
        assert (found[len(row) :] == pad_id).all()
        assert own.tolist() == [1] * len(row) + [0] * (len(own) - len(row))
