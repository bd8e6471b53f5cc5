"""Doubly robust (Dudík, Langford, Li 2011): the model's expectation, corrected by the weighted residuals. Without bias
where the propensities are right, whatever the model, and with a good model it varies less than IPS."""

from __future__ import annotations

import numpy as np

from adapters.ope.log import Log, Matrix
from adapters.ope.terms import Control


class DR:
    """``name`` "dr"."""

    name = "dr"
    uses_model = True
    asks_all_probabilities = True

    def value(self, log: Log, target: Matrix, expected: Matrix) -> float:
        """See ``Estimator``."""
        residuals = log.weights(target) * (log.rewards - log.of_drawn(expected))
        return float((np.average(expected, weights=target, axis=1) + residuals).mean())

    def control(self, log: Log, _target: Matrix, earlier: Matrix) -> Control:
        """See ``Estimator``."""
        return Control(log.unit(earlier))
