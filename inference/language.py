"""Which language a text is in: a cheap heuristic, not an identifier (pure).

A script that one language dominates decides by itself; in the Latin script the frequent short words are counted.
``en`` where nothing speaks against it, so names, numbers and single borrowed words stay English.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

_SCRIPTS = (
    ("ja", re.compile("[\u3040-\u30ff]")),
    ("zh", re.compile("[\u4e00-\u9fff]")),
    ("ko", re.compile("[\uac00-\ud7af\u1100-\u11ff]")),
    ("uk", re.compile("[іїєґ]", re.IGNORECASE)),
    ("ru", re.compile("[\u0400-\u04ff]")),
    ("el", re.compile("[\u0370-\u03ff]")),
    ("he", re.compile("[\u0590-\u05ff]")),
    ("ar", re.compile("[\u0600-\u06ff]")),
    ("hi", re.compile("[\u0900-\u097f]")),
    ("th", re.compile("[\u0e00-\u0e7f]")),
)
"""Before the plainer script stands the one whose letters are a subset's sign: kana make Han Japanese."""

_LATIN = re.compile("[A-Za-z\u00c0-\u024f]")
DEFAULT = "en"


def language(text: str, words: Sequence[str], stop_words: Mapping[str, tuple[str, ...]]) -> str:
    """ISO 639-1 code; ``words`` are the text's words in small letters, ``stop_words`` word → its languages."""
    if not text.isascii() and (found := _by_script(text)):
        return found
    counts: dict[str, int] = {}
    for word in words:
        for name in stop_words.get(word, ()):
            counts[name] = counts.get(name, 0) + 1
    if not counts:
        return DEFAULT
    best = max(counts, key=lambda name: (counts[name], name == DEFAULT))
    needed = 1 if len(words) <= 2 else 2
    return best if counts[best] > counts.get(DEFAULT, 0) and counts[best] >= needed else DEFAULT


def _by_script(text: str) -> str:
    latin = len(_LATIN.findall(text))
    for name, letters in _SCRIPTS:
        if (found := len(letters.findall(text))) and found + _kin(name, text) > latin:
            return name
    return ""


def _kin(name: str, text: str) -> int:
    """Letters that belong to the language beside its telling ones."""
    kin = {"ja": "zh", "uk": "ru"}.get(name)
    return sum(len(letters.findall(text)) for other, letters in _SCRIPTS if other == kin)
