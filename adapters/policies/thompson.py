"""Thompson sampling without context (Thompson 1933; Agrawal and Goyal 2012), Beta or Gaussian.

The arms' chances to have the best mean are integrated on a grid (``contest``), and the arm is drawn by them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

import numpy as np

from adapters.policies.base import Vector
from adapters.policies.checks import optional_number
from adapters.policies.contest import REACH, chances, gaussian_chances, grid
from adapters.policies.learner import Common
from adapters.policies.means import MeansPolicy
from adapters.policies.mixture import Distribution, Mixture

LIKELIHOODS = ("beta", "gaussian")
EVEN: Vector = np.linspace(0.0, 1.0, 129)  # a Beta may be far from its mean's neighbourhood


class Thompson(MeansPolicy):
    """``make_policy("thompson", …)``.

    ``likelihood``: "beta": a reward is a share of a success, and each arm starts at Beta(1, 1). "gaussian": rewards
    have the deviation ``noise`` > 0 (half their range where left out), and each arm starts with one imagined reward in
    the middle. An explanation's ``explore`` is one deviation of the mean.
    """

    name = "thompson"

    def __init__(
        self,
        arms: Sequence[str],
        dim: int,
        seed: int,
        *,
        likelihood: str = "beta",
        noise: float | None = None,
        **common: Unpack[Common],
    ) -> None:
        if likelihood not in LIKELIHOODS:
            raise ValueError(f"likelihood is {likelihood!r}: give one of {', '.join(LIKELIHOODS)}.")
        self._is_beta = likelihood == "beta"
        self._given_noise = optional_number("noise", noise, 1e-9, 1e9)
        super().__init__(arms, dim, seed, **common)

    def _posteriors(self) -> tuple[Vector, Vector]:
        """Means and deviations of the arms' mean rewards, in units of the rewards' range above its low end."""
        if self._is_beta:
            a, b = self._beta()
            return a / (a + b), np.sqrt(a * b / (a + b + 1.0)) / (a + b)
        noise = 0.5 if self._given_noise is None else self._given_noise / self._span
        means = np.array([self._mean(arm) for arm in range(len(self._count))])
        counts = np.maximum(self._count, 0.0)
        return (means - self._reward_low) / self._span, noise / np.sqrt(counts + 1.0)

    def _beta(self) -> tuple[Vector, Vector]:
        successes = (self._total - self._reward_low * self._count) / self._span
        # Corrections, or rounding in a merge, may leave a little less than nothing.
        return 1.0 + np.maximum(successes, 0.0), 1.0 + np.maximum(self._count - successes, 0.0)

    def _spread(self, mixture: Mixture) -> Distribution:
        allowed = list(mixture.allowed)
        means, deviations = (part[allowed] for part in self._posteriors())
        if not self._is_beta:
            return mixture.spread(gaussian_chances(means.tolist(), deviations.tolist()))
        from scipy.special import betainc  # 50 ms of a start that other policies need not pay

        a, b = (part[allowed] for part in self._beta())
        points = grid(means[:, None], deviations[:, None], float(np.max(means - REACH * deviations)))
        points = np.union1d(points.clip(0.0, 1.0), EVEN[points[0] <= EVEN])
        cdfs = np.maximum(betainc(a[:, None], b[:, None], points), 1e-30)  # none of them 0
        return mixture.spread(chances(cdfs))

    def _parts(self) -> tuple[list[float], list[float]]:
        means, deviations = self._posteriors()
        return (self._reward_low + self._span * means).tolist(), (self._span * deviations).tolist()
