"""The phrases that a text is about, by RAKE (pure; off the hot path, for reports and analytics).

Rose et al. 2010, *Automatic Keyword Extraction from Individual Documents*: candidates are the runs of words between
stop words and punctuation; a word's score is its degree (the words that it stands beside, itself included) divided by
its frequency, a phrase's the sum of its words'.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping

MAX_CHARACTERS = 100_000
"""Of a longer text only the beginning is read: a transcript of a whole day fits."""

MAX_WORDS = 4
"""A longer run is a sentence without stop words (another language, a list) rather than a phrase; it is left out."""

_PART = re.compile(r"[^\W_]+(?:['’\-][^\W_]+)*|[^\w\s]|\n")
_LETTER = re.compile(r"[^\W\d_]")
# Words of chats that say what is done or meant, never what about; in English, as are most of the texts.
_FILLERS = """
again already also always anyone anything away back because being bit bring call come could day does doing done even
ever every everything find first getting get give go goes going gone got guess guys help hello hi hope i'd i'll i'm
i've it's just keep keeps know last let like long look looking lot lots made make many maybe might mine more most
much must never new next nothing now off often oh ok okay once one only other over really right said same say says
send sent several shall since someone something soon still stop such sure take tell thing things think though time
times too took tried try trying until us use used using want wants way well went whole whom whose without yet
can't couldn't didn't doesn't don't hadn't hasn't haven't isn't that's there's they're wasn't we're weren't what's
where's who's won't wouldn't you're
"""


def keywords(text: str, stop_words: Collection[str], limit: int = 5) -> tuple[tuple[str, float], ...]:
    """At most ``limit`` phrases of ``text`` in small letters with their scores, the highest first, equal ones in the
    order of the text. ``stop_words`` in small letters; those of ``stop_words_of``, or of your own.
    """
    phrases = [phrase for phrase in _phrases(text[:MAX_CHARACTERS], stop_words) if len(phrase) <= MAX_WORDS]
    frequency: Counter[str] = Counter()
    degree: Counter[str] = Counter()
    for phrase in phrases:
        for word in phrase:
            frequency[word] += 1
            degree[word] += len(phrase)
    scores = {" ".join(phrase): sum(degree[word] / frequency[word] for word in phrase) for phrase in phrases}
    ranked = sorted(scores.items(), key=lambda entry: -entry[1])
    return tuple((phrase, round(score, 4)) for phrase, score in ranked[: max(0, limit)])


def stop_words_of(languages: Mapping[str, tuple[str, ...]], language: str) -> frozenset[str]:
    """The lexicon's stop words of ``language``, with English chat's fillers; ``languages``: word → its languages."""
    return frozenset(_FILLERS.split()) | {
        word for word, spoken in languages.items() if language in spoken or "en" in spoken
    }


def _phrases(text: str, stop_words: Collection[str]) -> Iterator[tuple[str, ...]]:
    run: list[str] = []
    for part in _PART.findall(text.lower().replace("’", "'")):
        if part in stop_words or not part[0].isalnum():
            if run:
                yield tuple(run)
            run = []
        elif _LETTER.search(part) is not None or run:
            run.append(part)  # a number alone is no topic, "iphone 15" is
    if run:
        yield tuple(run)
