"""The probability of each arm to be the best, for independent scores: Thompson sampling's propensities.

``P(a is best) = ∫ Π_{b≠a} F_b(t) dF_a(t)``, by the trapezoid rule on the union of every arm's own grid, so that a score
known well and one hardly known are both resolved, whatever their scales. Over random contests of 2 to 12 arms, with
deviations between 10⁻² and 5, the largest error measured was .0008; ``ERROR`` is what tests hold it to.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]

REACH = 4.0  # deviations; outside of them lies 6e-5 of a Gaussian
GRID: Vector = np.linspace(-REACH, REACH, 33)
ERROR = 0.0015


def chances(cdfs: NDArray[np.float64]) -> Vector:
    """Float64 (arms,), summing to 1. ``cdfs`` (arms, points): each arm's distribution function on one ascending grid,
    which holds practically all of the highest score's mass."""
    cdfs = np.maximum(cdfs, 1e-30)  # an arm that can't be under the grid at all has nothing to divide by
    of_others = np.multiply.reduce(cdfs, axis=0) / cdfs
    steps = cdfs[:, 1:] - cdfs[:, :-1]
    steps *= of_others[:, 1:] + of_others[:, :-1]
    wins = np.add.reduce(steps, axis=1)
    shares: Vector = wins / np.add.reduce(wins)
    return shares


def grid(means: Vector, deviations: Vector) -> Vector:
    """The points that matter, ascending: no highest score lies under the lower end of any arm."""
    own = deviations[:, None] * GRID
    own += means[:, None]
    lowest = np.maximum.reduce(own[:, 0])
    points: Vector = own.ravel()
    points.sort()
    return points[points.searchsorted(lowest) :]


def gaussian_chances(means: Vector, deviations: Vector) -> Vector:
    """``chances`` of Gaussian scores; ``means`` and ``deviations`` ≥ 0, both (arms,)."""
    from scipy.special import ndtr  # 50 ms of a start that other policies need not pay

    # Without any deviation ties are still shared.
    deviations = np.maximum(deviations, 1e-9 * (1.0 + np.maximum.reduce(np.abs(means))))
    z = grid(means, deviations) - means[:, None]
    z /= deviations[:, None]
    return chances(ndtr(z, out=z))
