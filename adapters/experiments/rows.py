"""What an analysis finds, before anything is concluded from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from adapters.experiments.guardrails import GuardrailResult
from adapters.experiments.plan import Plan

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Row:
    """One metric of one variant against the control; of the control itself the comparing values are None.

    ``units``: with a known value; ``unknown``: without. ``mean``: or proportion, or ratio; ``mean_adjusted``: by the
    covariate, and then ``difference`` is that of the adjusted means. ``relative``: the difference by the control's
    mean. ``ci``: of the difference, at 1 − α. ``p_adjusted``: for all comparisons of the report;
    ``minimum_detectable``: the true difference that so many units show four times in five; ``significant`` is
    p_adjusted ≤ α."""

    metric: str
    variant: str
    units: int
    unknown: int
    mean: float | None
    mean_adjusted: float | None = None
    difference: float | None = None
    relative: float | None = None
    ci: Interval | None = None
    relative_ci: Interval | None = None
    p_value: float | None = None
    p_adjusted: float | None = None
    significant: bool = False
    better: bool | None = None
    method: str | None = None
    variance_kept: float | None = None
    minimum_detectable: float | None = None
    chance_to_win: float | None = None
    expected_loss: float | None = None
    bootstrap_ci: Interval | None = None


@dataclass(frozen=True, slots=True)
class Findings:
    """``units``: by variant. ``crossed``: units seen in several variants, left out. ``blocked``: why nothing may be
    concluded; then ``rows`` hold counts and means only. ``days``: how long the experiment has run, None if unknown."""

    plan: Plan
    units: Mapping[str, int]
    crossed: int
    blocked: tuple[str, ...]
    rows: tuple[Row, ...]
    guardrails: tuple[GuardrailResult, ...]
    days: float | None = None
