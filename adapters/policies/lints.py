"""LinTS: Thompson sampling with linear models (Agrawal and Goyal 2013), by projection.

Drawing θ of ``N(A⁻¹ b, α² A⁻¹)`` and scoring ``θ·x`` is drawing the score of ``N(θ̂·x, α² xᵀ A⁻¹ x)``, so nothing of θ
needs to be drawn: the arms' chances to score highest are integrals in one dimension (``contest``), and the arm is
drawn by them. So the propensity is exactly what the arm was drawn with; how near it comes to the integral is
``contest.ERROR``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

from adapters.policies.base import Vector
from adapters.policies.contest import gaussian_chances
from adapters.policies.learner import Common
from adapters.policies.linear import LinearPolicy
from adapters.policies.mixture import Distribution, Mixture


class LinTS(LinearPolicy):
    """``make_policy("lints", …)``.

    ``alpha`` ≥ 0: the scores' deviation in units of √(xᵀ A⁻¹ x). ``ridge`` in [1e-3, 1e6]: λ. An explanation's
    ``explore`` is one deviation.
    """

    name = "lints"

    def __init__(
        self,
        arms: Sequence[str],
        dim: int,
        seed: int,
        *,
        alpha: float = 0.1,
        ridge: float = 1.0,
        **common: Unpack[Common],
    ) -> None:
        super().__init__(arms, dim, seed, alpha=alpha, ridge=ridge, **common)

    def _distribution(self, x: Vector, mixture: Mixture) -> Distribution:
        self._score(x)
        means, deviations = self._exploit.tolist(), self._explore.tolist()
        if not mixture.is_open:
            means, deviations = ([own[k] for k in mixture.allowed] for own in (means, deviations))
        return mixture.spread(gaussian_chances(means, deviations))
