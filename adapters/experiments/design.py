"""An experiment as a value, and its life: draft → running ⇄ paused → completed.

Transitions return a new value and take the time as an argument. Once started, only what cannot bias the comparison may
change: exposure may grow, the state may pass on; salt, weights, variants, metrics and rules are fixed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from adapters.experiments.assignment import Allocation, HoldOut, Slice
from adapters.experiments.changes import Change
from adapters.experiments.factorial import JOINT, Factor, combinations
from adapters.experiments.metrics import METRICS
from adapters.experiments.targeting import Attributes, Rule
from adapters.names import suggestion

State = Literal["draft", "running", "paused", "completed"]
Method = Literal["sequential", "fixed"]

MIN_UNITS = 100
ALPHA = 0.05
MAX_DAYS = 30
MINIMUM_EFFECT = 0.05
RETENTION_DAYS = 7.0
DAY_MS = 86_400_000
_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


class ExperimentError(ValueError):
    """An experiment is written wrongly, or may not do that now. The text says what to do."""


@dataclass(frozen=True, slots=True)
class Variant:
    """``weight``: whole number ≥ 1, its part of the users who take part. No ``changes``: how things are today."""

    name: str
    weight: int = 1
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True, slots=True)
class Crossed:
    """One of two factors: ``levels`` by name, weight and changes, the first the base."""

    name: str
    levels: tuple[Variant, ...]

    @property
    def factor(self) -> Factor:
        """By its names alone. ``ValueError``."""
        return Factor(self.name, tuple(level.name for level in self.levels))


def crossed(first: Crossed, second: Crossed) -> tuple[Variant, ...]:
    """A variant for every combination, in the order of ``factorial.combinations``. Its weight is the product of both
    levels', so that each factor is split as if it were alone."""
    return tuple(
        Variant(f"{one.name}{JOINT}{other.name}", one.weight * other.weight, (*one.changes, *other.changes))
        for one in first.levels
        for other in second.levels
    )


@dataclass(frozen=True, slots=True)
class Experiment:
    """``variants``: the first is the control. ``factors``: none, or the two whose ``crossed`` levels the variants are.
    ``metrics``: names of ``METRICS``, the first decides; ``guardrails``: margin by metric. ``salt``: "" takes the id.
    ``exposure``: share of the eligible. ``planned_units``: of all variants together. ``minimum_effect``: relative,
    below which nobody would act. ``goal``: the event that conversion is to; ``retention_days``: within which who comes
    back has stayed. Times in Unix milliseconds."""

    id: str
    variants: tuple[Variant, ...]
    metrics: tuple[str, ...]
    hypothesis: str = ""
    guardrails: Mapping[str, float] = field(default_factory=dict)
    salt: str = ""
    exposure: float = 1.0
    slice: Slice | None = None
    rules: tuple[Rule, ...] = ()
    hold_outs: tuple[HoldOut, ...] = ()
    method: Method = "sequential"
    alpha: float = ALPHA
    min_units: int = MIN_UNITS
    planned_units: int = 1_000
    max_days: float = MAX_DAYS
    minimum_effect: float = MINIMUM_EFFECT
    goal: str = ""
    retention_days: float = RETENTION_DAYS
    factors: tuple[Crossed, ...] = ()
    state: State = "draft"
    started_ms: int | None = None
    completed_ms: int | None = None
    winner: str | None = None

    def __post_init__(self) -> None:
        for problem in _problems(self):
            raise ExperimentError(f"experiment {self.id!r}: {problem}")

    @property
    def control(self) -> str:
        """The variant that the others are held against."""
        return self.variants[0].name

    @property
    def allocation(self) -> Allocation:
        """Who gets what."""
        weights = {variant.name: variant.weight for variant in self.variants}
        return Allocation(self.salt or self.id, weights, self.exposure, self.slice, self.rules, self.hold_outs)

    def variant(self, unit: str, attributes: Attributes, kept: str | None = None) -> str | None:
        """The variant of ``unit`` now; None for who takes no part. Paused, it takes nobody new, and who was in stays;
        completed, everybody gets the winner, or what there was before."""
        if self.state == "completed":
            return self.winner
        if self.state == "running":
            return self.allocation.variant(unit, attributes, kept)
        names = [variant.name for variant in self.variants]
        return kept if self.state == "paused" and kept in names else None

    def rewritten(self, draft: Experiment) -> Experiment:
        """draft → another draft."""
        self._must_be("edit", "draft")
        return draft

    def start(self, now_ms: int) -> Experiment:
        """draft or paused → running."""
        self._must_be("start", "draft", "paused")
        return replace(self, state="running", started_ms=now_ms if self.started_ms is None else self.started_ms)

    def pause(self) -> Experiment:
        """running → paused."""
        self._must_be("pause", "running")
        return replace(self, state="paused")

    def complete(self, now_ms: int, winner: str | None = None) -> Experiment:
        """running or paused → completed."""
        self._must_be("complete", "running", "paused")
        return replace(self, state="completed", completed_ms=now_ms, winner=winner)

    def withdraw(self) -> Experiment:
        """completed → completed without a winner: everybody gets what there was before."""
        self._must_be("withdraw", "completed")
        return replace(self, winner=None)

    def ramp(self, exposure: float) -> Experiment:
        """Take in more users; nobody who is in leaves or changes variant."""
        self._must_be("ramp", "draft", "running", "paused")
        if self.state != "draft" and exposure < self.exposure:
            raise ExperimentError(
                f"experiment {self.id!r}: exposure can't fall from {self.exposure:g} to {exposure:g} once started:"
                " users would leave half-way. Pause it, or complete it and start another."
            )
        return replace(self, exposure=exposure)

    def days(self, now_ms: int) -> float:
        """Since the start; 0 for a draft."""
        if self.started_ms is None:
            return 0.0
        end_ms = now_ms if self.completed_ms is None else self.completed_ms
        return max(0.0, (end_ms - self.started_ms) / DAY_MS)

    def _must_be(self, verb: str, *states: State) -> None:
        if self.state not in states:
            allowed = " or ".join(states)
            raise ExperimentError(f"experiment {self.id!r} is {self.state}: only {allowed} ones can {verb}.")


