"""The line through a series of samples, and how sure its slope is. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

LEAST_SAMPLES = 3


@dataclass(frozen=True, slots=True)
class Trend:
    """Least squares: ``slope`` per unit of x and its standard error (as if samples were independent, which those of
    memory are not quite: take two or three of them for the bounds)."""

    slope: float
    error: float

    def scaled(self, factor: float) -> Trend:
        """In other units."""
        return Trend(self.slope * factor, self.error * abs(factor))


def trend(x: Sequence[float], y: Sequence[float]) -> Trend:
    """Of at least three samples at different x. ``ValueError`` otherwise."""
    if len(x) != len(y) or len(x) < LEAST_SAMPLES:
        raise ValueError(f"a trend needs at least {LEAST_SAMPLES} samples, x and y alike; there are {len(x)}, {len(y)}")
    mean_x, mean_y = math.fsum(x) / len(x), math.fsum(y) / len(y)
    spread = math.fsum((one - mean_x) ** 2 for one in x)
    if spread == 0.0:
        raise ValueError("a trend needs samples at different times")
    slope = math.fsum((one - mean_x) * (two - mean_y) for one, two in zip(x, y, strict=True)) / spread
    left = math.fsum((two - mean_y - slope * (one - mean_x)) ** 2 for one, two in zip(x, y, strict=True))
    return Trend(slope, math.sqrt(left / (len(x) - 2) / spread))
