"""How an experiment will be read, written down before its data is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from adapters.experiments.corrections import CORRECTIONS
from adapters.experiments.design import MAX_DAYS, MIN_UNITS, Experiment
from adapters.experiments.factorial import Factor
from adapters.experiments.fixed import FixedHorizon
from adapters.experiments.guardrails import Guardrail
from adapters.experiments.inference import Inference
from adapters.experiments.metrics import Metric, metric_named
from adapters.experiments.sequential import Sequential
from adapters.names import suggestion


@dataclass(frozen=True, slots=True)
class Plan:
    """``metrics``: the first one decides, the others explain. ``weights``: by variant, how units were sent; empty is
    equally.

    ``factors``: the two whose combinations the variants are, or none. ``inference``: sequential by default.
    ``correction``: over all metrics, variants and effects. ``covariate``: a column from before the experiment (CUPED).
    ``minimum_effect``: relative difference of the first metric below which nobody would act, or None. ``min_units``:
    per variant, before any verdict; sequences are right as the first look grows late, and skewed values need it too.
    ``planned_units``: of all variants, for the fixed horizon, None when the data is known to be whole. ``resamples``:
    of the bootstrap, 0 for none."""

    metrics: tuple[Metric, ...]
    control: str
    weights: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    inference: Inference = field(default_factory=Sequential)
    correction: str = "holm"
    covariate: str | None = None
    guardrails: tuple[Guardrail, ...] = ()
    minimum_effect: float | None = None
    min_units: int = MIN_UNITS
    max_days: float = MAX_DAYS
    planned_units: int | None = None
    resamples: int = 0
    factors: tuple[Factor, ...] = ()

    def __post_init__(self) -> None:
        names = [metric.name for metric in self.metrics]
        if not names or len(set(names)) < len(names):
            raise ValueError("give at least one metric, and each only once.")
        for guardrail in self.guardrails:
            if guardrail.metric not in names:
                raise ValueError(
                    f"guardrail {guardrail.metric!r} is no metric here. {suggestion(guardrail.metric, names)}"
                )
        if self.correction not in CORRECTIONS:
            raise ValueError(f"there is no correction {self.correction!r}. {suggestion(self.correction, CORRECTIONS)}")
        if self.minimum_effect is not None and not self.minimum_effect > 0.0:
            raise ValueError(f"minimum effect {self.minimum_effect:g}: give a share above 0, such as 0.02.")

    @property
    def primary(self) -> Metric:
        """The metric that decides."""
        return self.metrics[0]

    def columns(self) -> tuple[str, ...]:
        """All recorded columns that the reading needs, each once."""
        wanted = [column for metric in self.metrics for column in metric.columns]
        return tuple(dict.fromkeys([*wanted, *([self.covariate] if self.covariate else [])]))

    def shares(self, variants: Sequence[str]) -> list[float]:
        """The weight of each of ``variants``. ``ValueError`` for names that don't fit."""
        if self.control not in variants:
            raise ValueError(f"the control {self.control!r} is no variant. {suggestion(self.control, variants)}")
        if len(variants) < 2:
            raise ValueError(f"there is only the variant {variants[0]!r}: nothing to compare it with.")
        if not self.weights:
            return [1.0] * len(variants)
        if set(self.weights) != set(variants):
            raise ValueError(f"weights are of {', '.join(self.weights)}, the variants are {', '.join(variants)}.")
        return [float(self.weights[variant]) for variant in variants]


def inference_for(method: str, alpha: float, planned_units: int | None, variants: int) -> Inference:
    """``method`` sequential or fixed; ``planned_units`` of all variants, of which each comparison sees two."""
    if method == "fixed":
        return FixedHorizon(alpha)
    if method != "sequential":
        raise ValueError(f"there is no method {method!r}. {suggestion(method, ('sequential', 'fixed'))}")
    if planned_units is None:
        return Sequential(alpha)
    return Sequential(alpha, max(2, round(2 * planned_units / variants)))


def plan_of(experiment: Experiment) -> Plan:
    """How ``experiment`` said that it would be read."""
    names = dict.fromkeys([*experiment.metrics, *experiment.guardrails])
    return Plan(
        metrics=tuple(metric_named(name) for name in names),
        control=experiment.control,
        weights={variant.name: float(variant.weight) for variant in experiment.variants},
        inference=inference_for(
            experiment.method, experiment.alpha, experiment.planned_units, len(experiment.variants)
        ),
        guardrails=tuple(Guardrail(metric, margin) for metric, margin in experiment.guardrails.items()),
        minimum_effect=experiment.minimum_effect,
        min_units=experiment.min_units,
        max_days=experiment.max_days,
        planned_units=experiment.planned_units,
        factors=tuple(crossed.factor for crossed in experiment.factors),
    )
