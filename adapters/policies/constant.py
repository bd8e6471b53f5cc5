"""What the baselines share: chances that neither the context nor a reward can change."""

from __future__ import annotations

from collections.abc import Sequence

from numpy.typing import ArrayLike

from adapters.policies.base import BasePolicy, Vector
from adapters.policies.contract import ArmExplanation
from adapters.policies.mixture import Distribution


class ConstantPolicy(BasePolicy):
    """Learning raises the version and changes nothing else. A baseline sets ``_chances`` when it is made."""

    _chances: Distribution

    def _distribution(self, _x: Vector) -> Distribution:
        return self._chances

    def _update(self, _arm: int, _x: Vector, _reward: float, _previous: float | None) -> None:
        """Nothing to learn."""

    def explain(self, x: ArrayLike, names: Sequence[str] = ()) -> tuple[ArmExplanation, ...]:
        """See ``Policy.explain``: nothing was learned, so no arm has a score."""
        self._context(x)
        self._names(names)
        probabilities = self._chances.probabilities.tolist()
        return tuple(ArmExplanation(arm, p, 0.0, 0.0, 0.0, ()) for arm, p in zip(self.arms, probabilities, strict=True))
