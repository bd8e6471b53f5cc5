"""SquareCB: inverse gap weighting over ridge regressions (Abe and Long 1999; Foster and Rakhlin 2020).

An arm whose expected reward lies by ``gap`` under the best's gets ``1 / (n + γ gap)`` for n allowed arms, the best what
is left; ``γ`` grows with what was learned, so exploring is spread over arms by how little it is thought to cost.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

import numpy as np

from adapters.policies.base import Vector
from adapters.policies.checks import number
from adapters.policies.learner import Common
from adapters.policies.linear import LinearPolicy
from adapters.policies.mixture import Distribution, Mixture


class SquareCB(LinearPolicy):
    """``make_policy("squarecb", …)``.

    ``gamma`` in [0, 1e9] and ``exponent`` in [0, 1]: ``γ = gamma · (1 + observations)^exponent``, in units of the
    rewards' range. ``ridge`` in [1e-3, 1e6]: λ. Nothing is added for not being sure: ``explore`` is 0.
    """

    name = "squarecb"

    def __init__(
        self,
        arms: Sequence[str],
        dim: int,
        seed: int,
        *,
        gamma: float = 10.0,
        exponent: float = 0.5,
        ridge: float = 1.0,
        **common: Unpack[Common],
    ) -> None:
        self._gamma = number("gamma", gamma, 0.0, 1e9)
        self._exponent = number("exponent", exponent, 0.0, 1.0)
        super().__init__(arms, dim, seed, alpha=0.0, ridge=ridge, **common)

    def _score(self, x: Vector) -> None:
        np.vecdot(self._theta, x, out=self._exploit)

    def _distribution(self, x: Vector, mixture: Mixture) -> Distribution:
        self._score(x)
        scores = self._exploit.tolist()
        gamma = self._gamma * (1.0 + self._observed()) ** self._exponent / self._span
        leaders = mixture.leaders(scores)
        best, count = scores[leaders[0]], len(mixture.allowed)
        shares = [0.0 if k in leaders else 1.0 / (count + gamma * (best - scores[k])) for k in mixture.allowed]
        own = (1.0 - sum(shares)) / len(leaders)
        return mixture.spread([share or own for share in shares])
