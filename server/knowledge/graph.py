"""Nearest rows without comparing all: a hierarchical navigable small world (Malkov, Yashunin 2018), built by USearch.

A graph only grows. Which of its rows still count is for the index to say, which also compares what the graph does not
hold yet; so it may be behind, and serve several states of an index.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

CONNECTIVITY: Final = 16
EXPANSION_ADD: Final = 128
EXPANSION_SEARCH: Final = 128
"""How many rows are looked at on the way: recall@10 of .99 and more (docs/benchmarks.md)."""

ADDED_AT_ONCE: Final = 16
"""A search waits for no more: some 10 ms."""


class GraphMissing(ImportError):
    """USearch is not installed: ``pip install 'parlance[approximate]'``."""


def is_available() -> bool:
    """Whether graphs can be made here."""
    from importlib.util import find_spec

    return find_spec("usearch") is not None


class RowGraph:
    """An ``index.Graph`` of unit vectors (dim,) by their rows' numbers. ``lock``: held for each search and for each few
    rows that are added, where threads do both."""

    def __init__(self, model: str, dim: int, lock: AbstractContextManager[object] | None = None) -> None:
        try:
            from usearch.index import Index as USearchIndex
        except ImportError as error:
            raise GraphMissing(GraphMissing.__doc__) from error
        self.model = model
        self.dim = dim
        self._lock = lock or nullcontext()
        # bfloat16 halves the memory; the cosines by which hits are judged are computed anew.
        self._graph: Any = USearchIndex(
            ndim=dim,
            metric="ip",
            dtype="bf16",
            connectivity=CONNECTIVITY,
            expansion_add=EXPANSION_ADD,
            expansion_search=EXPANSION_SEARCH,
        )
        self._held: set[int] = set()

    def __len__(self) -> int:
        return len(self._held)

    @property
    def held(self) -> Collection[int]:
        """The numbers of its rows."""
        return self._held

    def add(self, numbers: Sequence[int], vectors: Floats, stopped: Callable[[], bool] = lambda: False) -> None:
        """Take in rows (n, dim) that it does not hold. Blocks, about a millisecond a row, or until ``stopped``."""
        for start in range(0, len(numbers), ADDED_AT_ONCE):
            if stopped():
                return
            some = numbers[start : start + ADDED_AT_ONCE]
            with self._lock:
                keys = np.array(some, dtype=np.uint64)
                self._graph.add(keys, vectors[start : start + ADDED_AT_ONCE], threads=1)
                self._held.update(some)

    def nearest(self, embedding: Floats, count: int) -> list[int]:
        """Numbers of about the nearest rows, the nearest first."""
        if not self._held:
            return []
        with self._lock:
            found = self._graph.search(embedding, count, threads=1)
        return [int(number) for number in found.keys]
