"""What came of simulations: figures with intervals over the seeds, and curves over the rounds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from adapters.simulation.customers import Matrix
from adapters.simulation.playing import Trace
from adapters.simulation.population import Vector

BINS, LEAST_BIN = 50, 20
"""Parts that the rounds are cut into for curves, and how many rounds each holds at least, so that its mean says
something."""

CONFIDENCE = 0.95
DIGITS = 6  # of a figure in JSON


@dataclass(frozen=True, slots=True)
class Figure:
    """A mean over seeds with Student's 95 % interval; the ends are None for a single seed. ``each``: by seed."""

    mean: float
    low: float | None
    high: float | None
    each: tuple[float, ...]

    @classmethod
    def of(cls, values: ArrayLike) -> Figure:
        """``values``: one a seed, at least one."""
        each = np.asarray(values, dtype=np.float64)
        mean, around = float(each.mean()), half_width(each[:, None])
        known = len(each) > 1
        low, high = (mean - float(around[0]), mean + float(around[0])) if known else (None, None)
        return cls(mean, low, high, tuple(each.tolist()))

    def to_json(self) -> dict[str, Any]:
        """``mean``, ``low``, ``high``, ``each``."""
        ends = (self.mean, self.low, self.high)
        mean, low, high = (None if end is None else _rounded(end) for end in ends)
        return {"mean": mean, "low": low, "high": high, "each": [_rounded(value) for value in self.each]}


@dataclass(frozen=True, slots=True, eq=False)
class Curves:
    """Over the rounds, by seed.

    ``ends`` (bins,): how many rounds have been played at each bin's end. ``regret`` (seeds, bins): the sum so far.
    ``expected``, ``best``, ``ideal`` (seeds, bins): the bin's mean of the chosen personas' worth, of whether none was
    better, of the best ones' worth. ``reward`` (seeds, bins): the mean of what came back; NaN where nothing did.
    ``shares`` and ``best_shares`` (seeds, bins, arms): how often each persona was chosen, and how often the best.
    """

    ends: Vector
    regret: Matrix
    expected: Matrix
    best: Matrix
    ideal: Matrix
    reward: Matrix
    shares: Matrix
    best_shares: Matrix


@dataclass(frozen=True, slots=True, eq=False)
class PolicyResult:
    """One policy over all seeds.

    ``regret``: the sum over the rounds. ``reward``: the mean worth of what was chosen; ``best_share``: how often
    nothing was better; ``reacted``: how often a reward came back at all. ``behind``: its regret less that of the policy
    with the least, seed by seed: in a world laid out in advance all meet the same turns and the same luck, so this
    says more than the two intervals.
    """

    label: str
    regret: Figure
    reward: Figure
    best_share: Figure
    reacted: Figure
    behind: Figure
    curves: Curves


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """All policies, in the order they were named. ``ideal``: mean reward of whoever always knows the best persona;
    ``single``: the best of one persona for everybody, by name and mean reward."""

    arms: tuple[str, ...]
    rounds: int
    seeds: tuple[int, ...]
    is_live: bool
    policies: tuple[PolicyResult, ...]
    ideal: Figure
    single: tuple[str, Figure]

    def to_json(self) -> dict[str, Any]:
        """Plain values, the same for the same input: no time, no name of a machine."""
        return {
            "mode": "live" if self.is_live else "vector",
            "rounds": self.rounds,
            "seeds": list(self.seeds),
            "personas": list(self.arms),
            "best_possible_reward": self.ideal.to_json(),
            "best_single_persona": {"persona": self.single[0], "reward": self.single[1].to_json()},
            "policies": {policy.label: _policy_json(policy, self.arms) for policy in self.policies},
        }

    def rows(self) -> list[dict[str, Any]]:
        """A row per policy, seed and bin, for a table."""
        return [
            _row(policy, self.arms, number, seed, at)
            for policy in self.policies
            for number, seed in enumerate(self.seeds)
            for at in range(len(policy.curves.ends))
        ]


def summarise(traces: Mapping[str, Sequence[Trace]], seeds: Sequence[int], *, is_live: bool = False) -> Result:
    """``traces``: by policy one a seed, all of as many rounds."""
    some = next(iter(traces.values()))
    regrets = {label: np.array([trace.regret.sum() for trace in of_policy]) for label, of_policy in traces.items()}
    least = min(regrets.values(), key=lambda of_seeds: float(of_seeds.mean()))
    policies = tuple(_policy(label, of_policy, regrets[label] - least) for label, of_policy in traces.items())
    # Live, what comes depends on what was chosen, so each policy has an ideal of its own.
    every = [trace for of_policy in traces.values() for trace in of_policy] if is_live else list(some)
    means = np.stack([trace.worth.mean(axis=0) for trace in every])
    single = int(means.mean(axis=0).argmax())
    return Result(
        arms=some[0].arms,
        rounds=len(some[0]),
        seeds=tuple(seeds),
        is_live=is_live,
        policies=policies,
        ideal=Figure.of([trace.worth.max(axis=1).mean() for trace in every]),
        single=(some[0].arms[single], Figure.of(means[:, single])),
    )


