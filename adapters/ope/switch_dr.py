"""Switch-DR (Wang, Agarwal, Dudík 2017): doubly robust, but the model alone where a weight is above ``tau``. It varies
less where logging hardly ever did what the target does, for a bias that the model brings there.

Its bounds don't trust the model there: such an arm may have earned anything, so they are wider by the target's share of
those arms."""

from __future__ import annotations

import numpy as np

from adapters.ope.log import Log, Matrix
from adapters.ope.terms import Control

TAU = 10.0


class SwitchDR:
    """``name`` "switch-dr". ``tau`` ≥ 0: the largest weight that counts; ``ValueError`` otherwise."""

    name = "switch-dr"
    uses_model = True
    asks_all_probabilities = True

    def __init__(self, tau: float = TAU) -> None:
        if not tau >= 0.0:
            raise ValueError(f"tau is {tau!r}: give the largest weight that counts, from 0 on.")
        self.tau = tau

    def value(self, log: Log, target: Matrix, expected: Matrix) -> float:
        """See ``Estimator``."""
        weights = log.weights(target)
        residuals = np.where(weights <= self.tau, weights * (log.rewards - log.of_drawn(expected)), 0.0)
        return float((np.average(expected, weights=target, axis=1) + residuals).mean())

    def control(self, log: Log, target: Matrix, earlier: Matrix) -> Control:
        """See ``Estimator``."""
        return Control(log.unit(earlier), target <= self.tau * log.probabilities)
