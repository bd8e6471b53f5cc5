"""A policy's way through a world: it chooses in every round, and learns when a reward arrives."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable
from dataclasses import dataclass
from inspect import signature
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adapters.policies.contract import Policy
from adapters.simulation.customers import Matrix
from adapters.simulation.population import Index, Vector
from adapters.simulation.world import World

TELL_EVERY = 250
"""Rounds between two words to whoever watches: often enough for a bar, too seldom to cost anything."""


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """What one policy did, round by round.

    ``chosen`` (rounds,): numbers of the arms. ``probabilities`` (rounds, arms): what each was drawn with. ``worth``
    (rounds, arms): the rewards expected, in truth. ``rewards`` (rounds,): what was learned of the round's decision in
    the end; NaN where nobody reacted.
    """

    arms: tuple[str, ...]
    chosen: Index
    probabilities: Matrix
    worth: Matrix
    rewards: Vector

    def __len__(self) -> int:
        return len(self.chosen)

    @property
    def expected(self) -> Vector:
        """The chosen arms' worth, (rounds,)."""
        return np.asarray(self.worth[np.arange(len(self)), self.chosen])

    @property
    def regret(self) -> Vector:
        """The best arm's worth less the chosen one's, (rounds,); never below 0."""
        return np.asarray(self.worth.max(axis=1) - self.expected)

    @property
    def is_best(self) -> NDArray[np.bool_]:
        """Whether nothing better could be chosen, (rounds,)."""
        return np.asarray(self.regret <= 0.0)


def play(world: World, policy: Policy, tell: Callable[[int], None] = lambda _: None) -> Trace:
    """``policy``, whose arms are the world's, through all rounds; ``tell`` hears how many more have been played.

    Rewards arrive in the order of their times, before the first choice at that time or later; those that come after the
    last round are learned of no more, but belong to the trace.
    """
    game = _Game(world, policy)
    for at in range(len(world)):
        game.learn(float(world.at_ms[at]))
        game.choose(at)
        if (at + 1) % TELL_EVERY == 0:
            tell(TELL_EVERY)
    tell(len(world) % TELL_EVERY)
    paid = world.pays[np.arange(len(world)), game.chosen]
    rewards = np.where(np.isfinite(world.arrives_ms), paid, np.nan)
    return Trace(world.arms, game.chosen, game.probabilities, world.worth, rewards)


class _Game:
    """``chosen`` and ``probabilities`` as in ``Trace``, so far."""

    def __init__(self, world: World, policy: Policy) -> None:
        self.chosen = np.zeros(len(world), dtype=np.int64)
        self.probabilities = np.zeros(world.worth.shape)
        self._world = world
        self._policy = policy
        self._numbers = {arm: number for number, arm in enumerate(world.arms)}
        self._order = [policy.arms.index(arm) for arm in world.arms]
        self._waiting: list[tuple[float, int]] = []  # a heap of (when the reward arrives, round)
        self._users = world.user_ids if "user" in signature(policy.choose).parameters else None

    def choose(self, at: int) -> None:
        decision = self._policy.choose(self._world.contexts[at], **self._whom(at))
        self.chosen[at] = self._numbers[decision.arm]
        self.probabilities[at] = decision.probabilities[self._order]
        arrives_ms = float(self._world.arrives_ms[at])
        if arrives_ms < math.inf:
            heapq.heappush(self._waiting, (arrives_ms, at))

    def learn(self, now_ms: float) -> None:
        """Everything that has arrived by now."""
        world = self._world
        while self._waiting and self._waiting[0][0] <= now_ms:
            at = heapq.heappop(self._waiting)[1]
            arm = int(self.chosen[at])
            self._policy.learn(
                world.arms[arm],
                world.contexts[at],
                float(world.pays[at, arm]),
                at_ms=float(world.at_ms[at]),
                propensity=float(self.probabilities[at, arm]),
                **self._whom(at),
            )

    def _whom(self, at: int) -> dict[str, Any]:
        """Whose turn it is, for policies that ask. The kind of customer is as hidden as the taste."""
        return {} if self._users is None else {"user": self._users[at]}
