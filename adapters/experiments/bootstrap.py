"""The bootstrap as a check: it knows no normal law, so where it disagrees with the interval, tails are heavy."""

from __future__ import annotations

import numpy as np

from adapters.experiments.observations import Doubles, Totals

RESAMPLES = 1_000
BATCH_DRAWS = 1 << 18
"""Drawn at once: two megabytes, and few calls where units are few."""


def bootstrap_interval(
    control: Totals, treatment: Totals, alpha: float, rng: np.random.Generator, resamples: int = RESAMPLES
) -> tuple[float, float]:
    """Percentile interval of treatment minus control at 1 − ``alpha``, units resampled whole. Time: ``resamples`` times
    the units. Not adjusted by a covariate, and not valid under repeated looks."""
    differences = _resampled(treatment, rng, resamples) - _resampled(control, rng, resamples)
    low, high = np.quantile(differences, [alpha / 2.0, 1.0 - alpha / 2.0])
    return float(low), float(high)


def _resampled(totals: Totals, rng: np.random.Generator, resamples: int) -> Doubles:
    size = len(totals.numerator)
    found: Doubles = np.empty(resamples)
    batch = max(1, BATCH_DRAWS // size)
    for start in range(0, resamples, batch):
        rows = rng.integers(size, size=(min(batch, resamples - start), size))
        means = totals.numerator[rows].mean(axis=1)
        if totals.denominator is not None:
            means /= totals.denominator[rows].mean(axis=1)
        found[start : start + len(means)] = means
    return found


def disagrees(ci: tuple[float, float], checked: tuple[float, float]) -> bool:
    """Whether an end lies more than a fifth of the interval's width off. Resampling a thousand times moves it by a
    twentieth."""
    width = ci[1] - ci[0]
    return max(abs(ci[0] - checked[0]), abs(ci[1] - checked[1])) > 0.2 * width
