"""Topics told by their words, for texts that the model doesn't place with confidence.

The files' ``words`` are plain words and phrases. They match whole words, whatever the case, the punctuation and the
apostrophes; ``...`` between words stands for up to four other words, ``*`` after a word's start for any ending.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

MAX_GAP_WORDS: Final = 4
# Customers' messages are short; what stands further back is a story, and the search stays within a millisecond.
MAX_SEARCHED_CODE_POINTS: Final = 1000
# "re*" would be found in half of all messages.
MIN_STEM_LETTERS: Final = 3

_APOSTROPHES: Final = re.compile(r"['’`]")
_ACCENTS: Final = re.compile("[\u0300-\u036f]")
_NOT_WORDS: Final = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class Pattern:
    """``expression``: matches where it begins in plain words. ``rank``: the least is the most particular."""

    rank: int
    expression: str
    topic: str

    def stands_at(self, plain: str, start: int) -> bool:
        """Whether it begins at the code point ``start`` of plain words."""
        return _compiled(self.expression).match(plain, start) is not None


@dataclass(frozen=True, slots=True)
class WordTopics:
    """Patterns by their first word, or by the first letters of its stem: most texts touch none or a few."""

    by_word: Mapping[str, tuple[Pattern, ...]]
    by_stem: Mapping[str, tuple[Pattern, ...]]

    def __bool__(self) -> bool:
        return bool(self.by_word or self.by_stem)

    def find(self, text: str) -> str | None:
        """The topic whose most particular words stand in ``text``; more words, then more letters, are more so."""
        plain = plain_words(text[:MAX_SEARCHED_CODE_POINTS])
        found: Pattern | None = None
        at = 0
        for word in plain.split():
            for pattern in (*self.by_word.get(word, ()), *self.by_stem.get(word[:MIN_STEM_LETTERS], ())):
                if (found is None or pattern.rank < found.rank) and pattern.stands_at(plain, at):
                    found = pattern
            at += len(word) + 1
        return found.topic if found is not None else None

    def find_all(self, text: str) -> frozenset[str]:
        """Every topic whose words stand in ``text``."""
        plain = plain_words(text[:MAX_SEARCHED_CODE_POINTS])
        found, at = set(), 0
        for word in plain.split():
            for pattern in (*self.by_word.get(word, ()), *self.by_stem.get(word[:MIN_STEM_LETTERS], ())):
                if pattern.topic not in found and pattern.stands_at(plain, at):
                    found.add(pattern.topic)
            at += len(word) + 1
        return frozenset(found)


def plain_words(text: str) -> str:
    """Lower-case words with single spaces between them: "Where's my ORDER?" is "wheres my order". Accents are left out,
    as customers leave them out: "¿Dónde está?" is "donde esta"."""
    if not text.isascii():
        text = _ACCENTS.sub("", unicodedata.normalize("NFKD", text))
    return _NOT_WORDS.sub(" ", _APOSTROPHES.sub("", text.casefold())).strip()


def split_words(text: str) -> list[list[str]]:
    """Authored words by the gaps between them: "Cancel ... order*" is [["cancel"], ["order*"]]."""
    parts = text.replace("…", "...").split("...")
    return [
        [plain_words(word) + "*" * word.endswith("*") for word in part.split() if plain_words(word)] for part in parts
    ]


def word_topics(words: Mapping[str, str]) -> WordTopics:
    """The search for checked words (``values.topic_words_of``) → topic."""
    by_word: defaultdict[str, list[Pattern]] = defaultdict(list)
    by_stem: defaultdict[str, list[Pattern]] = defaultdict(list)
    ranked = sorted(words, key=lambda one: (-len(one.replace("...", " ").split()), -len(one), one))
    for rank, one in enumerate(ranked):
        parts = [" ".join(part) for part in split_words(one)]
        first = parts[0].split()[0]
        where = by_stem[first[:MIN_STEM_LETTERS]] if first.endswith("*") else by_word[first]
        where.append(Pattern(rank, _expression(parts), words[one]))
    return WordTopics(
        {word: tuple(patterns) for word, patterns in by_word.items()},
        {stem: tuple(patterns) for stem, patterns in by_stem.items()},
    )


def _expression(parts: Sequence[str]) -> str:
    """The parts one after the other in plain words, with up to ``MAX_GAP_WORDS`` between two of them."""
    whole = (re.escape(part).replace(r"\*", "[^ ]*") for part in parts)
    return f"(?: [^ ]+){{0,{MAX_GAP_WORDS}}} ".join(whole) + "(?![^ ])"


@cache  # few are ever tried, and all five hundred would cost each start 40 ms
def _compiled(expression: str) -> re.Pattern[str]:
    return re.compile(expression)
