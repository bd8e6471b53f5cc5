"""Change detection: an arm whose rewards have left what the model expects of it is to be learned anew.

Two CUSUM tests (Page 1954) per arm on the residuals ``e = (reward − expected) / √(1 + variance)``, standardised by
their own running mean and deviation: a two-sided one on ``z`` sees a shift of the mean, one on ``z²`` sees weights that
changed while the mean stayed. A model that learns makes its residuals smaller, so a world that stands still does not
raise an alarm by being learned.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

WARM_UP = 30  # observations of an arm before it can raise an alarm
MEMORY = 512  # observations over which mean and deviation run
# For Gaussian residuals a false alarm has odds of about e⁻²⁰ per observation by the first, e⁻¹⁶ by the second.
SHIFT_ALLOWANCE, SHIFT_LIMIT = 0.5, 20.0
BURST_ALLOWANCE, BURST_LIMIT = 2.0, 40.0
LARGEST_Z = 4.0  # so that one outlier alone says nothing
KEEP = 0.02  # of what an arm learned before its change: enough for the scale, too little to be in the way


class Detector:
    """``tracks`` (arms, 6): observations, mean, variance, and the sums up, down and of squares. ``changed_ms`` (arms,):
    when an arm changed last, 0: never, or at an unknown time. ``least``: deviations under this count as this."""

    def __init__(self, arms: int, least: float) -> None:
        self.tracks: NDArray[np.float64] = np.zeros((arms, 6))
        self.changed_ms: NDArray[np.float64] = np.zeros(arms)
        self._least = least

    def alarms(self, arm: int, residual: float, at_ms: float) -> bool:
        """Take an observation in; True when the arm has changed, after which its tracks start anew."""
        track = self.tracks[arm]
        count, mean, variance, up, down, burst = track.tolist()
        if count >= WARM_UP:
            z = (residual - mean) / max(math.sqrt(variance), self._least)
            z = min(max(z, -LARGEST_Z), LARGEST_Z)
            up = max(0.0, up + z - SHIFT_ALLOWANCE)
            down = max(0.0, down - z - SHIFT_ALLOWANCE)
            burst = max(0.0, burst + z * z - BURST_ALLOWANCE)
            if up > SHIFT_LIMIT or down > SHIFT_LIMIT or burst > BURST_LIMIT:
                track[:] = 0.0
                self.changed_ms[arm] = at_ms
                return True
        rate = max(1.0 / (count + 1.0), 1.0 / MEMORY)
        step = residual - mean
        mean += rate * step
        variance += rate * (step * (residual - mean) - variance)
        track[:] = (count + 1.0, mean, variance, up, down, burst)
        return False
