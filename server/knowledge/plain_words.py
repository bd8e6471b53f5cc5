"""The words of a text as the search knows them, the same on every database (pure)."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

MAX_WORD_CHARACTERS: Final = 64
MAX_SOUGHT: Final = 16
"""Of a search; nobody types more."""

_RUN: Final = re.compile(r"[^\W_]+")
# Written without blanks between words: Han, kana, Thai, Lao, Khmer, Burmese.
_UNSPACED: Final = re.compile("[぀-ヿ㐀-鿿豈-﫿฀-໿ក-៿က-႟]+")


def words_of(text: str) -> list[str]:
    """Every word of ``text`` in its order, without case and accents; of a run without blanks pairs of characters."""
    found: list[str] = []
    for run in _RUN.findall(_plain(text)):
        start = 0
        for unspaced in _UNSPACED.finditer(run):
            found += _cut(run[start : unspaced.start()])
            found += _pairs(unspaced[0])
            start = unspaced.end()
        found += _cut(run[start:])
    return found


def sought_words(text: str) -> tuple[str, ...]:
    """What somebody looks for, each once; of a run without blanks the pairs only, since its last character alone
    begins another word."""
    found: list[str] = []
    for run in _RUN.findall(_plain(text)):
        start = 0
        for unspaced in _UNSPACED.finditer(run):
            found += _cut(run[start : unspaced.start()])
            pairs = _pairs(unspaced[0])
            found += pairs[:-1] or pairs
            start = unspaced.end()
        found += _cut(run[start:])
    return tuple(dict.fromkeys(found))[:MAX_SOUGHT]


def _plain(text: str) -> str:
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(char for char in decomposed if not unicodedata.combining(char))


def _cut(word: str) -> list[str]:
    return [word[:MAX_WORD_CHARACTERS]] if word else []


def _pairs(run: str) -> list[str]:
    """Each character with the next; the last one alone, so that every one is found by itself."""
    return [run[place : place + 2] for place in range(len(run))]
