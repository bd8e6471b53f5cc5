"""Topics told by their words, for texts that the model doesn't place with confidence.

The files' ``words`` are plain words and phrases. They match whole words, whatever the case, the punctuation and the
apostrophes; ``...`` between words stands for up to four other words, ``*`` after a word's start for any ending.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

MAX_GAP_WORDS: Final = 4
# Customers' messages are short; what stands further back is a story, and the search stays within a millisecond.
MAX_SEARCHED_CODE_POINTS: Final = 1000
# "re*" would be found in half of all messages.
MIN_STEM_LETTERS: Final = 3

_APOSTROPHES: Final = re.compile(r"['’`]")
_NOT_WORDS: Final = re.compile(r"[\W_]+")
_GAP: Final = rf"(?: \S+){{0,{MAX_GAP_WORDS}}} "


@dataclass(frozen=True, slots=True)
class WordTopics:
    """Patterns, the most particular first, each with its topic's name."""

    patterns: tuple[tuple[re.Pattern[str], str], ...] = ()

    def find(self, text: str) -> str | None:
        """The topic whose most particular words stand in ``text``; more words, then more letters, are more so."""
        plain = f" {plain_words(text[:MAX_SEARCHED_CODE_POINTS])} "
        return next((topic for pattern, topic in self.patterns if pattern.search(plain)), None)


def plain_words(text: str) -> str:
    """Lower-case words with single spaces between them: "Where's my ORDER?" is "wheres my order"."""
    return _NOT_WORDS.sub(" ", _APOSTROPHES.sub("", text.casefold())).strip()


def split_words(text: str) -> list[list[str]]:
    """Authored words by the gaps between them: "Cancel ... order*" is [["cancel"], ["order*"]]."""
    parts = text.replace("…", "...").split("...")
    return [
        [plain_words(word) + "*" * word.endswith("*") for word in part.split() if plain_words(word)] for part in parts
    ]


def word_topics(words: Mapping[str, str]) -> WordTopics:
    """The search for checked words (``values.topic_words_of``) → topic."""
    ranked = sorted(words, key=lambda one: (-len(one.replace("...", " ").split()), -len(one), one))
    return WordTopics(tuple((_pattern(one), words[one]) for one in ranked))


def _pattern(words: str) -> re.Pattern[str]:
    parts = (" ".join(map(_word, part)) for part in split_words(words))
    return re.compile(f" {_GAP.join(parts)} ")


def _word(word: str) -> str:
    return re.escape(word.rstrip("*")) + (r"\S*" if word.endswith("*") else "")
