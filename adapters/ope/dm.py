"""The direct method: what the reward model expects of the target. It varies little, and is as wrong as its model.

How wrong that is can't be seen from the model, so an interval around the model's mean would cover nothing (a
bootstrap's "95 %" covered 0 %). Its bounds are those of the doubly robust estimate on the same model, which hold
whatever the model; a value outside of them says that the model is wrong.
"""

from __future__ import annotations

import numpy as np

from adapters.ope.dr import DR
from adapters.ope.log import Log, Matrix
from adapters.ope.terms import Control


class DM:
    """``name`` "dm"."""

    name = "dm"
    uses_model = True
    asks_all_probabilities = True

    def value(self, _log: Log, target: Matrix, expected: Matrix) -> float:
        """See ``Estimator``."""
        return float(np.average(expected, weights=target, axis=1).mean())

    def control(self, log: Log, target: Matrix, earlier: Matrix) -> Control:
        """See ``Estimator``."""
        return DR().control(log, target, earlier)
