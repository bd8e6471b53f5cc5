"""Which language a text is in, or ``und`` where that can't be told (pure but for the model that is asked).

A script that one language dominates decides by itself, frequent short words do where they agree, and a language model
(``langid``) is asked about the rest, with what the words say added to its probabilities. What is neither sure nor
English is ``und``: a name, a city or a model number is in no language.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from inference.langid import Guess, guesses
from inference.lexicon import words_of

UNDETERMINED = "und"  # ISO 639-2
ENGLISH = "en"

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
_WORD = re.compile(r"[^\W\d_]{2}")
_ADDRESS = re.compile(r"\S{0,200}(?:://|@|www\.)\S{0,2000}")
_ADDRESS_HINT = re.compile(r"://|@|www\.")

WRITTEN_IN_LATIN = frozenset(
    (
        "ca", "cs", "da", "de", "en", "es", "fi", "fr", "hr", "hu", "id", "it", "nl", "no", "pl", "pt", "ro", "sk",
        "sv", "tr", "vi",
    )
)  # fmt: skip
"""Those that the model's word is taken for. It knows many more, and short texts look like all of them."""

# Chosen on the lines of loadtest/languages.yaml and on English chat (docs/benchmarks.md).
CLEAR_LEAD = 2
WEIGHT_OF_A_WORD = 0.3
HEAD_START_OF_ENGLISH = 0.1
SURE_FROM, SURE_WITH_A_WORD_FROM = 0.5, 0.3
CONFIDENCE_OF_ONE_WORD = 0.7


def language(
    text: str,
    words: Sequence[str],
    stop_words: Mapping[str, tuple[str, ...]],
    guess: Callable[[str], Sequence[Guess]] = guesses,
) -> str:
    """ISO 639-1 code or ``und``. The arguments are those of ``identify``."""
    return identify(text, words, stop_words, guess)[0]


def identify(
    text: str,
    words: Sequence[str],
    stop_words: Mapping[str, tuple[str, ...]],
    guess: Callable[[str], Sequence[Guess]] = guesses,
) -> tuple[str, float]:
    """ISO 639-1 code or ``und``, and how sure that is, in [0, 1]: 1 where script or words tell it, 0 for ``und``.

    Args:
        words: the text's, in small letters.
        stop_words: word → its languages.
        guess: text → languages with their probabilities.
    """
    if not text.isascii() and (found := _by_script(text)):
        return found, 1.0
    if _ADDRESS_HINT.search(text):
        text = _ADDRESS.sub(" ", text)
        words = words_of(text)
    counts: dict[str, int] = {}
    for word in words:
        if len(word) == 1:
            continue  # a house number's letter as often as a word
        for name in stop_words.get(word, ()):
            counts[name] = counts.get(name, 0) + 1
    if counts:
        first, second = sorted((*counts.values(), 0), reverse=True)[:2]
        if first - second >= CLEAR_LEAD or first == len(words) > second:
            surely = 1.0 if first - second >= CLEAR_LEAD else CONFIDENCE_OF_ONE_WORD
            return max(counts, key=counts.__getitem__), surely
    elif _WORD.search(text) is None:
        return UNDETERMINED, 0.0
    return _weighed(counts, guess(text))


def _weighed(counts: Mapping[str, int], guessed: Sequence[Guess]) -> tuple[str, float]:
    scores = {name: p for name, p in guessed if name in WRITTEN_IN_LATIN}
    for name, count in counts.items():
        scores[name] = scores.get(name, 0.0) + WEIGHT_OF_A_WORD * count
    scores[ENGLISH] = scores.get(ENGLISH, 0.0) + HEAD_START_OF_ENGLISH
    best = max(scores, key=scores.__getitem__)
    known = best in counts or best == ENGLISH
    if scores[best] < (SURE_WITH_A_WORD_FROM if known else SURE_FROM):
        return UNDETERMINED, 0.0
    return best, min(1.0, scores[best])


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
