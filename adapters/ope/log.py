"""A log of decisions as values: what was seen, what was drawn with which probabilities, what it earned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

SUM_TOLERANCE = 1e-6
"""How far probabilities may be from summing to 1: files are written with a few digits."""


class LogError(ValueError):
    """A log or a target that contradicts itself. ``problem`` in the row ``row``, counted from 1, the first that has it;
    None where it is of no one row."""

    def __init__(self, problem: str, row: int | None = None) -> None:
        super().__init__(problem if row is None else f"row {row:,}: {problem}")
        self.problem = problem
        self.row = row


@dataclass(frozen=True, slots=True, eq=False)
class Log:
    """``rows`` decisions with known rewards, in the order in which they were made.

    ``arms``: names. ``contexts`` (rows, dim). ``actions`` (rows,): indices of the arms drawn. ``rewards`` (rows,) in
    [``reward_low``, ``reward_high``]. ``probabilities`` (rows, arms): what the logging policy drew by; 0 where an arm
    could not be drawn, NaN where only the drawn arm's is known. ``users``, ``segments`` (rows each, or empty): whom
    each row was for, for policies that know people; None where nobody knows. Make it with ``Log.of``, which checks.
    """

    arms: tuple[str, ...]
    contexts: Matrix
    actions: NDArray[np.int64]
    rewards: Vector
    probabilities: Matrix
    reward_low: float = 0.0
    reward_high: float = 1.0
    users: tuple[str | None, ...] = ()
    segments: tuple[str | None, ...] = ()

    @classmethod
    def of(
        cls,
        arms: Sequence[str],
        contexts: ArrayLike,
        actions: ArrayLike,
        rewards: ArrayLike,
        probabilities: ArrayLike,
        *,
        reward_low: float = 0.0,
        reward_high: float = 1.0,
        users: Sequence[str | None] = (),
        segments: Sequence[str | None] = (),
    ) -> Log:
        """``LogError`` names the first row that is wrong, counted from 1."""
        drawn, earned = np.asarray(actions), np.asarray(rewards, dtype=np.float64)
        seen, chances = np.asarray(contexts, dtype=np.float64), np.asarray(probabilities, dtype=np.float64)
        rows = len(drawn)
        if not reward_low < reward_high:
            raise LogError(f"rewards from {reward_low:g} to {reward_high:g}: give a lower and a higher end.")
        if seen.ndim != 2 or chances.shape != (rows, len(arms)) or len(seen) != rows or earned.shape != (rows,):
            raise LogError("contexts, actions, rewards and probabilities are not of one length.")
        if {len(users), len(segments)} - {0, rows}:
            raise LogError("users and segments: give one for each row, or none at all.")
        if rows and not np.issubdtype(drawn.dtype, np.integer):
            raise LogError("actions are the indices of arms: give whole numbers.")
        drawn = drawn.astype(np.int64)
        _refuse_first((drawn < 0) | (drawn >= len(arms)), "the arm is none of those named")
        _refuse_first(~np.isfinite(seen).all(axis=1), "a feature is not finite")
        _refuse_first(
            ~((earned >= reward_low) & (earned <= reward_high)),
            f"the reward is not from {reward_low:g} to {reward_high:g}",
        )
        _check_probabilities(chances, drawn)
        span = (float(reward_low), float(reward_high))
        return cls(tuple(arms), seen, drawn, earned, chances, *span, tuple(users), tuple(segments))

    @property
    def rows(self) -> int:
        return len(self.actions)

    @property
    def propensities(self) -> Vector:
        """(rows,): the chance that the drawn arm had."""
        return self.of_drawn(self.probabilities)

    @property
    def is_complete(self) -> bool:
        """Whether the probabilities of all arms are known."""
        return not bool(np.isnan(self.probabilities).any())

    def of_drawn(self, matrix: Matrix) -> Vector:
        """(rows,): of a (rows, arms) matrix the entries of the arms drawn."""
        drawn: Vector = matrix[np.arange(self.rows), self.actions]
        return drawn

    def weights(self, target: Matrix) -> Vector:
        """(rows,): how much likelier ``target`` was to draw the arm than the logging policy."""
        weights: Vector = self.of_drawn(target) / self.propensities
        return weights

    def unit(self, rewards: Matrix) -> Matrix:
        """Rewards (of any shape) brought to [0, 1]."""
        scaled: Matrix = (rewards - self.reward_low) / (self.reward_high - self.reward_low)
        return scaled

    def mirrored(self) -> Log:
        """The same with what was lost in place of what was earned: in [0, 1], 1 less the reward brought there."""
        lost = 1.0 - self.unit(self.rewards)
        return Log(self.arms, self.contexts, self.actions, lost, self.probabilities)

    def taking(self, keep: NDArray[Any] | slice) -> Log:
        """Some of the rows: a slice, a mask or indices."""
        return replace(
            self,
            contexts=self.contexts[keep],
            actions=self.actions[keep],
            rewards=self.rewards[keep],
            probabilities=self.probabilities[keep],
            users=_some(self.users, keep),
            segments=_some(self.segments, keep),
        )


def _some(names: tuple[str | None, ...], keep: NDArray[Any] | slice) -> tuple[str | None, ...]:
    return tuple(np.array(names, dtype=object)[keep].tolist()) if names else ()


def checked_target(log: Log, target: ArrayLike) -> Matrix:
    """``target`` as float64 (rows, arms) with rows that sum to 1. ``LogError`` otherwise."""
    chances = np.asarray(target, dtype=np.float64)
    if chances.shape != (log.rows, len(log.arms)):
        raise LogError(f"the target has shape {chances.shape}, the log {(log.rows, len(log.arms))} (rows, arms).")
    _refuse_first(~(chances >= 0.0).all(axis=1), "a probability of the target is negative or no number")
    _refuse_first(np.abs(chances.sum(axis=1) - 1.0) > SUM_TOLERANCE, "the target's probabilities do not sum to 1")
    return chances


def _check_probabilities(chances: Matrix, drawn: NDArray[np.int64]) -> None:
    taken = chances[np.arange(len(drawn)), drawn]
    _refuse_first(
        ~((taken > 0.0) & (taken <= 1.0 + SUM_TOLERANCE)), "the drawn arm's probability is not above 0, up to 1"
    )
    _refuse_first((chances < 0.0).any(axis=1), "a probability is negative")
    sums = chances.sum(axis=1)  # NaN where some are unknown, which is no mistake
    _refuse_first(np.abs(sums - 1.0) > SUM_TOLERANCE, "the probabilities do not sum to 1")


def _refuse_first(wrong: ArrayLike, what: str) -> None:
    found = np.flatnonzero(wrong)
    if len(found):
        raise LogError(f"{what}.", int(found[0]) + 1)
