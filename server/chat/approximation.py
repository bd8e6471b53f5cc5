"""The graph beside a worker's index of the knowledge, for as many rows as make comparing all too slow."""

from __future__ import annotations

import asyncio
import threading
from typing import Final, Literal

import structlog

from server.knowledge.graph import RowGraph, is_available
from server.knowledge.index import Index

MANY_ROWS: Final = 100_000
"""From here on a product with all takes longer than a turn should wait for it (docs/benchmarks.md)."""

WASTE: Final = 0.25
"""Share of rows that are gone from which on a graph is made anew."""

_log = structlog.get_logger(__name__)


class Approximation:
    """``kind``: the setting. Growing takes about a millisecond a row, in a thread; until it is done, and for what has
    changed since, the index compares by itself."""

    def __init__(self, kind: Literal["exact", "approximate", "auto"] = "exact") -> None:
        self._from_rows = {"exact": None, "approximate": 0, "auto": MANY_ROWS}[kind]
        self._graph: RowGraph | None = None
        self._closed = False
        self._said = False

    def attached(self, index: Index) -> Index:
        """``index`` with the graph, as far as that has grown; as it is where few rows need none."""
        return index.with_graph(self._graph) if self._wanted(index) and self._graph is not None else index

    async def grow(self, index: Index) -> bool:
        """Take in what the graph does not hold yet; whether there was anything."""
        if not self._wanted(index):
            self._graph = None
            return False
        graph = self._graph
        if graph is None or not self._fits(graph, index):
            graph = RowGraph(index.model, index.dim, threading.Lock())
        numbers, vectors = index.vectors(graph)
        if not numbers:
            return False
        await asyncio.to_thread(graph.add, numbers, vectors, lambda: self._closed)
        self._graph = graph
        _log.info("knowledge graph grown", rows=len(graph), model=graph.model)
        return True

    def close(self) -> None:
        """Stop growing."""
        self._closed = True

    def _fits(self, graph: RowGraph, index: Index) -> bool:
        if graph.model != index.model:
            return False
        gone = len(set(graph.held) - set(index.numbers))
        return gone <= WASTE * len(graph)

    def _wanted(self, index: Index) -> bool:
        if self._from_rows is None or len(index) < max(self._from_rows, 1):
            return False
        if is_available():
            return True
        if not self._said:
            self._said = True
            _log.warning("many passages are compared one by one", rows=len(index), remedy="parlance[approximate]")
        return False
