"""Self-normalised inverse propensity scoring (Swaminathan and Joachims 2015): the weighted mean of the rewards.

Its own bias fades with the rows. To first order it is IPS with its own value as the control for every arm, which gives
its bounds: the control of a row is the weighted mean of the rows before."""

from __future__ import annotations

import numpy as np

from adapters.ope.log import Log, Matrix
from adapters.ope.terms import Control


class SNIPS:
    """``name`` "snips"."""

    name = "snips"
    uses_model = False
    asks_all_probabilities = True

    def value(self, log: Log, target: Matrix, _expected: Matrix) -> float:
        """See ``Estimator``. NaN where the target would never have done what was done."""
        weights = log.weights(target)
        total = float(weights.sum())
        return float((weights * log.rewards).sum()) / total if total > 0.0 else float("nan")

    def control(self, log: Log, target: Matrix, _earlier: Matrix) -> Control:
        """See ``Estimator``."""
        weights = log.weights(target)
        total = np.concatenate([[0.0], np.cumsum(weights)[:-1]])
        earned = np.concatenate([[0.0], np.cumsum(weights * log.unit(log.rewards))[:-1]])
        before = np.divide(earned + 0.5, total + 1.0)  # half a reward imagined, so that there is a first one
        return Control(before[:, None])
