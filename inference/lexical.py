"""Rules that read a text's words, punctuation and emoji (pure): act, urgency, politeness, toxicity.

They are rules, not a model, and the model card says so: word lists (``lexicon.yaml``), the form of the sentence, and
what the model's heads said about intent and sentiment. ``scan`` walks the text once; the rest are sums over what it
found. Weights were set by hand.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import NamedTuple

from inference.lexicon import Entry, Lexicon, Mark, Phrases, Says, Scores, words_of

_MARKS = re.compile(r"[!?！？]+(?!\w)")
_CAPITALS = re.compile(r"\b[A-Z]{2,}\b")
_SMALL = re.compile(r"[a-z]")
_YOU = frozenset({"you", "u", "ur", "your", "you're", "youre", "yourself", "yall", "y'all"})
_YOU_REACH = 3
"""Words between an insult and a "you" that makes it personal: "you are all complete idiots"."""


class Cues(NamedTuple):
    """What one walk over a text found.

    ``marks`` has one entry a word: the conversational mark it belongs to, ``filler``, or "" for content.
    ``emoji_mood`` is an emotion or "". ``complaint``, ``urgency`` and ``toxicity`` are chances in [0, 1], ``calm`` the
    chance that there is no hurry, ``politeness`` a sum. ``shouting`` is 1 for capitals throughout, .5 for one shouted
    word, else 0.
    """

    words: tuple[str, ...]
    marks: tuple[str, ...]
    alone: frozenset[int]
    emoji_mark: str
    emoji_mood: str
    forms: frozenset[str]
    complaint: float
    urgency: float
    calm: float
    politeness: float
    toxicity: float
    exclamations: int
    questions: int
    shouting: float

    @property
    def only_social(self) -> bool:
        """Whether something is said, and nothing but greeting, thanks and the like."""
        return "" not in self.marks and any(mark != "filler" for mark in self.marks)

    def strong(self, index: int) -> str:
        """The mark at ``index`` where it also holds beside content."""
        return "" if index in self.alone else self.marks[index]


class _Sums:
    """Running totals; chances are kept as the chance of the opposite, so that they only multiply."""

    __slots__ = ("no_calm", "no_complaint", "no_toxicity", "no_urgency", "politeness")

    def __init__(self) -> None:
        self.no_complaint = self.no_urgency = self.no_calm = self.no_toxicity = 1.0
        self.politeness = 0.0

    def add(self, scores: Scores, *, shouted: bool = False, personal: bool = False) -> None:
        complaint, urgency, politeness, toxicity = scores
        self.no_complaint *= 1.0 - complaint
        self.politeness += politeness
        if urgency >= 0:
            self.no_urgency *= (1.0 - urgency) ** (2 if shouted else 1)
        else:
            self.no_calm *= 1.0 + urgency
        self.no_toxicity *= (1.0 - toxicity) ** (2 if personal else 1)


def scan(text: str, lexicon: Lexicon) -> Cues:
    """One walk over ``text``: every phrase that is not part of a longer one counts."""
    words, found = _look_up(words_of(text), lexicon)
    capitals = _CAPITALS.findall(text)
    marks, alone = _marks(words, [(index, entry.marks) for index, entry in found if entry.marks])
    shouted = {word.lower() for word in capitals}
    sums = _weigh(words, [(index, entry.scores) for index, entry in found if entry.scores], shouted)
    forms = _phrases(words, [(index, entry.forms) for index, entry in found if entry.forms])
    emoji_mark, emoji_mood = ("", "") if text.isascii() else _scan_emoji(text, lexicon, sums)
    exclamations, questions = _punctuation(text)
    return Cues(
        words=tuple(words),
        marks=tuple(marks),
        alone=alone,
        emoji_mark=emoji_mark,
        emoji_mood=emoji_mood,
        forms=frozenset([form for _, _, form in forms if form != "none"]),
        complaint=1.0 - sums.no_complaint,
        urgency=1.0 - sums.no_urgency,
        calm=1.0 - sums.no_calm,
        politeness=sums.politeness,
        toxicity=1.0 - sums.no_toxicity,
        exclamations=exclamations,
        questions=questions,
        shouting=_shouting(text, capitals) if capitals else 0.0,
    )


def _look_up(words: list[str], lexicon: Lexicon) -> tuple[list[str], list[tuple[int, Entry]]]:
    """The words as the lexicon spells them, and the entries of those that it lists."""
    entries, found = lexicon.entries, []
    for index, word in enumerate(words):
        entry = entries.get(word)
        if entry is None and (spelled := lexicon.spell(word)) is not word:
            words[index] = spelled
            entry = entries.get(spelled)
        if entry is not None:
            found.append((index, entry))
    return words, found


def _phrases(words: list[str], found: Sequence[tuple[int, Phrases[Says]]]) -> list[tuple[int, int, Says]]:
    """(start, end, what it says) of the longest phrase at each word; those inside an earlier one are left out."""
    matches, covered, last = [], 0, len(words) - 1
    for index, phrases in found:
        following = words[index + 1] if index < last else ""
        for rest, says in phrases.get(following, ()) + phrases.get("", ()):
            end = index + 1 + len(rest)
            if not rest or tuple(words[index + 1 : end]) == rest:
                if end > covered:
                    matches.append((index, end, says))
                    covered = end
                break
    return matches


def _marks(words: list[str], found: Sequence[tuple[int, Phrases[Mark]]]) -> tuple[list[str], frozenset[int]]:
    marks, alone = [""] * len(words), set[int]()
    for start, end, mark in _phrases(words, found):
        marks[start:end] = [mark.name] * (end - start)
        if mark.alone:
            alone.update(range(start, end))
    return marks, frozenset(alone)


def _weigh(words: list[str], found: Sequence[tuple[int, Phrases[Scores]]], shouted: set[str]) -> _Sums:
    sums = _Sums()
    for start, end, scores in _phrases(words, found):
        personal = scores[3] > 0 and _is_personal(words, start, end)
        sums.add(scores, shouted=words[start] in shouted, personal=personal)
    return sums


def _is_personal(words: list[str], start: int, end: int) -> bool:
    return any(word in _YOU for word in words[max(0, start - _YOU_REACH) : end + 1])


def _scan_emoji(text: str, lexicon: Lexicon, sums: _Sums) -> tuple[str, str]:
    """The first mark and the first mood."""
    mark = mood = ""
    for char in dict.fromkeys(text):
        if (emoji := lexicon.emoji.get(char)) is not None:
            sums.add(emoji.scores)
            mark, mood = mark or emoji.mark, mood or emoji.mood
    return mark, mood


def _punctuation(text: str) -> tuple[int, int]:
    """The longest run of exclamation marks and of question marks; "?!" counts for both."""
    exclamations = questions = 0
    for run in _MARKS.findall(text):
        exclamations = max(exclamations, run.count("!") + run.count("！"))
        questions = max(questions, run.count("?") + run.count("？"))
    return exclamations, questions


def _shouting(text: str, capitals: list[str]) -> float:
    if not _SMALL.search(text):
        return 1.0 if sum(map(len, capitals)) >= 4 else 0.0
    loud = sum(len(word) for word in capitals if len(word) > 3)
    if loud > 0.4 * sum(map(str.isalpha, text)):
        return 1.0
    return 0.5 if loud else 0.0


def urgency(cues: Cues, *, intent_urgency: float = 0.0, sentiment_score: float = 0.0) -> float:
    """How soon an answer is wanted, in [0, 1].

    Words, capitals, runs of marks, a bad mood and what the intent usually needs are independent reasons; a phrase that
    takes the hurry out ("no rush") takes it out of all of them.
    """
    pleased = "thanks" in cues.marks or sentiment_score > 0.3
    word_urgency = cues.urgency * (0.3 if pleased and not cues.forms and not cues.questions else 1.0)
    none = (1.0 - word_urgency) * (1.0 - intent_urgency) * (1.0 - 0.2 * cues.complaint)
    if not pleased:
        none *= 1.0 - 0.08 * min(3, max(0, cues.exclamations - 1))
        none *= 1.0 - 0.3 * cues.shouting
    none *= 1.0 - 0.08 * min(3, max(0, cues.questions - 1))
    none *= 1.0 - 0.2 * max(0.0, -sentiment_score)
    return _unit((1.0 - none) * (1.0 - cues.calm))


def politeness(cues: Cues, *, sentiment_score: float = 0.0) -> float:
    """How the writer treats the other side, in [-1, 1]: 0 is neutral."""
    total = cues.politeness - 1.6 * cues.toxicity - 0.35 * cues.complaint + 0.15 * min(0.0, sentiment_score)
    angry = cues.complaint > 0.3 or sentiment_score < -0.3
    if angry:
        total -= 0.3 * cues.shouting + 0.06 * min(3, max(0, cues.exclamations - 1))
    total -= 0.08 * min(3, max(0, cues.questions - 1))
    return max(-1.0, min(1.0, math.tanh(total)))


def toxicity(cues: Cues) -> float:
    """How likely people are insulted, threatened or demeaned, in [0, 1]; shouting an insult adds a fifth."""
    return _unit(1.0 - (1.0 - cues.toxicity) ** (1.0 + 0.2 * cues.shouting))


def _unit(value: float) -> float:
    return max(0.0, min(1.0, value))
