"""The judgement of a target policy on a log: its value beside the logged one's, both with bounds, or a refusal."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from adapters.ope.diagnostics import Diagnostics, diagnose
from adapters.ope.estimator import Estimator
from adapters.ope.ips import IPS
from adapters.ope.log import Log, checked_target
from adapters.ope.refusal import Gates, Reason, Refusal
from adapters.ope.reward_model import cross_fitted, nothing_expected
from adapters.ope.targets import Replayed
from adapters.ope.terms import Bounds, Control, bounds_of_difference, bounds_of_value

Verdict = Literal["better", "worse", "unclear"]


@dataclass(frozen=True, slots=True)
class Estimate:
    """``value`` with its bounds at 1 − α."""

    value: float
    bounds: Bounds


@dataclass(frozen=True, slots=True)
class Evaluation:
    """``target``, ``logged`` and ``difference`` (target less logged, row by row) are mean rewards a decision over the
    log. ``verdict``: by the difference's confidence sequence, so that it may be asked for again and again while the log
    grows."""

    estimator: str
    alpha: float
    target: Estimate
    logged: Estimate
    difference: Estimate
    verdict: Verdict
    diagnostics: Diagnostics


@dataclass(frozen=True, slots=True)
class Question:
    """How to judge. ``alpha``: chance of bounds that miss. ``ridge``: of the reward model."""

    estimator: Estimator
    alpha: float = 0.05
    ridge: float = 1.0
    gates: Gates = field(default_factory=Gates)

    def __post_init__(self) -> None:
        if not 0.0 < self.alpha < 1.0:
            raise ValueError(f"alpha is {self.alpha!r}: give a chance between 0 and 1.")


def evaluate(log: Log, target: ArrayLike, question: Question) -> Evaluation | Refusal:
    """``target``: probabilities (rows, arms) that the policy to be judged would have drawn by; they may come from the
    rows before, never from the row itself or later ones. ``LogError`` for a target that contradicts itself."""
    wanted, estimator = checked_target(log, target), question.estimator
    found = diagnose(log, wanted)
    refusal = question.gates.refusal(log, found, estimator)
    if refusal is not None:
        return refusal
    expected = cross_fitted(log, question.ridge) if estimator.uses_model else nothing_expected(log)
    control = estimator.control(log, wanted, expected.of_earlier)
    value = estimator.value(log, wanted, expected.of_others)
    earned = float(log.rewards.mean())
    difference = Estimate(value - earned, bounds_of_difference(log, wanted, control, question.alpha))
    return Evaluation(
        estimator=estimator.name,
        alpha=question.alpha,
        target=Estimate(value, bounds_of_value(log, wanted, control, question.alpha)),
        logged=Estimate(earned, _bounds_of_logged(log, question.alpha)),
        difference=difference,
        verdict=_verdict(difference.bounds),
        diagnostics=found,
    )


def evaluate_alone(log: Log, replayed: Replayed, question: Question) -> Evaluation | Refusal:
    """A policy that acted by itself (``targets.rejection``): the mean of the rewards that it met. The question's
    estimator has no part in it. The difference is that of two bounds, so it is wide."""
    kept = log.taking(replayed.kept)
    found = replace(diagnose(log, log.probabilities), effective_rows=float(kept.rows))
    # What the log does by itself has weight 1 everywhere, so only its honesty and the kept rows' number are judged.
    refusal = question.gates.refusal(log, found, IPS())
    if refusal is not None:
        return refusal
    if replayed.clipped > 0.0:
        text = (
            f"{replayed.clipped:.1%} of the weights are above the ceiling, so the rows kept are not the policy's own."
        )
        return Refusal(Reason.WEIGHTS_TOO_LARGE, f"{text} Give a higher ceiling.", found)
    half = question.alpha / 2.0
    value, earned = float(kept.rewards.mean()), float(log.rewards.mean())
    of_kept, of_log = _bounds_of_logged(kept, half), _bounds_of_logged(log, half)
    apart = Bounds(_apart(of_kept.interval, of_log.interval), _apart(of_kept.sequence, of_log.sequence))
    return Evaluation(
        estimator="rejection",
        alpha=question.alpha,
        target=Estimate(value, _bounds_of_logged(kept, question.alpha)),
        logged=Estimate(earned, _bounds_of_logged(log, question.alpha)),
        difference=Estimate(value - earned, apart),
        verdict=_verdict(apart),
        diagnostics=found,
    )


def _apart(own: tuple[float, float], other: tuple[float, float]) -> tuple[float, float]:
    return own[0] - other[1], own[1] - other[0]


def _bounds_of_logged(log: Log, alpha: float) -> Bounds:
    # Judged by itself every weight is 1, whatever the arms' probabilities were.
    own = Log(
        arms=("logged",),
        contexts=log.contexts,
        actions=np.zeros_like(log.actions),
        rewards=log.rewards,
        probabilities=np.ones((log.rows, 1)),
        reward_low=log.reward_low,
        reward_high=log.reward_high,
    )
    return bounds_of_value(own, own.probabilities, Control(), alpha)


def _verdict(bounds: Bounds) -> Verdict:
    low, high = bounds.sequence
    if low > 0.0:
        return "better"
    return "worse" if high < 0.0 else "unclear"
