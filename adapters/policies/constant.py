"""What the baselines share: chances that neither the context nor a reward can change."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from numpy.typing import ArrayLike

from adapters.policies.base import BasePolicy, Event
from adapters.policies.contract import ArmExplanation


class ConstantPolicy(BasePolicy):
    """Learning raises the version and changes nothing else."""

    def _learn(self, _event: Event) -> None:
        """Nothing to learn."""

    def explain(
        self, x: ArrayLike, names: Sequence[str] = (), allowed: Collection[str] | None = None
    ) -> tuple[ArmExplanation, ...]:
        """See ``Policy.explain``: nothing was learned, so no arm has a score."""
        context = self._context(x)
        self._names(names)
        mixture = self._mixture if allowed is None else self._restricted(allowed)
        probabilities = self._distribution(context, mixture).probabilities.tolist()
        return tuple(ArmExplanation(arm, p, 0.0, 0.0, 0.0, ()) for arm, p in zip(self.arms, probabilities, strict=True))
