"""The additive floor that keeps every arm's probability away from zero, and the draw.

``p = f + (1 − n f) w`` for the n arms that are allowed, 0 for the others: floor f, and w the algorithm's own
distribution. A policy that always takes its best arm would log p = 1, and no other policy could ever be judged by
that log.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

TIE = 1e-12  # scores nearer than this are equal but for rounding; a fresh policy's arms all tie


class Distribution(Struct, frozen=True, eq=False, gc=False):
    """``probabilities``: float64 (arms,), read-only. ``cumulative``: for the draw; infinite from the last arm on that
    can be drawn, so that rounding never hands the draw to an arm without probability."""

    probabilities: NDArray[np.float64]
    cumulative: tuple[float, ...]

    def draw(self, uniform: float) -> int:
        """The index that a uniform number of [0, 1) falls on."""
        return bisect_right(self.cumulative, uniform)


class Mixture:
    """``w`` is 1 − ε of the algorithm's own distribution and ε on all allowed arms in equal parts; then the floor.

    ``floor`` in [0, 1/arms], ``epsilon`` in [0, 1]; ``allowed``: ascending indices of the arms that may be drawn, at
    least one, None for all. ``ValueError`` otherwise.
    """

    def __init__(self, arms: int, floor: float, epsilon: float = 0.0, allowed: Sequence[int] | None = None) -> None:
        if not 0.0 <= floor * arms <= 1.0:
            raise ValueError(f"floor {floor:g} for {arms} arms: give a number from 0 to 1/{arms} = {1.0 / arms:g}.")
        if not 0.0 <= epsilon <= 1.0:
            raise ValueError(f"epsilon {epsilon:g}: give a number from 0 to 1.")
        self.allowed = tuple(range(arms)) if allowed is None else tuple(allowed)
        self.is_open = len(self.allowed) == arms
        self._arms = arms
        count = len(self.allowed)
        rest = 1.0 - count * floor
        self._least = floor + rest * epsilon / count
        self._scale = rest * (1.0 - epsilon)
        self._one_best = {best: self._share((best,)) for best in self.allowed}

    def leaders(self, scores: Sequence[float]) -> list[int]:
        """The allowed arms whose score is the highest, but for rounding. ``scores``: of all arms."""
        best = max(scores) if self.is_open else max([scores[index] for index in self.allowed])
        least = best - TIE * max(1.0, abs(best))
        return [index for index in self.allowed if scores[index] >= least]

    def over(self, best: Sequence[int]) -> Distribution:
        """The distribution when the allowed arms ``best`` (indices, at least one) share the first place."""
        return self._one_best[best[0]] if len(best) == 1 else self._share(best)

    def spread(self, weights: Sequence[float]) -> Distribution:
        """The distribution for an algorithm's own: one weight ≥ 0 per allowed arm, in their order, summing to 1."""
        least, scale = self._least, self._scale
        probabilities = [least + scale * weight for weight in weights]
        if not self.is_open:
            of_allowed = dict(zip(self.allowed, probabilities, strict=True))
            probabilities = [of_allowed.get(index, 0.0) for index in range(self._arms)]
        return _distribution(probabilities)

    def _share(self, best: Sequence[int]) -> Distribution:
        share = 1.0 / len(best)
        return self.spread([share if index in best else 0.0 for index in self.allowed])


def _distribution(probabilities: list[float]) -> Distribution:
    last = len(probabilities) - 1
    while probabilities[last] == 0.0:
        last -= 1
    sums = list(accumulate(probabilities))
    sums[last:] = [float("inf")] * (len(sums) - last)
    values = np.array(probabilities)
    values.setflags(write=False)
    return Distribution(values, tuple(sums))
