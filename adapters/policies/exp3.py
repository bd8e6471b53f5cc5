"""EXP3 for a world that may be hostile (Auer, Cesa-Bianchi, Freund, Schapire 2002), on losses and for any horizon.

``p_a ∝ exp(−η L_a)`` with ``L_a = Σ (1 − r) / p_a``: a loss counts for as much as its arm was unlikely, so no sequence
of rewards, not even one made by an enemy, can hide the best arm for long. ``η = rate √(ln K / (K n))`` falls with the
number n of rewards (Bubeck and Cesa-Bianchi 2012, theorem 3.1). The floor is EXP3's γ / K.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Unpack

import numpy as np

from adapters.policies.base import Vector
from adapters.policies.checks import number
from adapters.policies.codec import Arrays
from adapters.policies.contract import ArmExplanation
from adapters.policies.learner import Common, Learner
from adapters.policies.mixture import Distribution, Mixture


class EXP3(Learner):
    """``make_policy("exp3", …)``. ``rate`` in [0, 1e3]: times the theorem's. Its events should carry propensities.

    There is nothing to detect for one that expects the worst: ``detect_changes`` is refused. A half-life helps it to
    follow an arm that is best for a while only.
    """

    name = "exp3"

    def __init__(
        self, arms: Sequence[str], dim: int, seed: int, *, rate: float = 1.0, **common: Unpack[Common]
    ) -> None:
        self._rate = number("rate", rate, 0.0, 1e3)
        super().__init__(arms, dim, seed, **common)
        if self._detects:
            raise ValueError("exp3 has no expectation that a change could break: leave detect_changes out.")

    def _allocate(self, arms: int) -> None:
        super()._allocate(arms)
        self._losses = np.zeros(arms)
        self._count = np.zeros(arms)

    def _distribution(self, _x: Vector, mixture: Mixture) -> Distribution:
        count = max(1.0, float(self._count.sum()))
        arms = len(mixture.allowed)
        eta = self._rate * math.sqrt(math.log(arms) / (arms * count))
        losses = self._losses[list(mixture.allowed)]
        weights = np.exp(-eta * (losses - losses.min()))
        return mixture.spread((weights / weights.sum()).tolist())

    def _observe(self, arm: int, x: Vector, reward: float, weight: float, propensity: float | None) -> None:
        self._correct(arm, x, reward - self._reward_high, weight, propensity)
        self._count[arm] += weight

    def _correct(self, arm: int, x: Vector, difference: float, weight: float, propensity: float | None) -> None:
        if propensity is None:
            propensity = self._distribution(x, Mixture(len(self.arms), self._floor)).probabilities.item(arm)
        self._losses[arm] -= weight * difference / self._span / max(propensity, 1e-12)

    def _residual(self, _arm: int, _x: Vector, _reward: float) -> float:
        return 0.0

    def _explain(self, x: Vector, _names: Sequence[str], mixture: Mixture) -> tuple[ArmExplanation, ...]:
        """``exploit`` estimates the mean reward over all decisions, whoever they took."""
        probabilities = self._distribution(x, mixture).probabilities.tolist()
        means = (self._reward_high - self._span * self._losses / max(1.0, float(self._count.sum()))).tolist()
        rows = zip(self.arms, probabilities, means, strict=True)
        return tuple(ArmExplanation(arm, p, mean, mean, 0.0, ()) for arm, p, mean in rows)

    def _sums(self) -> Arrays:
        return {"losses": self._losses, "count": self._count}
