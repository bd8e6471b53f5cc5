"""Countable features of answers, to compare personas with."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from statistics import fmean

from adapters.personas import Persona
from server.chat.writer import BuiltInWriter, Situation, Written
from server.chat.writer.choosing import style_pool
from server.chat.writer.register import CONTRACTION
from tests.unit.writer.support import book

# Words that mark a formal letter, and those of a chat among friends (after the formality lists of Heylighen and
# Dewaele 1999 in spirit: courtesy formulas against interjections).
FORMAL = re.compile(
    r"\b(?:certainly|kindly|please|gladly|apologi[sz]e|apologies|regret|should you|may i|enquiry|cannot|is not|"
    r"do not|does not|it is|i am|i will|i have|that is|you are|let us|remain at your|good day|would like)\b",
    re.IGNORECASE,
)
CASUAL = re.compile(r"\b(?:hey|hi|yeah|okay|cool|sure|ugh|oof|yikes|ha|shout|got it|no fun)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Measured:
    """Means per answer. ``contractions`` and ``formal`` are per 100 words; ``empathy`` and ``next_steps``: shares."""

    words: float
    sentences: float
    contractions: float
    formal: float
    casual: float
    exclamations: float
    empathy: float
    humor: float
    next_steps: float
    suggestions: float
    emoji: float


def measure(who: Persona, case: Callable[[Persona], Situation], answers: int = 60) -> Measured:
    """The means over differently seeded answers of one persona to one situation."""
    writer = BuiltInWriter(book())
    written = [writer.write(case(who), random.Random(seed)) for seed in range(answers)]
    words = sum(len(one.text.split()) for one in written)
    texts = " \n".join(one.text for one in written)
    return Measured(
        words=words / answers,
        sentences=fmean(len(re.findall(r"[.!?…](?= |$)", one.text)) for one in written),
        contractions=100 * len(CONTRACTION.findall(texts)) / words,
        formal=100 * len(FORMAL.findall(texts)) / words,
        casual=100 * len(CASUAL.findall(texts)) / words,
        exclamations=texts.count("!") / answers,
        empathy=fmean(_has(one, _ids("empathy") | _style(who, "empathy")) for one in written),
        humor=fmean(_has(one, _ids("humor")) for one in written),
        next_steps=fmean(_has(one, _ids("next")) for one in written),
        suggestions=fmean(len(one.suggestions) for one in written),
        emoji=fmean(any(emoji in one.text for emoji in who.style.get("emoji", ())) for one in written),
    )


def _has(written: Written, ids: set[str]) -> bool:
    return not ids.isdisjoint(written.phrases)


def _ids(pool: str) -> set[str]:
    groups: list[Iterable[str]] = [(phrase.id for phrase in book().pools[pool])]
    groups += [(phrase.id for phrase in domain.pools.get(pool, ())) for domain in book().domains.values()]
    groups += [(phrase.id for phrase in intent.pool(pool)) for intent in book().intents.values()]
    return {one for group in groups for one in group}


def _style(who: Persona, key: str) -> set[str]:
    return {phrase.id for phrase in style_pool(key, who.style.get(key, ()))}
