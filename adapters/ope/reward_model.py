"""What a reward is expected to be: a ridge regression per arm, never asked about a row that it has seen."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from adapters.ope.log import Log, Matrix

BLOCKS = 20


@dataclass(frozen=True, slots=True, eq=False)
class Expected:
    """(rows, arms) each, inside the rewards' range. ``of_others``: by models of all other blocks of the log
    (cross-fitting; Chernozhukov and others 2018), for estimates. ``of_earlier``: by models of the blocks before alone,
    for bounds, which hold only where nothing knows the future; the first block is expected in the middle."""

    of_others: Matrix
    of_earlier: Matrix


def cross_fitted(log: Log, ridge: float = 1.0, blocks: int = BLOCKS) -> Expected:
    """Fit on blocks of consecutive rows. ``ridge`` > 0 pulls every arm towards the mean of all; ``blocks`` ≥ 2."""
    if not ridge > 0.0 or blocks < 2:
        raise ValueError("give a ridge above 0 and at least 2 blocks.")
    seen = np.hstack([log.contexts, np.ones((log.rows, 1))])
    edges = np.linspace(0, log.rows, blocks + 1).astype(int)
    cuts = [slice(start, end) for start, end in pairwise(edges.tolist())]
    sums = [_Sums.of(log, seen, cut) for cut in cuts]
    whole = _Sums.none(len(log.arms), seen.shape[1])
    for part in sums:
        whole = whole.plus(part, 1.0)
    expected = Expected(np.empty((log.rows, len(log.arms))), np.empty((log.rows, len(log.arms))))
    middle = 0.5 * (log.reward_low + log.reward_high)
    before = _Sums.none(len(log.arms), seen.shape[1])
    for cut, part in zip(cuts, sums, strict=True):
        expected.of_others[cut] = whole.plus(part, -1.0).predict(seen[cut], ridge, middle)
        expected.of_earlier[cut] = before.predict(seen[cut], ridge, middle)
        before = before.plus(part, 1.0)
    for matrix in (expected.of_others, expected.of_earlier):
        np.clip(matrix, log.reward_low, log.reward_high, out=matrix)
    return expected


def nothing_expected(log: Log) -> Expected:
    """For estimators that ask no model."""
    nothing = np.zeros((log.rows, len(log.arms)))
    return Expected(nothing, nothing)


@dataclass(frozen=True, slots=True, eq=False)
class _Sums:
    """Per arm over some rows: Σ x xᵀ (arms, dim, dim), Σ r x and Σ x (arms, dim), Σ r and how many rows (arms,)."""

    gram: Matrix
    earned: Matrix
    seen: Matrix
    total: Matrix
    count: Matrix

    @classmethod
    def none(cls, arms: int, dim: int) -> _Sums:
        return cls(
            np.zeros((arms, dim, dim)), np.zeros((arms, dim)), np.zeros((arms, dim)), np.zeros(arms), np.zeros(arms)
        )

    @classmethod
    def of(cls, log: Log, seen: Matrix, cut: slice) -> _Sums:
        made = cls.none(len(log.arms), seen.shape[1])
        actions, rewards, contexts = log.actions[cut], log.rewards[cut], seen[cut]
        for arm in range(len(log.arms)):
            own = actions == arm
            x, r = contexts[own], rewards[own]
            made.gram[arm], made.earned[arm], made.seen[arm] = x.T @ x, r @ x, x.sum(axis=0)
            made.total[arm], made.count[arm] = r.sum(), len(r)
        return made

    def plus(self, other: _Sums, sign: float) -> _Sums:
        """Those of both, or without the other's where ``sign`` is −1."""
        return _Sums(
            self.gram + sign * other.gram,
            self.earned + sign * other.earned,
            self.seen + sign * other.seen,
            self.total + sign * other.total,
            self.count + sign * other.count,
        )

    def predict(self, contexts: Matrix, ridge: float, without: float) -> Matrix:
        """(rows, arms); ``without``: what is expected where nothing was seen."""
        count = float(self.count.sum())
        if count <= 0.0:
            return np.full((len(contexts), len(self.count)), without)
        mean = float(self.total.sum()) / count
        regular = self.gram + ridge * np.eye(self.gram.shape[1])
        theta = np.linalg.solve(regular, (self.earned - mean * self.seen)[..., None])[..., 0]
        expected: Matrix = mean + contexts @ theta.T
        return expected
