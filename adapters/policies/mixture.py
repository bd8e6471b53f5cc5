"""The additive floor that keeps every arm's probability away from zero, and the draw.

``p = f + (1 − K f) w``: K arms, floor f, and w the algorithm's own distribution. A policy that always takes its best
arm would log p = 1, and no other policy could ever be judged by that log.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Distribution:
    """``probabilities``: float64 (arms,), read-only. ``cumulative``: for the draw; infinite from the last arm on that
    can be drawn, so that rounding never hands the draw to an arm without probability."""

    probabilities: NDArray[np.float64]
    cumulative: tuple[float, ...]

    def draw(self, uniform: float) -> int:
        """The index that a uniform number of [0, 1) falls on."""
        return bisect_right(self.cumulative, uniform)


class Mixture:
    """``w`` is 1 − ε on the best arms (in equal parts) and ε on all in equal parts; then the floor.

    ``floor`` in [0, 1/arms], ``epsilon`` in [0, 1]; ``ValueError`` otherwise.
    """

    def __init__(self, arms: int, floor: float, epsilon: float = 0.0) -> None:
        if not 0.0 <= floor * arms <= 1.0:
            raise ValueError(f"floor {floor:g} for {arms} arms: give a number from 0 to 1/{arms} = {1.0 / arms:g}.")
        if not 0.0 <= epsilon <= 1.0:
            raise ValueError(f"epsilon {epsilon:g}: give a number from 0 to 1.")
        self._arms = arms
        self._floor = floor
        self._epsilon = epsilon
        self._one_best = tuple(self._make((best,)) for best in range(arms))

    def over(self, best: Sequence[int]) -> Distribution:
        """The distribution when the arms ``best`` (indices, at least one) share the first place."""
        return self._one_best[best[0]] if len(best) == 1 else self._make(best)

    def _make(self, best: Sequence[int]) -> Distribution:
        own = np.full(self._arms, self._epsilon / self._arms)
        own[list(best)] += (1.0 - self._epsilon) / len(best)
        probabilities = self._floor + (1.0 - self._arms * self._floor) * own
        probabilities.flags.writeable = False
        last = int(np.flatnonzero(probabilities)[-1])
        sums = list(accumulate(probabilities.tolist()))
        return Distribution(probabilities, (*sums[:last], *[float("inf")] * (self._arms - last)))
