"""LinUCB with disjoint linear models (Li, Chu, Langford, Schapire 2010, algorithm 1), in an ε-mixture with a floor.

The score ``θ·x + α √(xᵀ A⁻¹ x)`` is an upper confidence bound of the arm's reward; the arm with the highest is taken.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Unpack

from adapters.policies.base import Vector
from adapters.policies.checks import optional_number
from adapters.policies.learner import Common
from adapters.policies.linear import LinearPolicy
from adapters.policies.mixture import Distribution, Mixture


class LinUCB(LinearPolicy):
    """``make_policy("linucb", …)``.

    ``alpha`` ≥ 0: width of the confidence bound; 0.25 is the best of .1 … 1 on sklearn's digits. ``settle`` in
    [1, 1e9]: the width shrinks with the n observations that are not forgotten, ``alpha / √(1 + n / settle)``, which
    helps where the model is not quite true; None: it stays. ``epsilon`` in [0, 1]: share beyond the floors that is
    spread evenly. ``ridge`` in [1e-3, 1e6]: λ.
    """

    name = "linucb"

    def __init__(
        self,
        arms: Sequence[str],
        dim: int,
        seed: int,
        *,
        alpha: float = 0.25,
        settle: float | None = None,
        epsilon: float = 0.0,
        ridge: float = 1.0,
        **common: Unpack[Common],
    ) -> None:
        self._settle_after = optional_number("settle", settle, 1.0, 1e9)
        super().__init__(arms, dim, seed, alpha=alpha, ridge=ridge, epsilon=epsilon, **common)

    def _width(self) -> float:
        if self._settle_after is None:
            return self._alpha
        return self._alpha / math.sqrt(1.0 + max(0.0, self._observed()) / self._settle_after)

    def _distribution(self, x: Vector, mixture: Mixture) -> Distribution:
        self._score(x)
        return mixture.over(mixture.leaders(self._scores.tolist()))