def _problems(own: Experiment) -> list[str]:
    names = [variant.name for variant in own.variants]
    found = _problems_of_factors(own)
    if not _ID.fullmatch(own.id):
        found.append("give an id of 1 to 64 lower-case letters, digits, - or _.")
    if len(names) < 2 or len(set(names)) < len(names) or not all(names):
        found.append("give at least two variants with different names; the first is the control.")
    if any(variant.weight < 1 for variant in own.variants):
        found.append("give every variant a weight of at least 1.")
    if not own.metrics or len(set(own.metrics)) < len(own.metrics):
        found.append("give at least one metric, each once; the first decides.")
    unknown = [metric for metric in (*own.metrics, *own.guardrails) if metric not in METRICS]
    found += [f"there is no metric {metric!r}. {suggestion(metric, METRICS)}" for metric in unknown]
    found += [f"give {name} between 0 and 1, not {value:g}." for name, value in _shares(own) if not 0.0 < value < 1.0]
    if not 0.0 <= own.exposure <= 1.0:
        found.append(f"exposure is {own.exposure:g}: give a share from 0 to 1.")
    if own.min_units < 2 or own.planned_units < own.min_units * len(names) or own.max_days <= 0:
        found.append(
            f"give min_units of 2 or more, planned_units of at least {len(names)} × min_units, and max_days above 0."
        )
    measured = {*own.metrics, *own.guardrails}
    if "conversion" in measured and not own.goal:
        found.append("conversion needs a goal: give the name of the event that counts, such as `goal: order_placed`.")
    if "retention" in measured and not 1.0 < own.retention_days <= own.max_days:
        found.append(f"give retention_days above 1 and at most max_days, not {own.retention_days:g}.")
    if own.winner is not None and own.winner not in names:
        found.append(f"the winner {own.winner!r} is no variant. {suggestion(own.winner, names)}")
    return found


def _problems_of_factors(own: Experiment) -> list[str]:
    if not own.factors:
        return []
    names = [factor.name for factor in own.factors]
    if len(names) != 2 or len(set(names)) < 2 or not all(names) or JOINT in "".join(names):
        return [f"give two factors with different names, without {JOINT!r} in them, not {len(names)}."]
    first, second = own.factors
    try:
        combinations(first.factor, second.factor)
    except ValueError as error:
        return [str(error)]
    both = _touched(first) & _touched(second)
    if both:
        return [f"{names[0]} and {names[1]} both change {min(both)}: what one does must not undo the other."]
    if own.variants != crossed(first, second):
        return ["leave variants out: the two factors make them."]
    return []


def _touched(factor: Crossed) -> set[str]:
    """What the levels change, down to the single value; of a persona or a policy there is one to choose."""
    changes = [change for level in factor.levels for change in level.changes]
    deciding = {"who decides" for change in changes if change.kind in ("persona", "policy")}
    return deciding | {f"{change.kind}.{key}" for change in changes for key in change.values}


def _shares(own: Experiment) -> list[tuple[str, float]]:
    margins = [(f"guardrails.{metric}", margin) for metric, margin in own.guardrails.items()]
    return [("alpha", own.alpha), ("minimum_effect", own.minimum_effect), *margins]
