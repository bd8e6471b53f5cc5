"""Questions that are alike, as they come (pure): arrays in, ids out.

Leader clustering (Hartigan 1975, *Clustering Algorithms*, ch. 3): a vector joins the cluster whose mean direction is
nearest to it, if that is near enough, or begins one of its own. What a cluster is called never changes, and nothing
that was placed is placed again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

NEAR: Final = 0.6
"""Least cosine to a cluster's mean. Of 918 questions on 60 articles it keeps .85 of the homogeneity; .5 keeps .71, and
no threshold completes more than .68 (docs/knowledge.md)."""

MAX_CLUSTERS: Final = 20_000
"""Beyond it no cluster begins: 30 MB of directions, and 5 ms a question."""

NOWHERE: Final = 0
"""Of a question that is like no other, when there is no room for more clusters."""


@dataclass(frozen=True, slots=True)
class Clusters:
    """``numbers`` (k,), ascending, from 1; ``directions`` (k, dim): the sums of their vectors; ``sizes`` (k,): how
    many. ``last``: the highest number ever given."""

    numbers: NDArray[np.int64]
    directions: Floats
    sizes: NDArray[np.int64]
    last: int

    @staticmethod
    def none(dim: int) -> Clusters:
        """Before the first question."""
        empty = np.zeros(0, dtype=np.int64)
        return Clusters(empty, np.zeros((0, dim), dtype=np.float32), empty, 0)


@dataclass(frozen=True, slots=True)
class Placement:
    """``numbers`` (m,): each vector's cluster, or ``NOWHERE``; ``closeness`` (m,): its cosine to the mean that it
    joined, 1 for the first. ``changed``: numbers of clusters that grew. ``clusters``: all of them afterwards."""

    numbers: NDArray[np.int64]
    closeness: NDArray[np.float64]
    changed: tuple[int, ...]
    clusters: Clusters


def place(clusters: Clusters, vectors: Floats, near: float = NEAR, most: int = MAX_CLUSTERS) -> Placement:
    """Place ``vectors`` (m, dim), unit length, one after the other. ``clusters`` is not changed.

    One product with all means serves the batch; only means that moved in it are compared anew.
    """
    work = _Work(clusters, vectors, most)
    numbers = np.zeros(len(vectors), dtype=np.int64)
    closeness = np.ones(len(vectors), dtype=np.float64)
    for row, vector in enumerate(vectors):
        place_, cosine = work.nearest(row, vector)
        if place_ is None or cosine < near:
            place_, cosine = work.begin(), 1.0
        if place_ is not None:
            work.join(place_, vector)
            numbers[row], closeness[row] = work.numbers[place_], min(cosine, 1.0)
    return Placement(numbers, closeness, work.changed(), work.clusters())


class _Work:
    """Room for as many clusters as the batch may begin."""

    def __init__(self, clusters: Clusters, vectors: Floats, most: int) -> None:
        known, room = len(clusters.numbers), len(vectors)
        dim = vectors.shape[1] if vectors.ndim == 2 else clusters.directions.shape[1]
        self._count = known
        self._most = most
        self._last = clusters.last
        self.numbers = np.concatenate([clusters.numbers, np.zeros(room, dtype=np.int64)])
        self._sums = np.concatenate([clusters.directions, np.zeros((room, dim), dtype=np.float32)])
        self._sizes = np.concatenate([clusters.sizes, np.zeros(room, dtype=np.int64)])
        self._means = _unit(self._sums)
        self._cosines = np.full((len(vectors), known + room), -2.0, dtype=np.float32)
        if known and room:
            self._cosines[:, :known] = vectors @ self._means[:known].T
        self._moved: dict[int, None] = {}

    def nearest(self, row: int, vector: Floats) -> tuple[int | None, float]:
        """Its place and the cosine; None where there is no cluster yet."""
        if not self._count:
            return None, -2.0
        moved = list(self._moved)
        if moved:
            self._cosines[row, moved] = self._means[moved] @ vector
        found = int(np.argmax(self._cosines[row, : self._count]))
        return found, float(self._cosines[row, found])

    def begin(self) -> int | None:
        """The place of a new cluster, None where there is no room."""
        if self._count >= self._most:
            return None
        self._last += 1
        self.numbers[self._count] = self._last
        self._count += 1
        return self._count - 1

    def join(self, place_: int, vector: Floats) -> None:
        self._sums[place_] += vector
        self._sizes[place_] += 1
        self._means[place_] = _unit(self._sums[place_ : place_ + 1])[0]
        self._moved[place_] = None

    def changed(self) -> tuple[int, ...]:
        return tuple(sorted(int(self.numbers[place_]) for place_ in self._moved))

    def clusters(self) -> Clusters:
        kept = slice(0, self._count)
        return Clusters(self.numbers[kept].copy(), self._sums[kept].copy(), self._sizes[kept].copy(), self._last)


def _unit(rows: Floats) -> Floats:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    found: Floats = rows / np.maximum(lengths, np.float32(1e-12))
    return found


def grown(clusters: Clusters, numbers: Sequence[int], directions: Floats, sizes: Sequence[int], last: int) -> Clusters:
    """``clusters`` with some of them new, or as they are now."""
    by_number = {int(number): at for at, number in enumerate(clusters.numbers)}
    fresh = [number for number in numbers if number not in by_number]
    merged = np.array(sorted([*by_number, *fresh]), dtype=np.int64)
    place_of = {int(number): at for at, number in enumerate(merged)}
    dim = directions.shape[1] if len(numbers) else clusters.directions.shape[1]
    sums = np.zeros((len(merged), dim), dtype=np.float32)
    counts = np.zeros(len(merged), dtype=np.int64)
    if by_number and clusters.directions.shape[1] == dim:
        old = [place_of[number] for number in by_number]
        sums[old], counts[old] = clusters.directions, clusters.sizes
    for number, direction, size in zip(numbers, directions, sizes, strict=True):
        sums[place_of[number]], counts[place_of[number]] = direction, size
    return Clusters(merged, sums, counts, max(last, clusters.last))
