"""The fixed-horizon reading: right at the one moment that was planned, wrong when looked at again and again.

All tails are survival functions, by symmetry the distribution at -z: ``2 * (1 - cdf(z))`` is 0 from z = 9 on. They
are taken from scipy.special, as scipy.stats does, which checks shapes and parameters at each call besides.
"""

from __future__ import annotations

from dataclasses import dataclass

from scipy import special, stats

from adapters.experiments.estimates import Estimate
from adapters.experiments.inference import Comparison, Contrast, contrast_of, varies

MIN_EXPECTED = 5.0
"""Expected successes or failures of a group below which the normal approximation gives way to Fisher's exact test."""


@dataclass(frozen=True, slots=True)
class FixedHorizon:
    """Welch's t-test (means, ratios, adjusted values) and the test of two proportions."""

    alpha: float = 0.05
    name: str = "fixed"

    def interval(self, contrast: Contrast) -> tuple[float, float]:
        """Student's t."""
        half = -float(special.stdtrit(contrast.df, self.alpha / 2.0)) * contrast.variance**0.5
        return contrast.value - half, contrast.value + half

    def p_value(self, contrast: Contrast) -> float:
        """Student's t, two-sided."""
        return min(1.0, 2.0 * float(special.stdtr(contrast.df, -abs(contrast.value) / contrast.variance**0.5)))

    def p_above(self, contrast: Contrast) -> float:
        """Student's t, one-sided."""
        return float(special.stdtr(contrast.df, -contrast.value / contrast.variance**0.5))

    def compare(self, control: Estimate, treatment: Estimate) -> Comparison:
        """Treatment minus control."""
        if control.successes is not None and treatment.successes is not None:
            return two_proportions(
                (control.successes, control.units), (treatment.successes, treatment.units), self.alpha
            )
        contrast = contrast_of([(1.0, treatment), (-1.0, control)])
        if not varies(contrast, control, treatment):
            return Comparison(contrast.value, None, None, "welch")
        return Comparison(contrast.value, self.interval(contrast), self.p_value(contrast), "welch")


def two_proportions(control: tuple[int, int], treatment: tuple[int, int], alpha: float) -> Comparison:
    """Each group as (successes, units). The score test with pooled variance, or Fisher's where a cell is small;
    interval by Newcombe's hybrid of Wilson's (Newcombe 1998, method 10)."""
    (x0, n0), (x1, n1) = control, treatment
    difference = x1 / n1 - x0 / n0
    pooled = (x0 + x1) / (n0 + n1)
    if pooled in (0.0, 1.0):
        return Comparison(0.0, None, None, "two proportions")
    interval = _newcombe(control, treatment, alpha)
    if min(n0, n1) * min(pooled, 1.0 - pooled) < MIN_EXPECTED:
        p_value = float(stats.fisher_exact([[x0, n0 - x0], [x1, n1 - x1]]).pvalue)
        return Comparison(difference, interval, p_value, "fisher")
    error = (pooled * (1.0 - pooled) * (1.0 / n0 + 1.0 / n1)) ** 0.5
    p_value = min(1.0, 2.0 * float(special.ndtr(-abs(difference) / error)))
    return Comparison(difference, interval, p_value, "two proportions")


def _newcombe(control: tuple[int, int], treatment: tuple[int, int], alpha: float) -> tuple[float, float]:
    low0, high0 = _wilson(*control, alpha)
    low1, high1 = _wilson(*treatment, alpha)
    p0, p1 = control[0] / control[1], treatment[0] / treatment[1]
    difference = p1 - p0
    below = ((p1 - low1) ** 2 + (high0 - p0) ** 2) ** 0.5
    above = ((high1 - p1) ** 2 + (p0 - low0) ** 2) ** 0.5
    return difference - below, difference + above


def _wilson(successes: int, units: int, alpha: float) -> tuple[float, float]:
    # SciPy's comes only with an exact test, which takes long for millions of units.
    z_squared, share = float(special.ndtri(alpha / 2.0)) ** 2, successes / units
    middle = share + z_squared / (2.0 * units)
    half = (z_squared * (share * (1.0 - share) / units + z_squared / (4.0 * units**2))) ** 0.5
    return (middle - half) / (1.0 + z_squared / units), (middle + half) / (1.0 + z_squared / units)