def half_width(values: Matrix) -> Vector:
    """Half of the 95 % interval of the mean over seeds, by Student's t: ``values`` (seeds, n) → (n,); 0 for one."""
    seeds = len(values)
    if seeds < 2:
        return np.zeros(values.shape[1])
    quantile = float(stats.t.ppf(0.5 + CONFIDENCE / 2.0, seeds - 1))
    return np.asarray(quantile * values.std(axis=0, ddof=1) / math.sqrt(seeds))


def _policy(label: str, traces: Sequence[Trace], behind: Vector) -> PolicyResult:
    return PolicyResult(
        label=label,
        regret=Figure.of([trace.regret.sum() for trace in traces]),
        reward=Figure.of([trace.expected.mean() for trace in traces]),
        best_share=Figure.of([trace.is_best.mean() for trace in traces]),
        reacted=Figure.of([np.isfinite(trace.rewards).mean() for trace in traces]),
        behind=Figure.of(behind),
        curves=_curves(traces),
    )


def _curves(traces: Sequence[Trace]) -> Curves:
    rounds, arms = traces[0].worth.shape
    edges = np.unique(np.linspace(0, rounds, min(BINS, max(rounds // LEAST_BIN, 1)) + 1).round().astype(np.int64))
    unit = np.eye(arms)

    def means(of: list[Matrix]) -> Matrix:
        sizes = np.diff(edges).reshape(-1, *(1,) * (of[0].ndim - 1))
        return np.stack([np.add.reduceat(values, edges[:-1], axis=0) / sizes for values in of])

    return Curves(
        ends=edges[1:].astype(np.float64),
        regret=np.stack([np.cumsum(trace.regret)[edges[1:] - 1] for trace in traces]),
        expected=means([trace.expected for trace in traces]),
        best=means([trace.is_best.astype(np.float64) for trace in traces]),
        ideal=means([trace.worth.max(axis=1) for trace in traces]),
        reward=np.stack([_mean_known(trace.rewards, edges) for trace in traces]),
        shares=means([unit[trace.chosen] for trace in traces]),
        best_shares=means([unit[trace.worth.argmax(axis=1)] for trace in traces]),
    )


def _mean_known(rewards: Vector, edges: np.ndarray[Any, np.dtype[np.int64]]) -> Vector:
    known = np.isfinite(rewards)
    counts = np.add.reduceat(known.astype(np.float64), edges[:-1])
    sums = np.add.reduceat(np.where(known, rewards, 0.0), edges[:-1])
    return np.asarray(np.divide(sums, counts, out=np.full(len(counts), np.nan), where=counts > 0.0))


def _policy_json(policy: PolicyResult, arms: tuple[str, ...]) -> dict[str, Any]:
    curves = policy.curves
    shares = curves.shares.mean(axis=0)
    return {
        "regret": policy.regret.to_json(),
        "reward": policy.reward.to_json(),
        "best_share": policy.best_share.to_json(),
        "reacted": policy.reacted.to_json(),
        "behind": policy.behind.to_json(),
        "curves": {
            "round": [int(end) for end in curves.ends],
            "regret": [_rounded(value) for value in curves.regret.mean(axis=0)],
            "regret_half_width": [_rounded(value) for value in half_width(curves.regret)],
            "reward": [_rounded(value) for value in curves.expected.mean(axis=0)],
            "best_share": [_rounded(value) for value in curves.best.mean(axis=0)],
            "shares": {arm: [_rounded(value) for value in shares[:, number]] for number, arm in enumerate(arms)},
        },
    }


def _row(policy: PolicyResult, arms: tuple[str, ...], number: int, seed: int, at: int) -> dict[str, Any]:
    curves = policy.curves
    reward = float(curves.reward[number, at])
    return {
        "policy": policy.label,
        "seed": seed,
        "round": int(curves.ends[at]),
        "regret": _rounded(curves.regret[number, at]),
        "expected_reward": _rounded(curves.expected[number, at]),
        "received_reward": "" if math.isnan(reward) else _rounded(reward),
        "best_share": _rounded(curves.best[number, at]),
        **{f"share_{arm}": _rounded(curves.shares[number, at, place]) for place, arm in enumerate(arms)},
    }


def _rounded(value: float) -> float:
    return round(float(value), DIGITS)
