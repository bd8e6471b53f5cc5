"""Every allowed arm equally likely, whatever was learned: the baseline that a learning policy has to beat."""

from __future__ import annotations

from collections.abc import Sequence

from adapters.policies.base import Vector
from adapters.policies.constant import ConstantPolicy
from adapters.policies.mixture import Distribution, Mixture


class Uniform(ConstantPolicy):
    """``make_policy("uniform", …)``, without parameters."""

    name = "uniform"

    def __init__(self, arms: Sequence[str], dim: int, seed: int) -> None:
        super().__init__(arms, dim, seed)

    def _distribution(self, _x: Vector, mixture: Mixture) -> Distribution:
        return mixture.over(mixture.allowed)
