"""The sequential reading: right at every moment at once, so that anybody may look at any time and stop.

Asymptotic confidence sequences (Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas, "Time-uniform central limit theory
and asymptotic confidence sequences", Annals of Statistics 52(6), 2024, https://arxiv.org/abs/2103.06476). After t
units an estimate with standard error s is within s · b(t) of the truth at all t at once, with probability 1 − α as the
first look grows late; b(t)² = 2 (v / u) ln(√v / α), u = t ρ², v = u + 1. ρ only says where the sequence is narrowest;
fixed beforehand, any is valid."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy.special import lambertw

from adapters.experiments.estimates import Estimate
from adapters.experiments.inference import Comparison, Contrast, contrast_of, varies

PLANNED_UNITS = 1_000
"""Where the sequence is narrowest unless a plan says otherwise: ten times as many units widen it by a fifteenth against
one that was tuned to them, a tenth as many by a quarter."""


@dataclass(frozen=True, slots=True)
class Sequential:
    """``planned_units``: of both groups together, where the sequence shall be narrowest. Decide it before the data:
    tuned to the units at hand, look after look, it would lose its guarantee."""

    alpha: float = 0.05
    planned_units: int = PLANNED_UNITS
    name: str = "sequential"

    def __post_init__(self) -> None:
        if not 0.0 < self.alpha < 1.0 or self.planned_units < 2:
            raise ValueError("give an alpha between 0 and 1, and at least 2 planned units.")

    def boundary(self, units: int) -> float:
        """b(units): what 1.96 is to a fixed horizon."""
        u, v = self._u_v(units)
        return math.sqrt(2.0 * v / u * (0.5 * math.log(v) - math.log(self.alpha)))

    def interval(self, contrast: Contrast) -> tuple[float, float]:
        """Two-sided, at all times at once."""
        half = self.boundary(contrast.units) * math.sqrt(contrast.variance)
        return contrast.value - half, contrast.value + half

    def p_value(self, contrast: Contrast) -> float:
        """The smallest α whose sequence excludes 0 here, ρ staying as it is."""
        u, v = self._u_v(contrast.units)
        z_squared = contrast.value**2 / contrast.variance
        return min(1.0, math.exp(0.5 * math.log(v) - 0.5 * z_squared * u / v))

    def p_above(self, contrast: Contrast) -> float:
        """The two-sided value where the contrast is above 0: valid, and a little too careful."""
        return self.p_value(contrast) if contrast.value > 0.0 else 1.0

    def compare(self, control: Estimate, treatment: Estimate) -> Comparison:
        """Treatment minus control."""
        contrast = contrast_of([(1.0, treatment), (-1.0, control)])
        if not varies(contrast, control, treatment):
            return Comparison(contrast.value, None, None, "confidence sequence")
        return Comparison(contrast.value, self.interval(contrast), self.p_value(contrast), "confidence sequence")

    def _u_v(self, units: int) -> tuple[float, float]:
        # b is least where v - ln v = 1 - 2 ln α: the lower branch of Lambert's W.
        best = -float(lambertw(-(self.alpha**2) / math.e, k=-1).real) - 1.0
        u = best * units / self.planned_units
        return u, u + 1.0
