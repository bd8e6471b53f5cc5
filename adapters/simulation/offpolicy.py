"""Off-policy estimates held against a truth that only a simulation knows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from adapters.ope import ESTIMATOR_NAMES, Log, Question, Refusal, estimator_named, evaluate
from adapters.ope.targets import progressive
from adapters.policies import Policy
from adapters.simulation.playing import Trace
from adapters.simulation.world import World


@dataclass(frozen=True, slots=True)
class Estimated:
    """What one estimator says of a policy: ``value`` with its 95 % interval, or why the log can't tell."""

    estimator: str
    value: float | None
    low: float | None
    high: float | None
    refused: str = ""


@dataclass(frozen=True, slots=True)
class Judged:
    """One policy, learning through another's log as it goes. ``truth``: the mean reward that its choices would have had
    over the log's rows, exactly."""

    label: str
    truth: float
    estimates: tuple[Estimated, ...]


@dataclass(frozen=True, slots=True)
class OffPolicy:
    """``logged``: the policy that made the log; ``rows``: its decisions whose rewards are known."""

    logged: str
    rows: int
    judged: tuple[Judged, ...]

    def to_json(self) -> dict[str, Any]:
        """By policy the truth, and by estimator the value and its interval, or the refusal."""
        return {
            "log": self.logged,
            "rows": self.rows,
            "policies": {
                one.label: {
                    "truth": round(one.truth, 6),
                    "estimates": {estimate.estimator: _json(estimate) for estimate in one.estimates},
                }
                for one in self.judged
            },
        }


def best_log(traces: Mapping[str, Trace]) -> str | None:
    """The run whose log can carry most: that whose rarest persona was likeliest; None where some never had a chance."""
    least = {label: float(trace.probabilities.min()) for label, trace in traces.items()}
    label = max(least, key=lambda name: least[name])
    return label if least[label] > 0.0 else None


def judge(
    world: World,
    trace: Trace,
    logged: str,
    policies: Mapping[str, Callable[[], Policy]],
    estimators: Sequence[str] = ESTIMATOR_NAMES,
) -> OffPolicy:
    """Each of ``policies``, made anew, on the log that ``trace`` is of the policy ``logged`` in ``world``."""
    known = np.isfinite(trace.rewards)
    users = [user for user, is_known in zip(world.user_ids, known, strict=True) if is_known]
    made = (world.contexts[known], trace.chosen[known], trace.rewards[known], trace.probabilities[known])
    log = Log.of(world.arms, *made, users=users)
    times_ms, worth = world.at_ms[known].tolist(), world.worth[known]
    judged = []
    for label, make in policies.items() if log.rows else ():
        target = progressive(make(), log, times_ms)
        estimates = tuple(_estimated(log, target, name) for name in estimators)
        judged.append(Judged(label, float((target * worth).sum(axis=1).mean()), estimates))
    return OffPolicy(logged, log.rows, tuple(judged))


def _estimated(log: Log, target: np.ndarray[Any, np.dtype[np.float64]], name: str) -> Estimated:
    found = evaluate(log, target, Question(estimator_named(name)))
    if isinstance(found, Refusal):
        return Estimated(name, None, None, None, found.text)
    low, high = found.target.bounds.interval
    return Estimated(name, found.target.value, low, high)


def _json(estimate: Estimated) -> dict[str, Any]:
    if estimate.value is None or estimate.low is None or estimate.high is None:
        return {"refused": estimate.refused}
    return {"value": round(estimate.value, 6), "low": round(estimate.low, 6), "high": round(estimate.high, 6)}
