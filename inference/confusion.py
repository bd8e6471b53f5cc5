"""What was taken for what: counts, each class's figures, the pairs that are confused most (pure)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


class ClassFigures(NamedTuple):
    """One class. ``precision`` is None where nothing was taken for it, ``recall`` where it never came, ``f1`` where
    both hold; ``rows``: how often it came."""

    precision: float | None
    recall: float | None
    f1: float | None
    rows: int


class Pair(NamedTuple):
    """``rows`` of ``truth`` that were taken for ``taken_for``; ``share`` of all rows of ``truth``."""

    truth: str
    taken_for: str
    rows: int
    share: float


def confusion_of(targets: Ints, guesses: Ints, classes: int) -> Ints:
    """Counts (true, guessed)."""
    counts: Ints = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(counts, (targets, guesses), 1)
    return counts


def class_figures(confusion: Ints) -> list[ClassFigures]:
    """Each class's figures, rounded to four decimals; ``confusion`` (true, guessed)."""
    found = []
    for place in range(len(confusion)):
        hits, true, guessed = (
            int(n) for n in (confusion[place, place], confusion[place].sum(), confusion[:, place].sum())
        )
        found.append(
            ClassFigures(
                precision=round(hits / guessed, 4) if guessed else None,
                recall=round(hits / true, 4) if true else None,
                f1=round(2 * hits / (true + guessed), 4) if true + guessed else None,
                rows=true,
            )
        )
    return found


def worst_pairs(confusion: Ints, labels: Sequence[str], count: int) -> list[Pair]:
    """At most ``count`` pairs of different classes, those of most rows first; equal ones by the share, then by name."""
    own = confusion.sum(axis=1)
    pairs = [
        Pair(
            labels[true], labels[guessed], int(confusion[true, guessed]), round(confusion[true, guessed] / own[true], 4)
        )
        for true, guessed in np.argwhere(confusion)
        if true != guessed
    ]
    return sorted(pairs, key=lambda pair: (-pair.rows, -pair.share, pair.truth, pair.taken_for))[:count]
