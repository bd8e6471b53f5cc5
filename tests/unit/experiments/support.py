"""Observations made for tests, and how often a test cries wolf."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from adapters.experiments.estimates import Estimate, estimates
from adapters.experiments.metrics import Kind
from adapters.experiments.observations import Observations, Totals

Doubles = NDArray[np.float64]


def totals(numerator: ArrayLike, denominator: ArrayLike | None = None, covariate: ArrayLike | None = None) -> Totals:
    """One variant's, a value per unit."""
    below, before = (None if part is None else np.asarray(part, dtype=float) for part in (denominator, covariate))
    return Totals(np.asarray(numerator, dtype=float), below, before, 0)


def pair(kind: Kind, control: Totals, treatment: Totals) -> tuple[Estimate, Estimate]:
    """The estimates of two variants that have some."""
    base, own = estimates([control, treatment], kind)
    assert base is not None and own is not None
    return base, own


def observed(groups: Mapping[str, Mapping[str, ArrayLike]], turns: int = 1, *, by_policy: bool = False) -> Observations:
    """Columns by variant; ``turns`` rows in turn belong to one unit."""
    names = tuple(sorted(groups))
    sizes = [len(np.asarray(next(iter(groups[name].values())))) for name in names]
    columns = {
        column: np.concatenate([np.asarray(groups[name][column], dtype=float) for name in names])
        for column in groups[names[0]]
    }
    variant = np.repeat(np.arange(len(names)), sizes)
    return Observations(names, np.arange(sum(sizes)) // turns, variant, columns, by_policy)


def alarms(trials: int, alarm: Callable[[np.random.Generator], bool], seed: int = 0) -> int:
    """How many of ``trials`` raise an alarm."""
    rng = np.random.default_rng(seed)
    return sum(alarm(rng) for _ in range(trials))


def assert_at_level(count: int, trials: int, alpha: float = 0.05) -> None:
    """Within Monte-Carlo error of ``alpha``: a right test fails this once in a thousand seeds."""
    low, high = stats.binom.ppf([0.0005, 0.9995], trials, alpha)
    assert low <= count <= high, f"{count} alarms of {trials}: expected {low:g} to {high:g}"


def assert_not_above(count: int, trials: int, alpha: float = 0.05) -> None:
    """Not above ``alpha``, but for Monte-Carlo error."""
    high = stats.binom.ppf(0.999, trials, alpha)
    assert count <= high, f"{count} alarms of {trials}: at most {high:g} expected"
