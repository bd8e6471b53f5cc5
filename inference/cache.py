"""The analyses of the texts seen last, by normalised text."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace
from threading import Lock

from inference.analysis import Analysis


class AnalysisCache:
    """Least recently used out first. Safe to use from several threads.

    ``entries`` bounds it: one is about 5 KB, most of it the embedding. 0 turns it off.
    """

    def __init__(self, entries: int) -> None:
        self.entries = entries
        self._found: OrderedDict[str, Analysis] = OrderedDict()
        self._lock = Lock()
        self.hits = 0
        self.misses = 0

    def __len__(self) -> int:
        return len(self._found)

    def get(self, text: str) -> Analysis | None:
        """The stored analysis as it was made, or None; counts a hit or a miss."""
        with self._lock:
            found = self._found.get(text)
            if found is None:
                self.misses += 1
                return None
            self._found.move_to_end(text)
            self.hits += 1
            return found

    def put(self, text: str, analysis: Analysis) -> None:
        """Remember ``analysis``; the one unused for longest goes when the cache is full."""
        if self.entries == 0:
            return
        with self._lock:
            self._found[text] = analysis
            self._found.move_to_end(text)
            if len(self._found) > self.entries:
                self._found.popitem(last=False)

    def clear(self) -> None:
        """Forget every analysis; the counts go on."""
        with self._lock:
            self._found.clear()


def as_hit(analysis: Analysis, latency_us: int) -> Analysis:
    """The same analysis, marked as cached, with the latency of this look-up and a mapping of its own."""
    return replace(analysis, cached=True, latency_us=latency_us, emotions=dict(analysis.emotions))
