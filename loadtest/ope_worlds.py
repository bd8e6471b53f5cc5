"""Logs whose truth is known: a policy that explored made them, and another is to be judged by them.

Only numpy is needed here, so that an interpreter of their own can run peers on the same logs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class LoggedWorld:
    """``contexts`` (rows, dim); ``actions`` and ``rewards`` (rows,); ``probabilities``, ``target`` and ``worth`` (rows,
    arms): what was drawn by, what the target would draw by, and what each arm is worth on average, in [0, 1]."""

    contexts: Matrix
    actions: NDArray[np.int64]
    rewards: Vector
    probabilities: Matrix
    target: Matrix
    worth: Matrix

    @property
    def arms(self) -> tuple[str, ...]:
        return tuple(str(arm) for arm in range(self.worth.shape[1]))

    @property
    def value(self) -> float:
        """The target's, on these contexts."""
        return float((self.target * self.worth).sum(axis=1).mean())

    @property
    def logged_value(self) -> float:
        """Of what made the log."""
        return float((self.probabilities * self.worth).sum(axis=1).mean())

    @property
    def bent(self) -> Matrix:
        """(rows, arms): expected rewards of a model that is wrong: half-way to the middle, and a little too high."""
        return 0.5 * self.worth + 0.3


def logged_world(
    seed: int, rows: int, *, arms: int = 4, dim: int = 5, floor: float = 0.05, adaptive: bool = False
) -> LoggedWorld:
    """Rewards are 0 or 1, their chances logistic in the context. The log prefers what it believes in, softly; the
    target nearly always takes what a better belief says. ``adaptive``: the log also shifts to what has earned more so
    far, row by row, as one that learns."""
    rng = np.random.default_rng(seed)
    contexts, theta = rng.normal(size=(rows, dim)), 0.8 * rng.normal(size=(arms, dim))
    believed, better = (theta + error * rng.normal(size=theta.shape) for error in (1.0, 0.5))
    worth = 1.0 / (1.0 + np.exp(-(contexts @ theta.T)))
    leaning = contexts @ believed.T
    best = np.eye(arms)[(contexts @ better.T).argmax(axis=1)]
    target = 0.9 * best + 0.1 / arms
    luck, paid = rng.random(rows), rng.random((rows, arms)) < worth
    if not adaptive:
        probabilities = _softly(leaning, floor)
        actions = _drawn(probabilities, luck)
    else:
        probabilities, actions = _learning(leaning, paid, luck, floor)
    rewards = paid[np.arange(rows), actions].astype(np.float64)
    return LoggedWorld(contexts, actions, rewards, probabilities, target, worth)


def _softly(leaning: Matrix, floor: float) -> Matrix:
    preferred = np.exp(leaning - leaning.max(axis=1, keepdims=True))
    chances: Matrix = floor + (1.0 - floor * leaning.shape[1]) * preferred / preferred.sum(axis=1, keepdims=True)
    return chances


def _drawn(probabilities: Matrix, luck: Vector) -> NDArray[np.int64]:
    drawn: NDArray[np.int64] = (luck[:, None] > probabilities.cumsum(axis=1)).sum(axis=1)
    return np.asarray(np.minimum(drawn, probabilities.shape[1] - 1))


def _learning(leaning: Matrix, paid: NDArray[np.bool_], luck: Vector, floor: float) -> tuple[Matrix, NDArray[np.int64]]:
    earned, taken = np.ones(leaning.shape[1]), np.full(leaning.shape[1], 2.0)
    probabilities, actions = np.empty(leaning.shape), np.empty(len(luck), dtype=np.int64)
    for row in range(len(luck)):
        probabilities[row] = _softly(leaning[row : row + 1] + 6.0 * earned / taken, floor)[0]
        arm = actions[row] = _drawn(probabilities[row : row + 1], luck[row : row + 1])[0]
        earned[arm] += paid[row, arm]
        taken[arm] += 1.0
    return probabilities, actions
