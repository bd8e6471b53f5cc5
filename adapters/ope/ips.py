"""Inverse propensity scoring (Horvitz and Thompson 1952; Precup, Sutton, Singh 2000): rewards, weighted by how much
likelier the target was to take that arm. Without bias, and needs nothing but propensities; varies with the weights."""

from __future__ import annotations

from adapters.ope.log import Log, Matrix
from adapters.ope.terms import Control


class IPS:
    """``name`` "ips"."""

    name = "ips"
    uses_model = False
    asks_all_probabilities = False

    def value(self, log: Log, target: Matrix, _expected: Matrix) -> float:
        """See ``Estimator``."""
        return float((log.weights(target) * log.rewards).mean())

    def control(self, _log: Log, _target: Matrix, _earlier: Matrix) -> Control:
        """See ``Estimator``."""
        return Control()
