"""The words that a question is about, compared by their beginnings (pure).

Five letters are enough of a word: "delivered" and "delivery", "refund" and "refunds" meet without a stemmer for each
language (n-truncation: Can et al. 2008, *Information retrieval on Turkish texts*).
"""

from __future__ import annotations

import math
import re
from typing import Final

STEM_LETTERS: Final = 5
MAX_WORDS: Final = 32
"""Of a question; who writes more says the same again."""

_WORD: Final = re.compile(r"[^\W_]+(?:[’'][^\W_]+)*")
_SMALL: Final = """
a about am an and any are aren't as at be been but by can can't could couldn't did didn't do does doesn't doing
don't for from get got had has hasn't have haven't he her here hers him his how i i'd i'll i'm i've if in into is
isn't it it's its just let me might must my no not of on or our out please really shall she should shouldn't so some
such than that that's the their them then there there's these they they're this those to too up us very was wasn't
we we're were weren't what what's when when's where where's which who who's whom whose why will with won't would
wouldn't you you'd you're you've your yours hello hi hey thanks thank aber als am an auf aus bei bin bitte das dass
dem den der des die doch du ein eine einen einer es für habe haben hat ich ihr im in ist kann kein keine mein meine
mich mir mit nach nicht noch oder sie sind so und uns von was wie wir wo zu zum zur al como con de del el ella en es
esta este la las lo los me mi mis no para pero por que qué se si sin su sus un una y yo
"""
_STOP_WORDS: Final = frozenset(_SMALL.split())


def content_words(text: str) -> list[str]:
    """The distinct words that say something, in small letters and their order, at most ``MAX_WORDS``."""
    words = (word.replace("’", "'") for word in _WORD.findall(text.casefold()))
    return list(dict.fromkeys(word for word in words if word not in _STOP_WORDS))[:MAX_WORDS]


def stems(text: str) -> frozenset[str]:
    """The beginnings of its content words."""
    words = (word.replace("’", "'") for word in _WORD.findall(text.casefold()))
    return frozenset(word.replace("'", "")[:STEM_LETTERS] for word in words if word not in _STOP_WORDS)


def weight(count: int, documents: int) -> float:
    """The inverse document frequency of BM25 for what stands in ``count`` of ``documents``: rare words weigh most."""
    return math.log(1.0 + (documents - count + 0.5) / (count + 0.5))
