"""Every arm equally likely, whatever was learned: the baseline that a learning policy has to beat."""

from __future__ import annotations

from collections.abc import Sequence

from adapters.policies.constant import ConstantPolicy
from adapters.policies.mixture import Mixture


class Uniform(ConstantPolicy):
    """``make_policy("uniform", …)``, without parameters."""

    name = "uniform"

    def __init__(self, arms: Sequence[str], dim: int, seed: int) -> None:
        super().__init__(arms, dim, seed)
        self._chances = Mixture(len(self.arms), floor=0.0).over(range(len(self.arms)))
