"""Always the same arm, but for the floor: what a server without adaptation does."""

from __future__ import annotations

from collections.abc import Sequence

from adapters.policies.base import number
from adapters.policies.constant import ConstantPolicy
from adapters.policies.mixture import Mixture


class Fixed(ConstantPolicy):
    """``make_policy("fixed", …)``. ``arm``: the one to take, the first where left out. ``floor``: least probability of
    an arm, in [0, 1/arms]."""

    name = "fixed"

    def __init__(self, arms: Sequence[str], dim: int, seed: int, *, arm: str | None = None, floor: float = 0.0) -> None:
        super().__init__(arms, dim, seed)
        best = self._arm(self.arms[0] if arm is None else arm)
        self._chances = Mixture(len(self.arms), number("floor", floor, 0.0, 1.0)).over((best,))
