"""Always the same arm, but for the floor: what a server without adaptation does."""

from __future__ import annotations

from collections.abc import Sequence

from adapters.policies.base import Vector
from adapters.policies.constant import ConstantPolicy
from adapters.policies.mixture import Distribution, Mixture


class Fixed(ConstantPolicy):
    """``make_policy("fixed", …)``. ``arm``: the one to take, the first where left out; while it may not be drawn, or is
    removed, the first that may be. ``floor``: least probability of an allowed arm, in [0, 1/arms]."""

    name = "fixed"

    def __init__(self, arms: Sequence[str], dim: int, seed: int, *, arm: str | None = None, floor: float = 0.0) -> None:
        super().__init__(arms, dim, seed, floor=floor)
        self._taken = self.arms[self._arm(self.arms[0] if arm is None else arm)]

    def _distribution(self, _x: Vector, mixture: Mixture) -> Distribution:
        taken = self._index.get(self._taken, mixture.allowed[0])
        return mixture.over((taken if taken in mixture.allowed else mixture.allowed[0],))
