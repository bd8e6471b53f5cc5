"""UCB1 without context (Auer, Cesa-Bianchi, Fischer 2002); with a half-life, discounted UCB (Garivier, Moulines
2011)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Unpack

from adapters.policies.checks import number
from adapters.policies.learner import Common
from adapters.policies.means import MeansPolicy

LEAST_COUNT = 1e-3  # an arm hardly seen, or forgotten, goes before all others


class UCB1(MeansPolicy):
    """``make_policy("ucb1", …)``. ``alpha`` in [0, 1e6]: the bonus is ``alpha · range · √(ln(1 + n) / n_a)``; √2 is the
    paper's."""

    name = "ucb1"

    def __init__(
        self, arms: Sequence[str], dim: int, seed: int, *, alpha: float = math.sqrt(2.0), **common: Unpack[Common]
    ) -> None:
        self._alpha = number("alpha", alpha, 0.0, 1e6)
        super().__init__(arms, dim, seed, **common)

    def _parts(self) -> tuple[list[float], list[float]]:
        counts = self._count.tolist()
        log = math.log1p(max(0.0, sum(counts)))
        bonuses = [self._alpha * self._span * math.sqrt(log / max(count, LEAST_COUNT)) for count in counts]
        return [self._mean(arm) for arm in range(len(counts))], bonuses
