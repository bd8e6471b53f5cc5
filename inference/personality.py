"""What somebody's words hint at of the Big Five: counts of word kinds, held against how often chats use them (pure).

These are weak indicators. Over thousands of words per author, single word categories correlate with questionnaires at
r = .05 to .25 (Pennebaker & King 1999, Journal of Personality and Social Psychology 77; Mairesse, Walker, Mehl & Moore
2007, Journal of Artificial Intelligence Research 30; Yarkoni 2010, Journal of Research in Personality 44), and a chat
has dozens of words, about a matter that the customer did not choose. They are hints for a policy that finds out by
itself whether they help, never a judgement of a person; no page shows them.

Which kinds speak for which trait, and which against, follows what this literature commonly reports, not the tables of
one paper; the word lists are Parlance's own and English, so texts in other languages say nothing. All kinds weigh the
same, since unit weights hardly do worse than fitted ones where the evidence is thin (Dawes 1979, American Psychologist
34).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import numpy as np

Counts = tuple[int, ...]
"""Words in all, then those of each kind in the order of ``KINDS``."""

LANGUAGES: Final = frozenset({"en"})
MAX_CHARACTERS: Final = 2_000
"""A story says no more by its second half, and this is counted between two turns."""
PRIOR_HITS: Final = 4.0
"""How many words of a kind nobody's counts are taken for: few words leave every indicator near 0."""
LONG_LETTERS: Final = 7

_WORD: Final = re.compile(r"[a-z]+(?:'[a-z]+)*")
_LISTS: Final = {
    "self": "i me my mine myself i'm im i've ive i'll i'd",
    "we": "we us our ours ourselves we're we've we'll we'd let's",
    "social": (
        "friend friends family people everyone everybody together talk talked talking chat party guys team share met"
        " wife husband mum mom mother dad father son daughter brother sister neighbour neighbor colleague colleagues"
    ),
    "positive": (
        "good great love loved lovely nice happy glad wonderful awesome amazing excellent perfect enjoy enjoyed fun"
        " excited exciting fantastic brilliant best beautiful pleased delighted cool sweet yay haha lol fine super"
    ),
    "courtesy": "please thanks thank thx ty sorry kindly appreciate appreciated grateful welcome pardon",
    "distress": (
        "worried worry worries worrying afraid scared nervous anxious sad upset stressed stress panic unhappy miserable"
        " lonely hurt hurts cry crying depressed fear terrified frightened hopeless overwhelmed alone desperate ashamed"
    ),
    "anger": (
        "angry hate hated furious annoyed annoying mad ridiculous stupid idiot idiots disgusting pathetic useless"
        " outrageous rude liar liars damn hell shit fuck fucking crap wtf bullshit asshole bloody sucks scam"
    ),
    "negation": (
        "no not never none nothing nobody don't dont doesn't doesnt didn't didnt can't cant cannot won't wont isn't"
        " isnt aren't wasn't wasnt weren't couldn't wouldn't shouldn't haven't hasn't without"
    ),
    "tentative": "maybe perhaps might guess probably possibly seem seems seemed somehow apparently unsure hopefully if",
    "achievement": (
        "plan plans planned planning finish finished complete completed achieve goal goals success successful organise"
        " organised organize organized schedule scheduled deadline prepare prepared effort improve careful ready"
    ),
    "article": "a an the",
    "preposition": "of in on at by with from into about between through during within under over against towards",
    "insight": (
        "think thought know knew consider understand understood realise realised realize realized idea wonder wondering"
        " curious imagine interesting learn learned explain meaning reason"
    ),
}
KINDS: Final = (*_LISTS, "long")
_KINDS_OF: Final[dict[str, tuple[int, ...]]] = {}
for _place, _list in enumerate(_LISTS.values(), start=1):
    for _word in _list.split():
        _KINDS_OF[_word] = (*_KINDS_OF.get(_word, ()), _place)
_LONG: Final = len(KINDS)

# Share of each kind among words: the mean of 260,352 words of customers' service chats (MultiDoGO) and of 553,214 words
# of English comments (GoEmotions), training splits.
RATES: Final[Mapping[str, float]] = MappingProxyType(
    {
        "self": 0.0670,
        "we": 0.0034,
        "social": 0.0051,
        "positive": 0.0179,
        "courtesy": 0.0284,
        "distress": 0.0014,
        "anger": 0.0032,
        "negation": 0.0300,
        "tentative": 0.0045,
        "achievement": 0.0022,
        "article": 0.0426,
        "preposition": 0.0360,
        "insight": 0.0067,
        "long": 0.1411,
    }
)
MARKERS: Final[Mapping[str, Mapping[str, int]]] = MappingProxyType(
    {
        "openness": {"article": 1, "preposition": 1, "insight": 1, "long": 1, "self": -1},
        "conscientiousness": {"achievement": 1, "anger": -1, "distress": -1, "negation": -1, "tentative": -1},
        "extraversion": {"social": 1, "we": 1, "positive": 1, "tentative": -1, "negation": -1},
        "agreeableness": {"positive": 1, "we": 1, "courtesy": 1, "anger": -1, "distress": -1},
        "neuroticism": {"self": 1, "distress": 1, "anger": 1, "positive": -1, "article": -1},
    }
)
_RATES: Final = np.array([RATES[kind] for kind in KINDS])
# (kinds, traits): signs over the root of how many kinds a trait has.
_WEIGHTS: Final = np.array(
    [[marks.get(kind, 0) / math.sqrt(len(marks)) for marks in MARKERS.values()] for kind in KINDS]
)
NOTHING: Final[Counts] = (0,) * (len(KINDS) + 1)


def counted(text: str, language: str) -> Counts:
    """The counts of the first ``MAX_CHARACTERS`` of ``text``; ``NOTHING`` for languages without word lists."""
    if language not in LANGUAGES:
        return NOTHING
    words = _WORD.findall(text[:MAX_CHARACTERS].lower().replace("’", "'"))
    counts = [len(words), *NOTHING[1:]]
    for word in words:
        for kind in _KINDS_OF.get(word, ()):
            counts[kind] += 1
        if len(word) >= LONG_LETTERS:
            counts[_LONG] += 1
    return tuple(counts)


def added(one: Counts, other: Counts) -> Counts:
    """The counts of both texts."""
    return tuple(map(int.__add__, one, other))


def indicators(counts: Counts) -> dict[str, float]:
    """Each of the Big Five in (-1, 1): 0 for nobody in particular, and for who has said nothing.

    Per kind the logarithm of hits over expected hits, both with ``PRIOR_HITS`` added (the posterior mean of a rate with
    a gamma prior around the usual one, relative to that); a trait is tanh of the signed sum over the root of how many
    kinds it has.
    """
    words, *hits = counts
    says = np.log((np.array(hits) + PRIOR_HITS) / (words * _RATES + PRIOR_HITS))
    return dict(zip(MARKERS, np.tanh(says @ _WEIGHTS).tolist(), strict=True))
