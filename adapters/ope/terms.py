"""What each row says about the target's value: one number per row, whose mean is the estimate, and bounds from them.

With importance weights w and any control f(x, a) that does not know the row, ``Σ_a π(a|x) f(x, a) + w (r − f(x, a_i))``
has the target's value as its mean (Robins, Rotnitzky, Zhao 1994; Dudík, Langford, Li 2011). The better f predicts r,
the less it varies. For a bound the control is held under ``REACH / w``: still without bias, and no term lies further
under 0 than REACH, however large the weight (Waudby-Smith and others 2022, section 2.2).

A term of an arm that is left out (no chance in the log, or a weight that shall not count) is put at the lowest reward.
Bounds from above are bounds from below of what is lost, so an arm left out costs width and never truth.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from adapters.ope.bounds import Mixture, for_any_rows, for_rows, lower_bounds
from adapters.ope.log import Log, Matrix, Vector

MIN_REACH, MAX_REACH = 1.0, 32.0
SEQUENCE_REACH = 4.0


@dataclass(frozen=True, slots=True, eq=False)
class Control:
    """``expected`` (rows, arms or 1): rewards in [0, 1] expected by what does not know the row, None for nothing
    expected. ``counted`` (rows, arms): the arms whose weights count, None for all that have a chance."""

    expected: Matrix | None = None
    counted: NDArray[np.bool_] | None = None


@dataclass(frozen=True, slots=True)
class Bounds:
    """With probability 1 − α the truth is inside. ``interval``: of this log, looked at once. ``sequence``: at every
    moment at once, so whoever looks again as the log grows may stop when they like; a little wider."""

    interval: tuple[float, float]
    sequence: tuple[float, float]


def reach_of(rows: int) -> float:
    """How far under 0 a term of an interval may lie: the more rows, the less it costs."""
    return min(max(0.1 * math.sqrt(rows), MIN_REACH), MAX_REACH)


def terms(log: Log, target: Matrix, control: Control, reach: float) -> Vector:
    """(rows,) of a log with rewards in [0, 1]; none under −``reach``, nor under 0 without a control."""
    weights = log.weights(target)
    counts: Vector = np.ones(log.rows) if control.counted is None else log.of_drawn(control.counted.astype(np.float64))
    if control.expected is None:
        return np.asarray(counts * weights * log.rewards)
    expected = np.broadcast_to(control.expected, target.shape)
    with np.errstate(divide="ignore", invalid="ignore"):
        held = np.minimum(expected, reach * log.probabilities / target)
    held = np.where(target > 0.0, held, 0.0)  # of arms that the target never takes nothing is asked
    if control.counted is not None:
        held = held * control.counted
    return np.asarray((target * held).sum(axis=1) + counts * weights * (log.rewards - log.of_drawn(held)))


def bounds_of_value(log: Log, target: Matrix, control: Control, alpha: float) -> Bounds:
    """Of the target's mean value over the log's rows, in the rewards' own units."""

    def ends(reach: float, mixture: Mixture) -> tuple[float, float]:
        least = 0.0 if control.expected is None else -reach
        low, lost = (
            _last(terms(side, target, of_side, reach), least, mixture, alpha) for side, of_side in _sides(log, control)
        )
        return _in_units(log, max(low, 0.0)), _in_units(log, min(1.0 - lost, 1.0))

    return Bounds(ends(reach_of(log.rows), for_rows(log.rows, alpha / 2.0)), ends(SEQUENCE_REACH, for_any_rows()))


def bounds_of_difference(log: Log, target: Matrix, control: Control, alpha: float) -> Bounds:
    """Of the target's mean value less that of the policies that made the log, row by row: what both share cancels."""

    def ends(reach: float, mixture: Mixture) -> tuple[float, float]:
        least = -1.0 if control.expected is None else -1.0 - reach
        low, lost = (
            _last(terms(side, target, of_side, reach) - side.rewards, least, mixture, alpha)
            for side, of_side in _sides(log, control)
        )
        span = log.reward_high - log.reward_low
        return max(low, -1.0) * span, min(-lost, 1.0) * span

    return Bounds(ends(reach_of(log.rows), for_rows(log.rows, alpha / 2.0)), ends(SEQUENCE_REACH, for_any_rows()))


def sequence_of_value(
    log: Log, target: Matrix, control: Control, alpha: float, at: NDArray[np.int64]
) -> tuple[Vector, Vector]:
    """The confidence sequence after each of ``at`` rows (≥ 1): its lower and upper ends."""
    least = 0.0 if control.expected is None else -SEQUENCE_REACH
    low, lost = (
        lower_bounds(terms(side, target, of_side, SEQUENCE_REACH), least, for_any_rows(), alpha / 2.0, at)
        for side, of_side in _sides(log, control)
    )
    span = log.reward_high - log.reward_low
    return log.reward_low + span * np.maximum(low, 0.0), log.reward_low + span * np.minimum(1.0 - lost, 1.0)


def _sides(log: Log, control: Control) -> tuple[tuple[Log, Control], tuple[Log, Control]]:
    """What was earned and what was lost, both in [0, 1]."""
    lost = log.mirrored()
    earned = Log(log.arms, log.contexts, log.actions, log.unit(log.rewards), log.probabilities)
    if control.expected is None:
        return (earned, control), (lost, control)
    return (earned, control), (lost, Control(1.0 - control.expected, control.counted))


def _last(values: Vector, least: float, mixture: Mixture, alpha: float) -> float:
    return float(lower_bounds(values, least, mixture, alpha / 2.0, np.array([len(values)]))[0])


def _in_units(log: Log, value: float) -> float:
    return log.reward_low + (log.reward_high - log.reward_low) * value
