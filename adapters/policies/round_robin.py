"""One arm after the other: a baseline that treats all arms alike and, but for the floor, draws nothing."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from numpy.typing import ArrayLike

from adapters.policies.base import Vector
from adapters.policies.constant import ConstantPolicy
from adapters.policies.contract import Decision
from adapters.policies.mixture import Distribution, Mixture


class RoundRobin(ConstantPolicy):
    """``make_policy("round_robin", …)``. ``floor``: least probability of an allowed arm, in [0, 1/arms].

    Whose turn it is belongs to the worker, like the generator, and starts where the seed says; the propensity is that
    of the draw once the turn is known. Without a floor the log says p = 1, and can't judge other policies.
    """

    name = "round_robin"

    def __init__(self, arms: Sequence[str], dim: int, seed: int, *, floor: float = 0.0) -> None:
        super().__init__(arms, dim, seed, floor=floor)
        self._turn = int(seed)

    def choose(
        self,
        x: ArrayLike,
        allowed: Collection[str] | None = None,
        user: str | None = None,
        segment: str | None = None,
    ) -> Decision:
        """See ``Policy.choose``."""
        decision = super().choose(x, allowed, user, segment)
        self._turn += 1
        return decision

    def _distribution(self, _x: Vector, mixture: Mixture) -> Distribution:
        return mixture.over((mixture.allowed[self._turn % len(mixture.allowed)],))
