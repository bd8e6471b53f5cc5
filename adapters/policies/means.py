"""Arms without context: a count and a sum of rewards each. What ε-greedy, UCB1 and Thompson sampling share."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence

import numpy as np

from adapters.policies.base import Vector
from adapters.policies.codec import Arrays
from adapters.policies.contract import ArmExplanation
from adapters.policies.learner import Learner
from adapters.policies.mixture import Distribution, Mixture


class MeansPolicy(Learner):
    """The context is checked and not looked at, so a distribution holds until something is learned."""

    @abstractmethod
    def _parts(self) -> tuple[list[float], list[float]]:
        """``exploit`` and ``explore`` of each arm."""

    def _spread(self, mixture: Mixture) -> Distribution:
        """The distribution: all on the highest score, unless an algorithm knows better."""
        return mixture.over(mixture.leaders([a + b for a, b in zip(*self._parts(), strict=True)]))

    def _allocate(self, arms: int) -> None:
        super()._allocate(arms)
        self._count = np.zeros(arms)
        self._total = np.zeros(arms)
        self._derive()

    def _derive(self) -> None:
        self._known: dict[Mixture, Distribution] = {}

    def _distribution(self, _x: Vector, mixture: Mixture) -> Distribution:
        known = self._known.get(mixture)
        if known is None:
            known = self._known[mixture] = self._spread(mixture)
        return known

    def _observe(self, arm: int, _x: Vector, reward: float, weight: float, _propensity: float | None) -> None:
        self._count[arm] += weight
        self._total[arm] += weight * reward
        self._known.clear()

    def _correct(self, arm: int, _x: Vector, difference: float, weight: float, _propensity: float | None) -> None:
        self._total[arm] += weight * difference
        self._known.clear()

    def _mean(self, arm: int) -> float:
        """Of an arm's rewards and one imagined in the middle of their range."""
        middle = 0.5 * (self._reward_low + self._reward_high)
        return (self._total.item(arm) + middle) / (self._count.item(arm) + 1.0)

    def _residual(self, arm: int, _x: Vector, reward: float) -> float:
        return (reward - self._mean(arm)) / math.sqrt(1.0 + 1.0 / (self._count.item(arm) + 1.0))

    def _explain(self, x: Vector, _names: Sequence[str], mixture: Mixture) -> tuple[ArmExplanation, ...]:
        """No feature speaks for an arm."""
        probabilities = self._distribution(x, mixture).probabilities.tolist()
        rows = zip(self.arms, probabilities, *self._parts(), strict=True)
        return tuple(ArmExplanation(arm, p, a + b, a, b, ()) for arm, p, a, b in rows)

    def _sums(self) -> Arrays:
        return {"count": self._count, "total": self._total}
