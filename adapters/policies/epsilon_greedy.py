"""ε-greedy without context (Sutton and Barto 2018, §2.2): the arm with the best mean, and now and then any."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

from adapters.policies.learner import Common
from adapters.policies.means import MeansPolicy


class EpsilonGreedy(MeansPolicy):
    """``make_policy("epsilon_greedy", …)``. ``epsilon`` in [0, 1]: share beyond the floors that is spread evenly."""

    name = "epsilon_greedy"

    def __init__(
        self, arms: Sequence[str], dim: int, seed: int, *, epsilon: float = 0.1, **common: Unpack[Common]
    ) -> None:
        super().__init__(arms, dim, seed, epsilon=epsilon, **common)

    def _parts(self) -> tuple[list[float], list[float]]:
        return [self._mean(arm) for arm in range(len(self._count))], [0.0] * len(self._count)
