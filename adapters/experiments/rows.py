"""What an analysis finds, before anything is concluded from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from adapters.experiments.factorial import JOINT
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
class EffectRow:
    """What a factor does to one metric. ``effect``: the factor's name, or both for an interaction; ``level`` against
    the base, averaged over the other factor's levels; of an interaction: how much the one's effect differs there with
    the other's. The rest as in ``Row``; ``better`` is None for an interaction, which is no variant to choose."""

    metric: str
    effect: str
    level: str
    difference: float
    ci: Interval | None
    p_value: float | None
    p_adjusted: float | None = None
    significant: bool = False
    better: bool | None = None

    @property
    def is_interaction(self) -> bool:
        """Of both factors."""
        return JOINT in self.effect


@dataclass(frozen=True, slots=True)
class Findings:
    """``units``: by variant. ``crossed``: units seen in several variants, left out. ``blocked``: why nothing may be
    concluded; then ``rows`` hold counts and means only, and there are no ``effects`` (of two factors). ``days``: how
    long the experiment has run, None if unknown."""

    plan: Plan
    units: Mapping[str, int]
    crossed: int
    blocked: tuple[str, ...]
    rows: tuple[Row, ...]
    guardrails: tuple[GuardrailResult, ...]
    days: float | None = None
    effects: tuple[EffectRow, ...] = ()
