"""Which waiting texts run together (pure).

A batch is as wide as its longest text, so texts share one only with texts of about their own length; and the number of
its padded tokens is bounded, so that a newcomer never waits long for the batch before its own.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")

WIDTHS = (8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512)
"""Upper bounds of the length classes, in tokens: at most a third of a batch is padding."""

MAX_BATCH_TOKENS = 192
"""Padded tokens a batch. A text costs no less in a larger one (measured: 64 tokens 780, 128 930, 192 960, 512 910 short
chat turns a second), and who comes during a batch waits for it: 192 tokens are about 15 ms of one thread."""


def batch_size(width: int, max_batch: int) -> int:
    """Texts in a batch of ``width`` tokens."""
    return max(1, min(max_batch, MAX_BATCH_TOKENS // width))


class Shelves(Generic[Item]):
    """Waiting items, a queue for each class of lengths; the shelf whose first item came first is served first."""

    def __init__(self, max_batch: int) -> None:
        self._max_batch = max_batch
        self._shelves: tuple[deque[tuple[int, Item]], ...] = tuple(deque() for _ in range(len(WIDTHS) + 1))
        self._arrivals = 0

    def __bool__(self) -> bool:
        return any(self._shelves)

    def add(self, item: Item, tokens: int) -> None:
        """Put an item of ``tokens`` tokens behind the others of its class."""
        self._shelves[bisect_left(WIDTHS, tokens)].append((self._arrivals, item))
        self._arrivals += 1

    def take(self, wanted: Callable[[Item], bool]) -> list[Item]:
        """The next batch, of ``wanted`` items only; unwanted ones that come up are forgotten. Empty when none is."""
        waiting = [shelf for shelf in self._shelves if shelf]
        if not waiting:
            return []
        shelf = min(waiting, key=lambda queue: queue[0][0])
        width = (*WIDTHS, MAX_BATCH_TOKENS)[self._shelves.index(shelf)]
        size = batch_size(width, self._max_batch)
        batch: list[Item] = []
        while shelf and len(batch) < size:
            _, item = shelf.popleft()
            if wanted(item):
                batch.append(item)
        return batch


def split(lengths: Sequence[int], max_batch: int) -> list[list[int]]:
    """All positions of ``lengths``, each once, in batches of similar lengths."""
    if len(lengths) == 1:
        return [[0]]
    shelves = Shelves[int](max_batch)
    for position, tokens in enumerate(lengths):
        shelves.add(position, tokens)
    batches = []
    while batch := shelves.take(lambda _: True):
        batches.append(batch)
    return batches
