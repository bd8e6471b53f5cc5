"""The register of a sentence: one authored text, three ways to say it.

``[Hi|Hello]`` gives the casual and the formal words, ``[Hey|Hi|Good day]`` casual, plain and formal ones. With two, the
plain register takes the second. The formal register also spells contractions out ("I'll" becomes "I will").
"""

from __future__ import annotations

import re
from typing import Final

CASUAL, PLAIN, FORMAL = 0, 1, 2

_CHOICE: Final = re.compile(r"\[([^\[\]]*)\]")
_SPELLED_OUT: Final = {
    "aren't": "are not",
    "can't": "cannot",
    "couldn't": "could not",
    "didn't": "did not",
    "doesn't": "does not",
    "don't": "do not",
    "hadn't": "had not",
    "hasn't": "has not",
    "haven't": "have not",
    "here's": "here is",
    "how's": "how is",
    "i'd": "I would",
    "i'll": "I will",
    "i'm": "I am",
    "i've": "I have",
    "isn't": "is not",
    "it'll": "it will",
    "it's": "it is",
    "let's": "let us",
    "mustn't": "must not",
    "nobody's": "nobody is",
    "shouldn't": "should not",
    "that'd": "that would",
    "that'll": "that will",
    "that's": "that is",
    "there's": "there is",
    "they'd": "they would",
    "they'll": "they will",
    "they're": "they are",
    "they've": "they have",
    "wasn't": "was not",
    "we'd": "we would",
    "we'll": "we will",
    "we're": "we are",
    "we've": "we have",
    "weren't": "were not",
    "what's": "what is",
    "when's": "when is",
    "where's": "where is",
    "who's": "who is",
    "won't": "will not",
    "wouldn't": "would not",
    "you'd": "you would",
    "you'll": "you will",
    "you're": "you are",
    "you've": "you have",
}
CONTRACTION: Final = re.compile(rf"\b(?:{'|'.join(sorted(_SPELLED_OUT, key=len, reverse=True))})\b", re.IGNORECASE)
_BLANKS: Final = re.compile(r"\s+")
_BLANK_BEFORE_MARK: Final = re.compile(r" ([.,!?;:])")


_SENTENCE_START: Final = re.compile(r"((?:^|[.!?…] )[¿¡„“«]*)([a-zà-öø-þāăąćčęěğłńňőřśšťűůźžż])")

_HAS: Final = re.compile(r"\b(it|that|there|here|who|what|where)'s (been|got)\b", re.IGNORECASE)


def spell_out(text: str) -> str:
    """``text`` without contractions; the first letter's case is kept."""

    def full(match: re.Match[str]) -> str:
        found = match.group()
        words = _SPELLED_OUT[found.lower()]
        return words[0].upper() + words[1:] if found[0].isupper() else words

    text = text.replace("’", "'")
    return CONTRACTION.sub(full, _HAS.sub(r"\1 has \2", text)) if "'" in text else text


def tidy(text: str) -> str:
    """Single spaces, none before punctuation, a capital at the start and after each sentence's end."""
    text = _BLANKS.sub(" ", text).strip()
    return capitals(_BLANK_BEFORE_MARK.sub(r"\1", text))


def capitals(text: str) -> str:
    """A capital at the start and after each sentence's end, also behind the marks that open a Spanish sentence."""
    return _SENTENCE_START.sub(lambda match: match.group(1) + match.group(2).upper(), text)


def choices_of(text: str) -> list[list[str]]:
    """The alternatives of every ``[…]`` in ``text``."""
    return [match.group(1).split("|") for match in _CHOICE.finditer(text)]


def registers(text: str) -> tuple[str, str, str]:
    """``text`` in the casual, plain and formal register."""

    def pick(register: int) -> str:
        def one(match: re.Match[str]) -> str:
            options = match.group(1).split("|")
            return options[min(register, len(options) - 1)]

        return tidy(_CHOICE.sub(one, text))

    if "[" not in text:  # most texts: nothing to choose
        same = tidy(text)
        return same, same, spell_out(same)
    return pick(CASUAL), pick(PLAIN), spell_out(pick(FORMAL))
