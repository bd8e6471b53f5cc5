"""How much a log can carry: effective rows, the largest weight, what the target does that was never done."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from adapters.ope.log import Log, Matrix

CERTAIN = 1.0 - 1e-9
EXPECTED_DRAWS = 10.0  # fewer than these, or fewer not drawn, and a normal law says nothing about counts


@dataclass(frozen=True, slots=True)
class Diagnostics:
    """``effective_rows``: (Σw)² / Σw², as many rows drawn by the target itself would say as much (Kish 1965).
    ``largest_share``: of all weight, the largest one's. ``mean_weight``: 1 but for chance, where the log is right and
    the target covered. ``covered``: the share of the target's probability on arms that had a chance in the log, None
    where only the drawn arm's chance is known. ``uncovered_arms``: those without a chance that the target takes, with
    its mean probability, the most first. ``certain``: share of rows whose arm had to be drawn. ``draws_z``: the
    largest distance of an arm's draws from the sum of its probabilities, in deviations, and the arm's name."""

    rows: int
    effective_rows: float
    largest_weight: float
    largest_share: float
    mean_weight: float
    covered: float | None
    uncovered_arms: tuple[tuple[str, float], ...]
    certain: float
    draws_z: float
    draws_arm: str


def diagnose(log: Log, target: Matrix) -> Diagnostics:
    """``target``: probabilities (rows, arms)."""
    if not log.rows:
        return Diagnostics(0, 0.0, 0.0, 1.0, 0.0, None, (), 0.0, 0.0, "")
    weights = log.weights(target)
    total, largest = float(weights.sum()), float(weights.max())
    squares = float((weights**2).sum())
    z, arm = _draws(log)
    return Diagnostics(
        rows=log.rows,
        effective_rows=total**2 / squares if squares > 0.0 else 0.0,
        largest_weight=largest,
        largest_share=largest / total if total > 0.0 else 1.0,
        mean_weight=total / log.rows,
        covered=_covered(log, target),
        uncovered_arms=_uncovered(log, target),
        certain=float((log.propensities >= CERTAIN).mean()),
        draws_z=z,
        draws_arm=arm,
    )


def _covered(log: Log, target: Matrix) -> float | None:
    if not log.is_complete:
        return None
    return float(np.where(log.probabilities > 0.0, target, 0.0).sum(axis=1).mean())


def _uncovered(log: Log, target: Matrix) -> tuple[tuple[str, float], ...]:
    shares = np.where(log.probabilities == 0.0, target, 0.0).mean(axis=0).tolist()
    found = [(arm, share) for arm, share in zip(log.arms, shares, strict=True) if share > 0.0]
    return tuple(sorted(found, key=lambda one: -one[1]))


def _draws(log: Log) -> tuple[float, str]:
    """An arm's draws less its probabilities are a martingale with these variances, however the log's policy learned."""
    worst, name = 0.0, ""
    if not log.is_complete:
        return worst, name
    for index, arm in enumerate(log.arms):
        chances = log.probabilities[:, index]
        variance = float((chances * (1.0 - chances)).sum())
        if variance < EXPECTED_DRAWS:
            continue
        z = (float((log.actions == index).sum()) - float(chances.sum())) / math.sqrt(variance)
        if abs(z) > abs(worst):
            worst, name = z, arm
    return worst, name
