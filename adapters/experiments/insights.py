"""What a report says, in sentences for people who decide and don't compute."""

from __future__ import annotations

from collections.abc import Iterator

from adapters.experiments.bootstrap import disagrees
from adapters.experiments.guardrails import GuardrailResult
from adapters.experiments.plan import Plan
from adapters.experiments.rows import EffectRow, Findings, Row

MIN_REDUCTION = 0.05  # of the variance, for a covariate to be worth a sentence
MANY_UNKNOWN = 0.2


def insights(found: Findings) -> tuple[str, ...]:
    """The weightiest first."""
    if found.blocked:
        return found.blocked
    said = [sentence for row in found.rows for sentence in _about(row, found.plan)]
    said += [_about_effect(effect, found.plan) for effect in found.effects]
    said += [_guardrail(result) for result in found.guardrails]
    return (*said, *_cautions(found))


def _about(row: Row, plan: Plan) -> Iterator[str]:
    if row.variant == plan.control or row.difference is None:
        return
    if row.p_value is None:
        yield f"{row.metric}: the values do not vary, so {row.variant} can't be compared."
    elif row.significant:
        quality = "better" if row.better else "worse"
        yield (
            f"{row.metric}: {row.variant} is {quality} than {plan.control} by {_size(row)}; its"
            f" {1.0 - plan.inference.alpha:.0%} interval is {_range(row)}."
        )
    elif row.p_value <= plan.inference.alpha:
        yield (
            f"{row.metric}: {row.variant} would differ by itself (p = {row.p_value:.2g}), but not among all comparisons"
            f" made here ({plan.correction}: {row.p_adjusted:.2g})."
        )
    else:
        yield (
            f"{row.metric}: no difference shown between {row.variant} and {plan.control}; {_range(row)} is possible,"
            f" and one of {row.minimum_detectable:.4g} would have been found four times in five."
        )


def _about_effect(effect: EffectRow, plan: Plan) -> str:
    range_ = _range(effect)
    if effect.p_value is None:
        return f"{effect.metric}: the values do not vary, so {effect.effect} can't be read."
    if effect.is_interaction:
        if effect.significant:
            return (
                f"{effect.metric}: {effect.effect} interact: {effect.level} is {effect.difference:+.4g} from what"
                f" the two give one by one ({range_}). Read the combinations, not the factors."
            )
        return f"{effect.metric}: no interaction shown for {effect.level}; one of {range_} is possible."
    first, second = plan.factors
    own, other = (first, second) if effect.effect == first.name else (second, first)
    if effect.significant:
        quality = "better" if effect.better else "worse"
        return (
            f"{effect.metric}: {own.name} {effect.level} is {quality} than {own.levels[0]} by"
            f" {abs(effect.difference):.4g}, averaged over {other.name}; its {1.0 - plan.inference.alpha:.0%} interval"
            f" is {range_}."
        )
    return (
        f"{effect.metric}: no difference shown between {own.name} {effect.level} and {own.levels[0]}, averaged over"
        f" {other.name}; {range_} is possible."
    )


def _size(row: Row) -> str:
    absolute = f"{abs(row.difference or 0.0):.4g}"
    return absolute if row.relative is None else f"{absolute} ({abs(row.relative):.1%})"


def _range(row: Row | EffectRow) -> str:
    return "–" if row.ci is None else f"{row.ci[0]:+.4g} to {row.ci[1]:+.4g}"


def _guardrail(result: GuardrailResult) -> str:
    told = {
        "passed": f"harm beyond {result.margin:.1%} is excluded.",
        "failed": f"it is worse by more than {result.margin:.1%}: do not ship it.",
        "open": f"harm beyond {result.margin:.1%} is not excluded yet: more units would tell.",
    }
    return f"Guardrail {result.metric}, {result.variant}: {told[result.outcome]}"


def _cautions(found: Findings) -> Iterator[str]:
    plan, rows = found.plan, found.rows
    few = [name for name, units in found.units.items() if units < plan.min_units]
    if few:
        yield f"{', '.join(few)}: fewer than {plan.min_units:,} units, too few to conclude from."
    if found.crossed:
        yield f"{found.crossed:,} units were seen in more than one variant and are left out."
    for row in rows:
        if row.unknown > MANY_UNKNOWN * (row.units + row.unknown):
            yield (
                f"{row.metric}: unknown for {row.unknown:,} of {row.units + row.unknown:,} units of {row.variant}. If a"
                " variant changes who answers, the known ones can't be compared."
            )
        if row.bootstrap_ci and row.ci and plan.inference.name == "fixed" and disagrees(row.ci, row.bootstrap_ci):
            yield f"{row.metric}, {row.variant}: the bootstrap disagrees with the interval; a few units weigh too much."
    kept = {row.metric: row.variance_kept for row in rows if row.variance_kept is not None}
    for metric, share in kept.items():
        if share < 1.0 - MIN_REDUCTION:
            yield f"{metric}: {plan.covariate} explains {1.0 - share:.0%} of the variance: {1 / share:.1f} × the units."
