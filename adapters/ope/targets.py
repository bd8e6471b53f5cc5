"""What a policy would have drawn by on the contexts of a log: three questions, which are not the same.

``frozen``: this policy as it is now, no longer learning. Honest only where it has learned from none of these rows:
judge a policy on a later part of the log than it learned from.

``progressive``: this algorithm, learning from the log as it goes: before each row from all rows before (progressive
validation; Blum, Kalai, Langford 1999). Every estimator is honest here, since a row's probabilities come from earlier
rows only; what is estimated is the mean over the log of the values of these growing policies. It learns from what the
logging policy chose to do, not from choices of its own.

``rejection``: this algorithm on its own from the start, choosing and learning by itself (Li, Chu, Langford, Wang 2011;
Dudík, Erhan, Langford, Li 2012). A row is kept with probability weight / ``ceiling``; the kept ones are as if it had
acted in them, so the mean of their rewards is the estimate. Honest where no weight is above the ceiling (``clipped`` is
0), at the price of all rows but one in ``ceiling``; no weights remain, so the other estimators are not for it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from adapters.ope.log import Log, Matrix
from adapters.policies.contract import Policy

Advance = Callable[[int], None]


def frozen(policy: Policy, log: Log, advance: Advance = lambda _row: None) -> Matrix:
    """(rows, arms): ``policy`` learns nothing. ``advance`` is told every row, for whoever shows progress."""
    made = _Asked(policy, log)
    target = np.empty((log.rows, len(log.arms)))
    for row in range(log.rows):
        target[row] = made.probabilities(row)
        advance(row)
    return target


def progressive(
    policy: Policy, log: Log, times_ms: Sequence[float] | None = None, advance: Advance = lambda _row: None
) -> Matrix:
    """(rows, arms): ``policy`` learns each row after it was asked about it. ``times_ms``: of the decisions, for
    policies that forget."""
    made = _Asked(policy, log)
    target = np.empty((log.rows, len(log.arms)))
    for row in range(log.rows):
        target[row] = made.probabilities(row)
        made.learn(row, times_ms)
        advance(row)
    return target


@dataclass(frozen=True, slots=True, eq=False)
class Replayed:
    """``kept``: the rows, ascending, in which the policy acted. ``clipped``: share of rows whose weight was above the
    ceiling, so that they came up less often than they should."""

    kept: NDArray[np.int64]
    clipped: float


def rejection(
    policy: Policy,
    log: Log,
    ceiling: float,
    rng: np.random.Generator,
    *,
    times_ms: Sequence[float] | None = None,
    advance: Advance = lambda _row: None,
) -> Replayed:
    """``ceiling`` ≥ 1: the largest weight expected; 1 / the log's least probability is always enough. ``ValueError``
    otherwise."""
    if not ceiling >= 1.0:
        raise ValueError(f"ceiling is {ceiling!r}: give the largest weight expected, from 1 on.")
    made, propensities = _Asked(policy, log), log.propensities
    kept, clipped = [], 0
    for row, luck in enumerate(rng.random(log.rows).tolist()):
        weight = made.probabilities(row)[log.actions[row]] / propensities[row]
        clipped += weight > ceiling
        if luck < weight / ceiling:
            kept.append(row)
            made.learn(row, times_ms)
        advance(row)
    return Replayed(np.array(kept, dtype=np.int64), clipped / log.rows if log.rows else 0.0)


class _Asked:
    """A policy asked about a log's rows, its arms brought into the log's order."""

    def __init__(self, policy: Policy, log: Log) -> None:
        missing = [arm for arm in policy.arms if arm not in log.arms]
        if missing:
            raise ValueError(f"the log does not name the arm {missing[0]!r}. Make the log with the policy's arms, too.")
        self._policy = policy
        self._log = log
        self._places = np.array([log.arms.index(arm) for arm in policy.arms])
        self._own = frozenset(policy.arms)
        # Where an arm had no chance it was not allowed then, and the target is judged under the same rule.
        closed = (log.probabilities[:, self._places] == 0.0).any(axis=1)
        self._closed = closed.tolist()

    def probabilities(self, row: int) -> NDArray[np.float64]:
        """(arms,), in the log's order."""
        allowed = self._allowed(row) if self._closed[row] else None
        asked = np.zeros(len(self._log.arms))
        user, segment = self._whom(row)
        chosen = self._policy.choose(self._log.contexts[row], allowed, user, segment)
        asked[self._places] = chosen.probabilities
        return asked

    def _allowed(self, row: int) -> list[str] | None:
        open_arms = [
            arm for arm, place in zip(self._policy.arms, self._places, strict=True)
            if self._log.probabilities[row, place] != 0.0
        ]  # fmt: skip
        return open_arms or None

    def learn(self, row: int, times_ms: Sequence[float] | None) -> None:
        """What was done in that row, if the policy knows the arm."""
        log, arm = self._log, self._log.arms[self._log.actions[row]]
        if arm in self._own:
            at_ms = None if times_ms is None else times_ms[row]
            propensity = float(log.propensities[row])
            reward = float(log.rewards[row])
            user, segment = self._whom(row)
            self._policy.learn(
                arm, log.contexts[row], reward, at_ms=at_ms, propensity=propensity, user=user, segment=segment
            )

    def _whom(self, row: int) -> tuple[str | None, str | None]:
        """The user and the segment that the row was for, where the log tells."""
        log = self._log
        return log.users[row] if log.users else None, log.segments[row] if log.segments else None
