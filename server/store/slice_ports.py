"""What versions of the model did on every worker, in slices of time that add up.

Part of ``ports.Store``, whose text says what holds for every method. Workers only ever append, so that none waits for
another; old slices are folded into longer ones. What the counts are is for others to say: they are JSON here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

Merge = Callable[[Sequence[str]], str]
"""Many counts as one, in any order."""


@dataclass(frozen=True, slots=True)
class StoredSlice:
    """``counts`` of one version between two moments."""

    version: str
    from_ms: int
    until_ms: int
    counts: str


class SliceStore(Protocol):
    """What ``ports.Store`` promises of slices."""

    async def add_slices(self, slices: Sequence[StoredSlice]) -> None:
        """Store them beside those that are there."""

    async def slices(self) -> list[StoredSlice]:
        """All, the oldest first."""

    async def fold_slices(self, before_ms: int, width_ms: int, merge: Merge) -> int:
        """Merge what is shorter than ``width_ms`` and began before ``before_ms`` into one slice for each version and
        stretch of that width; what another worker folds meanwhile is left to it. How many went into others."""
