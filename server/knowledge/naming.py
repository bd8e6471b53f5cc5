"""A name for questions that are alike, from their own words (pure)."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

from server.knowledge.words import STEM_LETTERS, content_words, stems, weight

MAX_NAME_WORDS: Final = 4
LEAST_SHARE: Final = 0.3
"""Of the texts that must have a word, for it to stand for all of them."""

_PLACEHOLDER: Final = re.compile(r"\[[a-z_ ]+\]")


class Background:
    """How rare stems are among texts of all kinds."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._counts: Counter[str] = Counter()
        self._texts = 0
        for text in texts:
            self._counts.update(stems(text))
            self._texts += 1

    def weight(self, stem: str) -> float:
        """Rare ones weigh most; what no text has weighs as if one had."""
        return weight(max(self._counts[stem], 1), max(self._texts, 1))


def name_of(texts: Sequence[str], background: Background) -> str:
    """Up to ``MAX_NAME_WORDS`` words that many of ``texts`` have and few others, in the order in which they are said;
    the first text itself where no word says anything. Placeholders of what was redacted name nothing."""
    words = [content_words(_PLACEHOLDER.sub(" ", text)) for text in texts]
    forms: dict[str, Counter[str]] = defaultdict(Counter)
    places: dict[str, list[float]] = defaultdict(list)
    for said in words:
        for place, word in enumerate(said):
            stem = _stem(word)
            forms[stem][word] += 1
            places[stem].append(place)
    least = max(LEAST_SHARE * len(texts), min(2, len(texts)))
    common = [stem for stem in forms if len(places[stem]) >= least and any(map(str.isalpha, stem))]
    common.sort(key=lambda stem: (-len(places[stem]) * background.weight(stem), stem))
    ranked: list[str] = []
    for stem in common:  # "wrap" and "wrapped" say the same
        if not any(stem.startswith(other) or other.startswith(stem) for other in ranked):
            ranked.append(stem)
    del ranked[MAX_NAME_WORDS:]
    ranked.sort(key=lambda stem: sum(places[stem]) / len(places[stem]))
    if not ranked:
        return " ".join(texts[0].split())[:60] if texts else ""
    return " ".join(_commonest(forms[stem]) for stem in ranked)


def _commonest(forms: Counter[str]) -> str:
    return min(forms, key=lambda word: (-forms[word], word))


def _stem(word: str) -> str:
    return word.replace("'", "")[:STEM_LETTERS]
