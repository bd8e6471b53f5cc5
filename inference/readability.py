"""How easily a text reads: the Flesch reading ease and its versions for other languages (pure; off the hot path).

Syllables are counted by groups of vowels, with English's silent e: within a few per cent of a dictionary on running
text, and unsure on a single word. So is the score on a single short message; compare means.
"""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple


class Formula(NamedTuple):
    """``base - per_sentence · words / sentences - per_word · syllables / words``."""

    base: float
    per_sentence: float
    per_word: float


FORMULAS = {
    "en": Formula(206.835, 1.015, 84.6),  # Flesch 1948, A new readability yardstick
    "de": Formula(180.0, 1.0, 58.5),  # Amstad 1978
    "fr": Formula(207.0, 1.015, 73.6),  # Kandel and Moles 1958
    "es": Formula(206.84, 1.02, 60.0),  # Fernández Huerta 1959
    "it": Formula(217.0, 1.3, 60.0),  # Franchina and Vacca 1986
    "nl": Formula(206.84, 0.93, 77.0),  # Douma 1960
}
MAX_CHARACTERS = 100_000
"""Of a longer text only the beginning is read."""

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_SENTENCE_END = re.compile(r"[.!?…]+(?=\s|$)|\n+")
_VOWELS = re.compile("[aeiouyæœø]+")
_SILENT = re.compile(r"(?<=[^aeiouy])(?:e|es|ed|e(?=(?:ly|ments?|less|ful|fully)$).*)$")
_SOUNDED = re.compile(r"(?:[^aeiouy]le(?:s|ment|ments)?|[td]ed|(?:[csxz]|sh|ch|[dlnaeiou]g)es)$")
_APART = re.compile(
    r"(?<![tcsg])ia|(?<![tcsgln])io|(?<![gq])ua|eo(?!u)|(?<=[dr])eas?$|(?<=cr)ea(?=t[eio])"
    r"|(?<=sc)ie|(?<![tcr])ie(?=n|t)|[yeo]ing"
)
_EXCEPTIONS = {
    "business": 2, "create": 2, "element": 3, "elements": 3, "every": 2, "everyone": 3, "everything": 3,
    "experience": 4, "experiences": 5, "people": 2, "rhythm": 2,
}  # fmt: skip


def flesch_reading_ease(text: str, language: str = "en") -> float | None:
    """Some 100 for the easiest texts, 60 for plain ones, below 30 for hard ones; there is no bound on either side.

    None where there is no formula for ``language`` (ISO 639-1) or no word in ``text``.
    """
    formula = FORMULAS.get(language)
    text = text[:MAX_CHARACTERS]
    words = _WORD.findall(text)
    if formula is None or not words:
        return None
    sentences = sum(_WORD.search(part) is not None for part in _SENTENCE_END.split(text))
    syllables_per_word = sum(syllables(word, language) for word in words) / len(words)
    return formula.base - formula.per_sentence * len(words) / sentences - formula.per_word * syllables_per_word


def syllables(word: str, language: str = "en") -> int:
    """Syllables of one word, at least 1."""
    plain = _without_marks(word.lower())
    if language != "en":
        return max(1, len(_VOWELS.findall(plain)))
    plain = plain.replace("'", "").replace("’", "")
    if plain in _EXCEPTIONS:
        return _EXCEPTIONS[plain]
    count = len(_VOWELS.findall(plain)) + len(_APART.findall(plain))
    if _SILENT.search(plain) and not _SOUNDED.search(plain):
        count -= 1
    return max(1, count)


def _without_marks(text: str) -> str:
    return "".join(letter for letter in unicodedata.normalize("NFD", text) if not unicodedata.combining(letter))
