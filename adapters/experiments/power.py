"""How many units an experiment needs, and what so many can show. For both readings: the sequential one pays for its
freedom to look with about half as many units again, or twice as many."""

from __future__ import annotations

import math

from scipy import optimize, stats

from adapters.experiments.sequential import Sequential

MAX_UNITS = 10**12


def proportion_deviation(rate: float) -> float:
    """The standard deviation of a unit's 0 or 1."""
    if not 0.0 < rate < 1.0:
        raise ValueError(f"rate {rate:g}: give a number between 0 and 1.")
    return math.sqrt(rate * (1.0 - rate))


def power(
    effect: float,
    deviation: float,
    units: int,
    *,
    alpha: float = 0.05,
    treatment_deviation: float | None = None,
    sequential: Sequential | None = None,
) -> float:
    """The chance that ``units`` in each of two variants show a true difference ``effect`` in its own direction.

    ``deviation``: standard deviation of one unit's value, in the unit of ``effect``; ``treatment_deviation`` where the
    treatment's differs. Fixed horizon: noncentral t. ``sequential``: at the look with so many units, so a lower bound
    of all looks'."""
    if units < 2:
        return 0.0
    error = _error(deviation, treatment_deviation, units)
    if sequential is not None:
        return float(stats.norm.sf(sequential.boundary(2 * units) - abs(effect) / error))
    df = 2.0 * units - 2.0
    found = float(stats.nct.sf(stats.t.isf(alpha / 2.0, df), df, abs(effect) / error))
    # The noncentral t gives up where the effect is tens of standard errors.
    return found if math.isfinite(found) else 1.0


def sample_size(
    effect: float,
    deviation: float,
    *,
    alpha: float = 0.05,
    power_wanted: float = 0.8,
    treatment_deviation: float | None = None,
    sequential: Sequential | None = None,
) -> int:
    """The fewest units in each of two variants with the power wanted. ``ValueError`` where no number is enough."""
    if effect == 0.0 or deviation <= 0.0 or not 0.0 < power_wanted < 1.0 or not 0.0 < alpha < 1.0:
        raise ValueError("give an effect other than 0, a deviation above 0, and alpha and power between 0 and 1.")

    def enough(units: int) -> bool:
        reached = power(
            effect, deviation, units, alpha=alpha, treatment_deviation=treatment_deviation, sequential=sequential
        )
        return reached >= power_wanted

    high = 2
    while not enough(high):
        high *= 2
        if high > MAX_UNITS:
            raise ValueError(f"an effect of {effect:g} needs more than {MAX_UNITS:,} units: ask for a larger one.")
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def minimum_detectable_effect(
    deviation: float,
    units: int,
    *,
    alpha: float = 0.05,
    power_wanted: float = 0.8,
    sequential: Sequential | None = None,
) -> float:
    """The smallest true difference that ``units`` in each of two variants show with the power wanted."""
    if units < 2 or deviation <= 0.0 or not 0.0 < power_wanted < 1.0:
        raise ValueError("give at least 2 units, a deviation above 0 and a power between 0 and 1.")
    error = _error(deviation, None, units)

    def short(size: float) -> float:
        return power(size * error, deviation, units, alpha=alpha, sequential=sequential) - power_wanted

    return float(optimize.brentq(short, 0.0, 30.0, xtol=1e-6)) * error


def _error(deviation: float, treatment_deviation: float | None, units: int) -> float:
    other = deviation if treatment_deviation is None else treatment_deviation
    return math.sqrt((deviation**2 + other**2) / units)
