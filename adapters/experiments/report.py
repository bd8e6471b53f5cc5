"""The analysis: from recorded observations to comparisons, guardrails, a verdict and words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from adapters.experiments.bayes import Standing, standings
from adapters.experiments.bootstrap import bootstrap_interval
from adapters.experiments.corrections import adjusted
from adapters.experiments.estimates import Estimate, estimates
from adapters.experiments.factorial import effects as effects_of
from adapters.experiments.guardrails import GuardrailResult, judged
from adapters.experiments.inference import Contrast, Inference, contrast_of
from adapters.experiments.insights import insights
from adapters.experiments.metrics import Metric
from adapters.experiments.observations import MAX_CROSSED_SHARE, Observations, Totals, Units, totals_of, units_of
from adapters.experiments.plan import Plan
from adapters.experiments.rows import EffectRow, Findings, Interval, Row
from adapters.experiments.srm import SRM_ALPHA, srm_p_value
from adapters.experiments.verdict import Verdict, decide

MIN_STANDING_UNITS = 10  # a posterior of fewer has hardly a mean
POWER_Z = 0.8416  # of a normal, 80 % lie below
MIN_RELATIVE_Z = 4.0  # standard errors that the control's mean must be from 0 before anything is divided by it


@dataclass(frozen=True, slots=True)
class Report:
    """The findings and what follows from them."""

    findings: Findings
    srm_p_value: float
    verdict: Verdict
    insights: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """JSON values; ``metrics[name][variant]`` holds a row."""
        found, plan = self.findings, self.findings.plan
        rows: dict[str, dict[str, Any]] = {metric.name: {} for metric in plan.metrics}
        for row in found.rows:
            rows[row.metric][row.variant] = _values(row, without=("metric", "variant"))
        effects: dict[str, list[dict[str, Any]]] = {}
        for effect in found.effects:
            effects.setdefault(effect.metric, []).append(_values(effect, without=("metric",)))
        return {
            "control": plan.control,
            "method": plan.inference.name,
            "alpha": plan.inference.alpha,
            "correction": plan.correction,
            "covariate": plan.covariate,
            "srm_p_value": self.srm_p_value,
            "blocked": list(found.blocked),
            "units": dict(found.units),
            "crossed_units": found.crossed,
            "metrics": rows,
            **({"effects": effects} if plan.factors else {}),
            "definitions": {metric.name: _values(metric, without=("name",)) for metric in plan.metrics},
            "guardrails": [_values(result) for result in found.guardrails],
            "verdict": _values(self.verdict),
            "insights": list(self.insights),
        }


@dataclass(frozen=True, slots=True)
class _Measured:
    """One metric of every variant, in the order of ``names``."""

    metric: Metric
    names: Sequence[str]
    estimates: Sequence[Estimate | None]
    totals: Sequence[Totals]

    def bare(self, place: int) -> Row:
        own, parts = self.estimates[place], self.totals[place]
        mean = None if own is None else own.raw_mean
        return Row(self.metric.name, self.names[place], len(parts.numerator), parts.unknown, mean)


def analyse(observations: Observations, plan: Plan, rng: np.random.Generator, *, days: float | None = None) -> Report:
    """``rng`` is for the bootstrap only. ``days``: how long the experiment has run, where known. ``ValueError`` where
    plan and observations don't fit."""
    names = observations.variants
    weights = plan.shares(names)
    units = units_of(observations)
    if not units.counts.any():
        raise ValueError("every unit was seen in several variants: give the column of what was randomised as the unit.")
    counts = {name: int(count) for name, count in zip(names, units.counts, strict=True)}
    mismatch = srm_p_value(units.counts.tolist(), weights)
    blocked = tuple(_objections(observations, units, weights, mismatch))
    rows: list[Row] = []
    effects: list[EffectRow] = []
    guarded: list[GuardrailResult] = []
    for metric in plan.metrics:
        totals = totals_of(observations, units, metric, plan.covariate)
        measured = _Measured(metric, names, estimates(totals, metric.kind), totals)
        if blocked:
            rows += [measured.bare(place) for place in range(len(names))]
            continue
        rows += _compared(plan, measured, rng)
        effects += _effects(plan, measured)
        guarded += _guarded(plan, measured)
    corrected, of_factors = _corrected(rows, effects, plan)
    findings = Findings(plan, counts, units.crossed, blocked, corrected, tuple(guarded), days, of_factors)
    return Report(findings, mismatch, decide(findings), insights(findings))


def _objections(observations: Observations, units: Units, weights: Sequence[float], mismatch: float) -> list[str]:
    found = []
    total = units.crossed + int(units.counts.sum())
    if observations.by_policy:
        found.append(
            "A policy that learns chose the variants, so their users and hours differ and their means are biased. Judge"
            " the policy off-policy, or compare arms on a hold-out that it never touches."
        )
    if mismatch < SRM_ALPHA:
        shares = ", ".join(
            f"{name} {weight / sum(weights):.1%}" for name, weight in zip(observations.variants, weights, strict=True)
        )
        found.append(
            f"Sample-ratio mismatch (p = {mismatch:.2g}): the variants do not have the units that were sent to them"
            f" ({shares}), so some are missing, and hardly by chance. Find out where before reading any result."
        )
    if units.crossed > MAX_CROSSED_SHARE * total:
        found.append(
            f"{units.crossed:,} of {total:,} units were seen in more than one variant: the assignment is not sticky, or"
            " the unit is not what was randomised."
        )
    return found


