"""Shrinking a few noisy means towards what is known of all: Gaussian random effects over arms.

Somebody's effects on the arms' rewards are z ~ N(m, s² G), with G from ``likeness``: how far people differ, s², and
which arms they hold for alike. Of that somebody the residuals' mean on arm a was seen with the variance D_a. The
posterior mean is ``m + s² G (s² G + D)⁻¹ (y − m)`` (Lindley and Smith 1972). Both s² and the noise come from the data
of all people by the method of moments (empirical Bayes): two residuals of one person on one arm share the person's
effect, two of different people only their segment's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

PRIOR_WEIGHT = 100.0  # degrees of freedom that the first guess counts: as many as twenty people with a few turns each
LEAST_NOISE = 1e-4  # of the first guess: were rewards without any noise, one turn would say all


@dataclass(frozen=True, slots=True)
class Variances:
    """In squared units of reward: of one reward around what was expected of it for that person; between the people of
    a segment; between segments."""

    noise: float
    users: float
    segments: float


def posterior_mean(prior: Matrix, counts: Vector, totals: Vector, errors: Vector) -> Vector:
    """The effects expected after ``counts`` residuals per arm with the sums ``totals``, each (arms,).

    ``prior``: their covariance (arms, arms), around 0. ``errors`` (arms,) > 0: variance of an arm's mean, times its
    count. ``counts`` may be 0: such an arm is known by those like it only.
    """
    # (I + W P) v = W y with W = counts / errors; then P v. Nothing is divided by a count.
    weights = counts / errors
    system = weights[:, None] * prior
    system += np.eye(len(counts))
    mean: Vector = prior.dot(np.linalg.solve(system, totals / errors))
    return mean


def mean_square(
    squares: Vector,
    *,
    b: Matrix,
    theta: Matrix,
    gram: NDArray[np.float64],
    inverse: NDArray[np.float64],
    count: Vector,
) -> float | None:
    """Pooled variance of the rewards around ``θ·x``, by the arms' sums; None while there are too few.

    ``squares`` (arms,): Σ r². ``b``, ``theta`` (arms, dim); ``gram``, ``inverse`` (arms, dim, dim); ``count`` (arms,).
    """
    spent = float(np.einsum("aij,aij->", gram, inverse))  # degrees of freedom that the fit took (gram is symmetric)
    left = float(count.sum()) - spent
    if left < PRIOR_WEIGHT:
        return None
    fitted = np.einsum("ad,ad->a", theta, 2.0 * b - np.einsum("aij,aj->ai", gram, theta))
    return max(float((squares - fitted).sum()), 0.0) / left


def within_people(counts: Matrix, totals: Matrix, square: float, first: float, alike: float = PRIOR_WEIGHT) -> float:
    """Variance that a person's effect has in all (of segment and person), ≥ 0.

    ``counts``, ``totals`` (people, arms): of residuals. ``square``: ``mean_square``. ``first``: the guess before.
    """
    # E[S²] = n·square + n (n − 1)·effect; divided by n, so that no talkative person speaks for all.
    many = counts > 1.0
    freedom = float((counts[many] - 1.0).sum())
    excess = float((totals[many] ** 2 / counts[many] - square).sum())
    return max((excess + alike * first) / (freedom + alike), 0.0)


def between_segments(
    counts: Matrix, totals: Matrix, spread: Matrix, *, square: float, effect: float, first: float
) -> float:
    """Variance of the segments' effects, from 0 to ``effect``.

    ``counts``, ``totals``, ``spread`` (segments, arms): of residuals, and Σ n² over the segment's people. ``effect``:
    ``within_people``.
    """
    # E[S²] = n·square + (Σ n² − n)·effect + (n² − Σ n²)·segments
    other = np.maximum(counts**2 - spread, 0.0)
    many = other > 1e-9 * counts**2
    n, s, q = counts[many], totals[many], spread[many]
    freedom = float((other[many] / n).sum())
    excess = float(((s**2 - n * square - (q - n) * effect) / n).sum())
    return min(max((excess + PRIOR_WEIGHT * first) / (freedom + PRIOR_WEIGHT), 0.0), effect)
