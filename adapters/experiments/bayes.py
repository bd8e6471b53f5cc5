"""The Bayesian reading: the chance that a variant is the best, and what choosing it would be expected to cost.

Priors say nothing: Beta(1, 1) of a proportion, flat of a mean. No seed: distributions are integrated on their own
quantiles. These figures answer "which one", not "is there a difference", and repeated looks do bias them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from adapters.experiments.estimates import Estimate
from adapters.experiments.observations import Doubles

LEVELS = 2_001
TAIL = 1e-9


@dataclass(frozen=True, slots=True)
class Standing:
    """``chance_to_win``: that this variant is the best of all. ``expected_loss``: how far it is expected to fall short
    of the best, in the metric's unit."""

    chance_to_win: float
    expected_loss: float


def standings(estimates: Sequence[Estimate], sign: float = 1.0) -> list[Standing]:
    """Of variants compared with each other; ``sign`` −1 where lower is better."""
    posteriors = [_posterior(own) for own in estimates]
    grid = np.unique(np.concatenate([_quantiles(own) for own in posteriors]))
    below = np.array([_cdf(own, grid) for own in posteriors])
    if sign < 0.0:
        grid, below = -grid[::-1], 1.0 - below[:, ::-1]
    chances = [_chance(below, place) for place in range(len(estimates))]
    # E[max] = its lowest + ∫ (1 - P(max ≤ x)) dx.
    best = float(grid[0] + np.trapezoid(1.0 - below.prod(axis=0), grid))
    means = [float(grid[0] + np.trapezoid(1.0 - own, grid)) for own in below]
    return [Standing(chance, max(0.0, best - mean)) for chance, mean in zip(chances, means, strict=True)]


def _posterior(own: Estimate) -> Any:
    if own.successes is not None:
        return stats.beta(1 + own.successes, 1 + own.units - own.successes)
    if own.variance <= 0.0:
        return own.mean
    return stats.t(own.units - 1, loc=own.mean, scale=own.variance**0.5)


def _quantiles(posterior: Any) -> Doubles:
    if isinstance(posterior, float):
        return np.array([np.nextafter(posterior, -np.inf), posterior])
    # Levels that crowd towards both ends: heavy tails carry much of a mean.
    levels = stats.norm.cdf(np.linspace(stats.norm.ppf(TAIL), stats.norm.isf(TAIL), LEVELS))
    found: Doubles = np.asarray(posterior.ppf(levels), dtype=np.float64)
    return found


def _cdf(posterior: Any, grid: Doubles) -> Doubles:
    if isinstance(posterior, float):
        return (grid >= posterior).astype(np.float64)
    found: Doubles = np.asarray(posterior.cdf(grid), dtype=np.float64)
    return found


def _chance(below: Doubles, place: int) -> float:
    others = np.delete(below, place, axis=0).prod(axis=0)
    steps = np.diff(below[place], prepend=0.0)
    middle = np.concatenate([others[:1], 0.5 * (others[1:] + others[:-1])])
    return float(min(1.0, steps @ middle))
