"""Picking phrases: never one that was said in this conversation while another fits."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Final

from server.chat.writer.book import Pool
from server.chat.writer.conditions import Moment
from server.chat.writer.phrase import Phrase, make_phrase, style_text

# How often a persona speaks in its own words where the book has words too.
OWN_WORDS: Final = 0.6


@lru_cache(maxsize=1024)  # personas are few: eight of seven keys each, with room for edits and experiments
def style_pool(key: str, texts: tuple[str, ...]) -> Pool:
    """A persona's style words as phrases. Questions stay only where an answer ends."""
    sound = (style_text(text, may_ask=key == "closers") for text in texts)
    return tuple(make_phrase(f"style.{key}", text) for text in sound if text)


def choose(
    pools: Sequence[Pool],
    moment: Moment,
    said: Callable[[str], bool],
    allow: Callable[[Phrase], bool],
    rng: random.Random,
) -> Phrase | None:
    """An unsaid, allowed phrase of the first pool that has one; None where there is none."""
    for pool in pools:
        fresh = [phrase for phrase in pool if phrase.fits(moment) and not said(phrase.id) and allow(phrase)]
        if fresh:
            return _draw(fresh, moment, rng)
    return None


def repeat(
    pools: Sequence[Pool], moment: Moment, used: Mapping[str, int], allow: Callable[[Phrase], bool]
) -> Phrase | None:
    """For when everything that fits was said: what was said the longest ago. ``used``: id → its place in time."""
    fitting = [phrase for pool in pools for phrase in pool if allow(phrase) and phrase.fits(moment)]
    return min(fitting, key=lambda phrase: used.get(phrase.id, -1), default=None)


def _draw(phrases: list[Phrase], moment: Moment, rng: random.Random) -> Phrase:
    """One of the most exact. The terse take the shorter of two with the fewest sentences, the talkative the longer."""
    exact = max(phrase.exactness for phrase in phrases)
    best = [phrase for phrase in phrases if phrase.exactness == exact]
    taste = moment.levels.get("verbosity", "medium")
    if taste == "low":
        fewest = min(phrase.sentences for phrase in best)
        short = [phrase for phrase in best if phrase.sentences == fewest]
        return min(rng.choice(short), rng.choice(short), key=lambda phrase: len(phrase.source))
    if taste == "high":
        return max(rng.choice(best), rng.choice(best), key=lambda phrase: len(phrase.source))
    return rng.choice(best)
