"""Bounds on a mean that hold with few rows, heavy weights, a logging policy that learned and a world that drifted.

For y_i ≥ −1 and anything v_i that is known before y_i, ``E exp(λ (y_i − E y_i) − ψ(λ) (y_i − v_i)²) ≤ 1`` with
``ψ(λ) = −ln(1 − λ) − λ``, as long as y_i − v_i ≥ −1 (Fan, Grama and Liu 2015; Howard, Ramdas, McAuliffe and Sekhon,
"Time-uniform, nonparametric, nonasymptotic confidence sequences", Annals of Statistics 49(2), 2021, theorem 4). So the
mixture over λ of the products is a supermartingale, and by Ville's inequality it stays under 1/α at every moment with
probability 1 − α. Solved for the sum of the means that is an **empirical-Bernstein** bound: its width follows the
squared deviations that were seen. Only the lower end of y is needed, so the largest importance weight plays no part
(Waudby-Smith, Wu, Ramdas, Karampatziakis and Mineiro, "Anytime-valid off-policy inference for contextual bandits",
2022, https://arxiv.org/abs/2210.10768). The means need not be equal: what is bounded is their average over the rows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from adapters.ope.log import Vector

LARGEST_RATE = 0.8  # ψ grows without bound towards 1
MOST_STEPS = 50
NEAR = 1e-12
ANY_ROWS = 18  # rates of a sequence: from a few rows to some 10^10
TYPICAL = 0.5  # deviation in units of the scale around which an interval is narrowest
FADING = 0.6  # what the next deviation, twice or half as large, counts for


@dataclass(frozen=True, slots=True, eq=False)
class Mixture:
    """``rates``: the λ in (0, 1), with the logarithms of their ``weights``, which sum to 1."""

    rates: Vector
    log_weights: Vector


@lru_cache(maxsize=64)
def for_rows(rows: int, alpha: float) -> Mixture:
    """Narrow after exactly ``rows`` rows, whatever their deviation: decide on the number beforehand."""
    steps = np.arange(-4, 5)
    deviations = TYPICAL * 2.0**steps
    rates = np.minimum(LARGEST_RATE, np.sqrt(2.0 * math.log(1.0 / alpha) / (rows * deviations**2)))
    weights = FADING ** np.abs(steps)
    return Mixture(rates, np.log(weights / weights.sum()))


@lru_cache(maxsize=1)
def for_any_rows() -> Mixture:
    """Narrow at no row more than at others: for who looks as long as they like."""
    rates = LARGEST_RATE * 2.0 ** -np.arange(ANY_ROWS, dtype=np.float64)
    return Mixture(rates, np.full(ANY_ROWS, -math.log(ANY_ROWS)))


def excess(squares: Vector, mixture: Mixture, alpha: float) -> Vector:
    """By how much a sum may exceed the sum of its means, given the sum of squared deviations; of any shape."""
    rates, level = mixture.rates, -math.log(alpha)
    cost = (-np.log1p(-rates) - rates) * np.asarray(squares, dtype=np.float64)[..., None]
    # One rate alone with its weight is over the level here, so the mixture is. Its logarithm is convex and rises, so
    # Newton's steps come down to the level and never pass it.
    high: Vector = np.min((level - mixture.log_weights + cost) / rates, axis=-1)
    for _ in range(MOST_STEPS):
        logs = rates * high[..., None] - cost + mixture.log_weights
        largest = logs.max(axis=-1)
        parts = np.exp(logs - largest[..., None])
        total = parts.sum(axis=-1)
        step = (largest + np.log(total) - level) / ((parts * rates).sum(axis=-1) / total)
        high = high - step
        if (step <= NEAR * (1.0 + high)).all():
            break
    return high


def lower_bounds(values: Vector, least: float, mixture: Mixture, alpha: float, at: NDArray[np.int64]) -> Vector:
    """What the average of the first ``at`` (each ≥ 1) values' means is not under, with probability 1 − ``alpha``.

    ``values`` (rows,): never under ``least``, with means of at most 1.
    """
    scale = 1.0 - least
    # A guess at each value from those before it; between the ends, so that no value is further under it than the scale.
    before = np.arange(len(values), dtype=np.float64)
    guesses = np.empty(len(values))
    guesses[0] = 0.5 * (max(least, -1.0) + 1.0)
    guesses[1:] = np.cumsum(values)[:-1]
    guesses[1:] = (guesses[0] + guesses[1:]) / (before[1:] + 1.0)
    np.clip(guesses, least, 1.0, out=guesses)
    squares = np.cumsum(((values - guesses) / scale) ** 2)
    sums = np.cumsum(values)
    bounds: Vector = (sums[at - 1] - scale * excess(squares[at - 1], mixture, alpha)) / at
    return bounds
