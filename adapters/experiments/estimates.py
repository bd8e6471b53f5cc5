"""One metric of one variant as an estimate with its error: means, proportions, ratios, with or without CUPED."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from adapters.experiments.metrics import Kind
from adapters.experiments.observations import Doubles, Totals

MIN_UNITS = 2  # below, there is no variance


@dataclass(frozen=True, slots=True)
class Estimate:
    """``raw_mean`` (or proportion, or ratio) of ``units``; ``mean`` is the same unless a covariate adjusted it;
    ``variance``: of ``mean`` (its squared standard error). ``successes``: of an unadjusted binary metric, else None.
    ``variance_kept``: the share of the variance that the covariate left, 1 without one."""

    units: int
    raw_mean: float
    mean: float
    variance: float
    successes: int | None = None
    variance_kept: float = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class _Linear:
    """``residuals`` (n,): each unit's part in the estimate's error, so that the variance is theirs by n."""

    mean: float
    residuals: Doubles
    covariate: Doubles | None


def estimates(totals: Sequence[Totals], kind: Kind) -> list[Estimate | None]:
    """An estimate per variant; None where there are fewer than two units, or a ratio by zero.

    Ratios: delta method over units (Deng, Knoblich and Lu 2018, https://arxiv.org/abs/1803.06336). With a covariate:
    CUPED (Deng, Xu, Kohavi and Walker 2013,
    https://exp-platform.com/Documents/2013-02-CUPED-ImprovingSensitivityOfControlledExperiments.pdf), with one slope
    from within all variants and the mean of all units as the centre."""
    linear = [_linear(own) for own in totals]
    slope, centre = _slope([own for own in linear if own is not None])
    found: list[Estimate | None] = []
    for own, parts in zip(linear, totals, strict=True):
        if own is None:
            found.append(None)
            continue
        plain = _estimate(own, parts, kind)
        found.append(_adjusted(plain, own, slope, centre) if slope else plain)
    return found


def _linear(own: Totals) -> _Linear | None:
    if len(own.numerator) < MIN_UNITS:
        return None
    if own.denominator is None:
        mean = float(own.numerator.mean())
        return _Linear(mean, own.numerator - mean, own.covariate)
    below = float(own.denominator.mean())
    if below <= 0.0:
        return None
    ratio = float(own.numerator.mean()) / below
    return _Linear(ratio, (own.numerator - ratio * own.denominator) / below, own.covariate)


def _estimate(own: _Linear, parts: Totals, kind: Kind) -> Estimate:
    size = len(own.residuals)
    successes = int(parts.numerator.sum()) if kind == "binary" else None
    return Estimate(size, own.mean, own.mean, _variance(own.residuals), successes)


def _variance(residuals: Doubles) -> float:
    """Of the mean. What is left of values that are all the same is rounding, and no variation."""
    size = len(residuals)
    return float(residuals @ residuals) / (size - 1) / size


def _slope(linear: Sequence[_Linear]) -> tuple[float, float]:
    """θ = cov(Y, X) / var(X) within variants, and the mean of X over all; (0, 0) without a covariate that varies."""
    shared = spread = 0.0
    total, count = 0.0, 0
    for own in linear:
        if own.covariate is None:
            return 0.0, 0.0
        centred = own.covariate - own.covariate.mean()
        shared += float(centred @ own.residuals)
        spread += float(centred @ centred)
        total += float(own.covariate.sum())
        count += len(centred)
    return (shared / spread, total / count) if spread > 0.0 else (0.0, 0.0)


def _adjusted(plain: Estimate, own: _Linear, slope: float, centre: float) -> Estimate:
    covariate = own.covariate
    assert covariate is not None  # noqa: S101 - _slope gave one
    at = float(covariate.mean())
    variance = _variance(own.residuals - slope * (covariate - at))
    kept = variance / plain.variance if plain.variance > 0.0 else 1.0
    return replace(plain, mean=own.mean - slope * (at - centre), variance=variance, successes=None, variance_kept=kept)


def standard_deviations(parts: Totals) -> float:
    """Of one unit's value (of a ratio: of its linearised value), for planning. 0 for fewer than two units."""
    own = _linear(parts)
    return 0.0 if own is None else float(np.sqrt(_variance(own.residuals) * len(own.residuals)))
