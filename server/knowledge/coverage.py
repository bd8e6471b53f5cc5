"""How much of a question's words stand in which rows (pure).

Each row's stems are kept as numbers in one array, so that a close look at a hundred rows takes some tenth of a
millisecond, and a new index takes over what the one before has read.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from server.knowledge.words import stems, weight

_NONE: Final = np.zeros(0, dtype=np.uint32)


class Stems:
    """Of rows, by their numbers. ``texts``: number and text of each, in the order of their places; ``before``: those of
    an earlier state, whose texts of the same number are the same."""

    def __init__(self, texts: Iterable[tuple[int, str]], before: Stems | None = None) -> None:
        self._ids: dict[str, int] = {} if before is None else before._ids
        known = {} if before is None else before._by_number
        self._by_number: dict[int, NDArray[np.uint32]] = {}
        for number, text in texts:
            found = known.get(number)
            self._by_number[number] = self._read(text) if found is None else found
        self._of_place = list(self._by_number.values())
        together = np.concatenate(self._of_place) if self._of_place else _NONE
        self._counts = np.bincount(together, minlength=len(self._ids))

    def coverage(self, question: str, places: Sequence[int]) -> NDArray[np.float64]:
        """For each of ``places`` the share of the question's stems that its row has, rare ones weighing most."""
        found = np.zeros(len(places))
        total = 0.0
        own = [self._of_place[place] for place in places]
        together = np.concatenate(own) if own else _NONE
        whose = np.repeat(np.arange(len(places)), [len(one) for one in own])
        for stem in stems(question):
            number = self._ids.get(stem)
            count = int(self._counts[number]) if number is not None and number < len(self._counts) else 0
            heavy = weight(count, len(self._of_place))
            total += heavy
            if count:
                found[whose[together == number]] += heavy
        return found / total if total else found

    def count(self, word: str) -> int:
        """In how many rows a word stands, in any form."""
        numbers = [self._ids.get(stem) for stem in stems(word)]
        counts = [int(self._counts[one]) for one in numbers if one is not None and one < len(self._counts)]
        return max(counts, default=0)

    def _read(self, text: str) -> NDArray[np.uint32]:
        ids = self._ids
        return np.array([ids.setdefault(stem, len(ids)) for stem in stems(text)], dtype=np.uint32)
