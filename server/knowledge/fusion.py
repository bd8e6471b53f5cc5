"""Several rankings as one (pure)."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import Final, TypeVar

KeyT = TypeVar("KeyT", bound=Hashable)

K: Final = 60
"""Of the paper; it holds the influence of the very first places down."""


def fuse(rankings: Iterable[Sequence[KeyT]], k: int = K) -> list[tuple[KeyT, float]]:
    """Reciprocal-rank fusion: each key's Σ 1 / (k + rank), ranks from 1, in falling order.

    Keys with equal sums keep the order in which they were first met. A key counts once per ranking, at its best rank.
    Cormack, Clarke, Büttcher 2009, *Reciprocal Rank Fusion outperforms Condorcet and individual rank learning methods*.
    """
    sums: dict[KeyT, float] = {}
    for ranking in rankings:
        for rank, key in enumerate(dict.fromkeys(ranking), start=1):
            sums[key] = sums.get(key, 0.0) + 1.0 / (k + rank)
    return sorted(sums.items(), key=lambda one: -one[1])
