"""What the baselines share: chances that neither the context nor a reward can change."""

from __future__ import annotations

from collections.abc import Sequence

from adapters.policies.base import BasePolicy, Event, Vector
from adapters.policies.contract import ArmExplanation
from adapters.policies.mixture import Mixture


class ConstantPolicy(BasePolicy):
    """Learning raises the version and changes nothing else."""

    def _learn(self, _event: Event) -> None:
        """Nothing to learn."""

    def _explain(self, x: Vector, _names: Sequence[str], mixture: Mixture) -> tuple[ArmExplanation, ...]:
        """Nothing was learned, so no arm has a score."""
        probabilities = self._distribution(x, mixture).probabilities.tolist()
        return tuple(ArmExplanation(arm, p, 0.0, 0.0, 0.0, ()) for arm, p in zip(self.arms, probabilities, strict=True))
