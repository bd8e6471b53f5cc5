"""Remembered words give what the library gives, for every text that they answer."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from inference import words
from inference.pack import Pack
from inference.words import MAX_CHARACTERS, MAX_UNSEEN, KnownWords
from tests.unit.inference.support import tokenizer as small_tokenizer

COMMON = (
    "where is my order",
    "thanks",
    "hello_world",
    "don't",
    "[SEP]",
    "a-b",
    "4711",
    "co-op's",
    "wont't",
    "e.g.",
    "NaN",
)
plain = st.text(alphabet=string.printable) | st.lists(st.sampled_from(COMMON)).map(" ".join)


@pytest.fixture(scope="module")
def library(pack: Pack) -> Tokenizer:
    loaded = Tokenizer.from_file(str(pack.folder / "tokenizer.json"))
    loaded.no_padding()
    loaded.no_truncation()
    loaded.encode_special_tokens = True
    return loaded


@pytest.fixture(scope="module")
def known(library: Tokenizer) -> KnownWords:
    return KnownWords(library, library.get_vocab())


@given(text=plain | st.text())
def test_first_and_second_time_are_the_librarys(library: Tokenizer, known: KnownWords, text: str) -> None:
    for _ in range(2):
        found = known.encode(text)
        if found is None:
            assert not (text.isascii() and text.isprintable()) or len(text) > MAX_CHARACTERS
        else:
            assert found == library.encode(text).ids


def test_every_printable_character_inside_and_beside_words(library: Tokenizer, known: KnownWords) -> None:
    for char in map(chr, range(32, 127)):
        for text in (char, f"a{char}b", f"a {char} b", f"{char}{char}a", f"Where{char}{char} is"):
            assert known.encode(text) == known.encode(text) == library.encode(text).ids


def test_a_word_longer_than_wordpiece_reads(library: Tokenizer, known: KnownWords) -> None:
    text = "x" * 150 + " order"
    assert known.encode(text) == known.encode(text) == library.encode(text).ids


class Counting:
    """The library, counted."""

    def __init__(self, library: Tokenizer) -> None:
        self.library = library
        self.calls = 0

    def __getattr__(self, name: str) -> object:
        return getattr(self.library, name)

    def encode(self, text: str, **more: bool) -> object:
        self.calls += 1
        return self.library.encode(text, **more)


def test_known_words_do_not_ask_the_library_again(library: Tokenizer) -> None:
    counting = Counting(library)
    known = KnownWords(counting, {})  # type: ignore[arg-type]
    known.encode("where is my order")
    asked = counting.calls
    known.encode("Is my ORDER where order")
    assert counting.calls == asked
    known.encode("where is my refund")
    assert counting.calls == asked + 1


def test_words_of_the_vocabulary_never_ask_the_library(library: Tokenizer) -> None:
    counting = Counting(library)
    known = KnownWords(counting, library.get_vocab())  # type: ignore[arg-type]
    asked = counting.calls
    for text in ("where is my order?", "I want 24 red roses, 4th floor!", "7", ""):
        assert known.encode(text) == library.encode(text).ids
    assert counting.calls == asked
    for _ in range(2):
        assert known.encode("refundz please") == library.encode("refundz please").ids
    assert counting.calls == asked + 1


def test_a_text_of_many_new_words_asks_only_a_few_times(library: Tokenizer) -> None:
    counting = Counting(library)
    known = KnownWords(counting, library.get_vocab())  # type: ignore[arg-type]
    text = " ".join(f"qx{number}zz" for number in range(60))
    asked = counting.calls
    assert known.encode(text) == library.encode(text).ids
    assert counting.calls == asked + MAX_UNSEEN + 1


def test_each_word_of_the_vocabulary_is_one_token(library: Tokenizer, known: KnownWords) -> None:
    plain_words = [word for word in library.get_vocab() if word.isascii() and word.isalnum()]
    assert len(plain_words) > 20_000
    for start in range(0, len(plain_words), 60):
        text = " ".join(plain_words[start : start + 60])
        assert len(text) > MAX_CHARACTERS or known.encode(text) == library.encode(text).ids


def test_it_forgets_rather_than_grow(library: Tokenizer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "MAX_WORDS", 10)
    known = KnownWords(library, {})
    for number in range(50):
        assert known.encode(f"order number {number}") == library.encode(f"order number {number}").ids
        assert len(known._ids) <= 10


def test_numbers_of_orders_do_not_crowd_out_the_words(library: Tokenizer) -> None:
    counting = Counting(library)
    known = KnownWords(counting, {})  # type: ignore[arg-type]
    for code in ("4711", "a7b", "4712", "within 24 hours"):
        known.encode(f"where is {code}")
    words_kept = len(known._ids)
    for number in range(5_000, 5_100):
        assert known.encode(f"where is {number}") == library.encode(f"where is {number}").ids
    asked = counting.calls
    assert known.encode("where is 24") is not None
    assert (len(known._ids), counting.calls) == (words_kept, asked)


def test_another_kind_of_tokenizer_is_left_alone() -> None:
    assert KnownWords(small_tokenizer(), {}).encode("hi") is None


def test_long_texts_are_the_librarys(known: KnownWords) -> None:
    assert known.encode("hi " * MAX_CHARACTERS) is None
