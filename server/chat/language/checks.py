"""What a finished answer is worth: whether it is whole, and whether the passages bear it out (pure)."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from server.chat.language.values import Passage

# PROTOCOL §5: a text has at most 8,000 code points; nobody reads half of that in a chat.
MAX_ANSWER_CODE_POINTS: Final = 4_000
# Words compare by their beginning, so that "deliver" bears out "delivery".
STEM_LETTERS: Final = 5
MIN_WORD_LETTERS: Final = 4
# A sentence with fewer such words is courtesy, and claims nothing.
MIN_CLAIM_WORDS: Final = 2
# What is left of a sentence's support when it names a number that nobody gave.
FOREIGN_NUMBER: Final = 0.25
# Sentences of an answer, and of what it is to rest on: a millisecond each.
MAX_EMBEDDED: Final = 40

_SENTENCE_END: Final = re.compile(r"(?:[.!?…]+[\"'”’)\]]*(?=\s|\Z)|[。！？]+[”」』]?)(?:\s*\[[0-9]+\])*")
_CITATION: Final = re.compile(r"\[([0-9]+)\]")
_CITED: Final = re.compile(r"\s*\[[0-9]+\]")
_WORD: Final = re.compile(r"[^\W\d_]+")
_NUMBER: Final = re.compile(r"\d+(?:[.,]\d+)*")
# Of service talk in any shop: they say nothing about whether a statement is so.
_COMMON: Final = frozenset(
    {
        "about", "after", "also", "always", "another", "because", "been", "before", "being", "between", "both", "could",
        "does", "doing", "done", "down", "each", "either", "else", "even", "every", "from", "further", "glad", "have",
        "having", "help", "here", "hello", "into", "just", "know", "like", "make", "many", "more", "most", "much",
        "need", "once", "only", "other", "over", "please", "same", "shall", "should", "some", "sorry", "such", "sure",
        "take", "than", "thank", "thanks", "that", "their", "them", "then", "there", "these", "they", "this", "those",
        "through", "under", "until", "very", "want", "well", "were", "what", "when", "where", "whether", "which",
        "while", "will", "with", "within", "would", "your", "yours", "you'll", "colleague", "happy",
    }
)  # fmt: skip


Floats = NDArray[np.float32]
Embed = Callable[[Sequence[str]], Floats]
"""Texts → (texts, dim), unit length. Blocks."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """Groundedness, nearness and citations → probability that the passages bear the answer out: a logistic curve (J.
    Platt, 1999), fitted to labelled answers by ``python -m loadtest.fit_confidence`` (docs/language-models.md)."""

    intercept: float = -1.04
    groundedness: float = 1.85
    cited: float = 0.05
    nearness: float = 0.0


WITH_MEANING: Final = Calibration(intercept=-1.43, groundedness=1.65, cited=0.01, nearness=0.73)
"""The curve for answers whose nearness is known."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """``groundedness``, ``nearness`` and ``confidence`` in [0, 1]; None where there were no passages, or nothing is
    claimed; ``nearness`` also where nobody embedded anything."""

    text: str
    cited: tuple[int, ...]
    groundedness: float | None
    confidence: float | None
    nearness: float | None = None


def judge(
    text: str,
    passages: Sequence[Passage],
    question: str,
    calibration: Calibration,
    *,
    embed: Embed | None = None,
    with_meaning: Calibration = WITH_MEANING,
) -> Verdict:
    """The final text in NFC, with what it rests on. ``embed``: for the nearness, which ``with_meaning`` then counts."""
    text = unicodedata.normalize("NFC", text).strip()
    cited = tuple(dict.fromkeys(int(number) for number in _CITATION.findall(text) if int(number) <= len(passages)))
    score = groundedness(text, passages, question) if passages else None
    if score is None:
        return Verdict(text, cited, None, None)
    near = None if embed is None else nearness(text, passages, question, embed)
    if near is None:
        return Verdict(text, cited, score, confidence(score, bool(cited), calibration))
    return Verdict(text, cited, score, confidence(score, bool(cited), with_meaning, near), near)


def confidence(score: float, is_cited: bool, calibration: Calibration, near: float = 0.0) -> float:
    """A probability."""
    z = calibration.intercept + calibration.groundedness * score + calibration.cited * is_cited
    return 1.0 / (1.0 + math.exp(-z - calibration.nearness * near))


def nearness(text: str, passages: Sequence[Passage], question: str, embed: Embed) -> float | None:
    """How near statements are to the nearest sentence of the passages: the mean of the cosines by their words, in
    [0, 1]. None: nothing is stated, or the passages say nothing."""
    stated = _statements(text, _numbers(question))
    told = [sentence for passage in passages for sentence in sentences(passage.text)][:MAX_EMBEDDED]
    if not stated or not told:
        return None
    claimed = [_CITED.sub("", sentence) for sentence, _ in stated][:MAX_EMBEDDED]
    vectors = embed([*claimed, *told])
    cosines = (vectors[: len(claimed)] @ vectors[len(claimed) :].T).max(axis=1)
    weights = np.array([max(len(words), 1) for _, words in stated[:MAX_EMBEDDED]], dtype=np.float32)
    return float(np.clip(weights @ cosines / weights.sum(), 0.0, 1.0))


def _statements(text: str, numbers: Set[str]) -> list[tuple[str, set[str]]]:
    """The sentences that claim something, with the stems of their words. ``numbers``: those that anybody may name."""
    found = []
    for sentence in sentences(text):
        plain = _CITATION.sub("", sentence)
        words = _stems(plain)
        if not sentence.rstrip().endswith("?") and (len(words) >= MIN_CLAIM_WORDS or _numbers(plain) - numbers):
            found.append((sentence, words))
    return found


def groundedness(text: str, passages: Sequence[Passage], question: str) -> float | None:
    """The share of the words of statements that stand in the passages or the question, in [0, 1]; a statement with a
    number that stands in neither keeps a quarter of its share. None: nothing is stated."""
    source = "\n".join((question, *(f"{passage.title}\n{passage.text}" for passage in passages)))
    known, numbers = _stems(source), _numbers(source)
    total, borne = 0, 0.0
    for sentence, words in _statements(text, numbers):
        foreign = _numbers(_CITATION.sub("", sentence)) - numbers
        share = len(words & known) / len(words) if words else 0.0
        weight = max(len(words), 1)
        total += weight
        borne += weight * share * (FOREIGN_NUMBER if foreign else 1.0)
    return borne / total if total else None


def sentences(text: str) -> list[str]:
    """With their ends and their citations."""
    found, start = [], 0
    for end in _SENTENCE_END.finditer(text):
        found.append(text[start : end.end()].strip())
        start = end.end()
    rest = text[start:].strip()
    return [sentence for sentence in (*found, rest) if sentence]


def whole_sentences(text: str) -> str:
    """``text`` up to the end of its last whole sentence; empty where it has none."""
    ends = [match.end() for match in _SENTENCE_END.finditer(text)]
    return text[: ends[-1]].rstrip() if ends else ""


def _stems(text: str) -> set[str]:
    words = (word.lower() for word in _WORD.findall(text))
    return {word[:STEM_LETTERS] for word in words if len(word) >= MIN_WORD_LETTERS and word not in _COMMON}


def _numbers(text: str) -> set[str]:
    return {number.replace(",", ".").rstrip("0").rstrip(".") or "0" for number in _NUMBER.findall(text)}