def _compared(
    plan: Plan,
    measured: _Measured,
    rng: np.random.Generator,
) -> list[Row]:
    names, found, totals = measured.names, measured.estimates, measured.totals
    at = names.index(plan.control)
    base, places = found[at], _standings(found, measured.metric)
    rows = []
    for place, (name, own) in enumerate(zip(names, found, strict=True)):
        row = measured.bare(place)
        if own is not None and plan.covariate is not None:
            row = replace(row, mean_adjusted=own.mean, variance_kept=own.variance_kept)
        if places is not None:
            row = replace(row, chance_to_win=places[place].chance_to_win, expected_loss=places[place].expected_loss)
        if name != plan.control and base is not None and own is not None:
            row = _against(row, measured.metric, base, own, plan.inference)
            if plan.resamples:
                alpha = plan.inference.alpha
                checked = bootstrap_interval(totals[at], totals[place], alpha, rng, plan.resamples)
                row = replace(row, bootstrap_ci=checked)
        rows.append(row)
    return rows


def _standings(found: Sequence[Estimate | None], metric: Metric) -> list[Standing] | None:
    """None where some variant has too few units, or nothing varies."""
    known = [own for own in found if own is not None and own.units >= MIN_STANDING_UNITS]
    varied = any(own.variance > 0.0 for own in known)
    return standings(known, metric.sign) if varied and len(known) == len(found) else None


def _against(row: Row, metric: Metric, base: Estimate, own: Estimate, inference: Inference) -> Row:
    test = inference.compare(base, own)
    relative = test.difference / abs(base.mean) if base.mean else None
    half = (test.ci[1] - test.ci[0]) / 2.0 if test.ci else None
    return replace(
        row,
        difference=test.difference,
        relative=relative,
        ci=test.ci,
        relative_ci=_relative_interval(base, own, inference) if test.ci else None,
        p_value=test.p_value,
        minimum_detectable=None if half is None else half + POWER_Z * math.sqrt(base.variance + own.variance),
        better=None if test.difference == 0.0 else test.difference * metric.sign > 0.0,
        method=test.method if row.variance_kept is None else f"{test.method}, cuped",
    )


def _relative_interval(base: Estimate, own: Estimate, inference: Inference) -> Interval | None:
    """Delta method for T/C − 1; None where the control's mean may be 0."""
    size = abs(base.mean)
    if size <= MIN_RELATIVE_Z * math.sqrt(base.variance):
        return None
    plain = contrast_of([(1.0, own), (-1.0, base)])
    variance = own.variance / size**2 + own.mean**2 * base.variance / size**4
    return inference.interval(Contrast(plain.value / size, variance, plain.df, plain.units))


def _guarded(plan: Plan, measured: _Measured) -> list[GuardrailResult]:
    metric, at = measured.metric, measured.names.index(plan.control)
    base = measured.estimates[at]
    results = []
    for guardrail in (own for own in plan.guardrails if own.metric == metric.name):
        for name, own in zip(measured.names, measured.estimates, strict=True):
            if name == plan.control:
                continue
            if base is None or own is None:
                results.append(GuardrailResult(metric.name, name, guardrail.margin, "open", None))
            else:
                outcome = judged(guardrail.margin, metric.sign, base, own, plan.inference)
                results.append(GuardrailResult(metric.name, name, guardrail.margin, *outcome))
    return results


def _effects(plan: Plan, measured: _Measured) -> list[EffectRow]:
    """None while a combination has nobody whose value is known."""
    known = {name: own for name, own in zip(measured.names, measured.estimates, strict=True) if own is not None}
    if not plan.factors or len(known) < len(measured.names):
        return []
    rows, (first, second) = [], plan.factors
    for one in effects_of(first, second, known, plan.inference):
        test = one.comparison
        row = EffectRow(measured.metric.name, one.name, one.level, test.difference, test.ci, test.p_value)
        is_told = test.difference != 0.0 and not row.is_interaction
        rows.append(replace(row, better=test.difference * measured.metric.sign > 0.0 if is_told else None))
    return rows


def _corrected(
    rows: Sequence[Row], effects: Sequence[EffectRow], plan: Plan
) -> tuple[tuple[Row, ...], tuple[EffectRow, ...]]:
    """For all comparisons of the report together, those of variants and those of factors."""
    p_values = adjusted(plan.correction, [*(row.p_value for row in rows), *(row.p_value for row in effects)])
    told = [(p, p is not None and p <= plan.inference.alpha) for p in p_values]
    of_variants, of_factors = told[: len(rows)], told[len(rows) :]
    return (
        tuple(replace(one, p_adjusted=p, significant=is_so) for one, (p, is_so) in zip(rows, of_variants, strict=True)),
        tuple(
            replace(one, p_adjusted=p, significant=is_so) for one, (p, is_so) in zip(effects, of_factors, strict=True)
        ),
    )


def _values(record: Any, without: Sequence[str] = ()) -> dict[str, Any]:
    found = {field.name: getattr(record, field.name) for field in fields(record) if field.name not in without}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in found.items()}
