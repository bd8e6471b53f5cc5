"""Worlds in which policies are compared: contexts, what each arm is worth in them, and what it pays.

Only numpy is needed here (and sklearn's digits), so that an interpreter of their own can run peers in these worlds.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

ROUNDS = 10_000
NOISE = 0.3

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]


class Player(Protocol):
    """Whoever plays in a world. Arms are named "0", "1", …"""

    def choose(self, x: Vector) -> str:
        """An arm for a context."""

    def learn(self, arm: str, x: Vector, reward: float) -> None:
        """What the arm paid."""


@dataclass(frozen=True, slots=True)
class World:
    """``contexts`` (rounds, dim); ``worth`` and ``pays`` (rounds, arms): the expected and the drawn reward."""

    contexts: Matrix
    worth: Matrix
    pays: Matrix

    @property
    def arms(self) -> tuple[str, ...]:
        return tuple(str(arm) for arm in range(self.worth.shape[1]))

    @property
    def dim(self) -> int:
        return int(self.contexts.shape[1])


@dataclass(frozen=True, slots=True)
class Outcome:
    """``rewards`` and ``regrets`` (rounds,): drawn, and the best arm's worth less the chosen one's."""

    rewards: Vector
    regrets: Vector


def digits() -> tuple[Matrix, NDArray[np.int64]]:
    """Contexts (1797, 65), X/16 and a constant 1, and the right arm of each."""
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    return np.hstack([pixels / 16.0, np.ones((len(pixels), 1))]), labels.astype(np.int64)


def digits_world(seed: int, rounds: int = ROUNDS) -> World:
    """sklearn's handwritten digits as a bandit: see one, drawn with replacement, guess it, get 1 when right."""
    contexts, labels = digits()
    drawn = np.random.default_rng(1000 + seed).integers(len(contexts), size=rounds)
    worth = np.eye(10)[labels[drawn]]
    return World(contexts[drawn], worth, worth)


def linear_world(seed: int, *, arms: int = 8, dim: int = 32, rounds: int = ROUNDS, changes: bool = False) -> World:
    """x of unit norm, θ ~ N(0, 1), reward ``θ_a·x`` with Gaussian noise; contexts, θ and noise of one generator, in
    this order. ``changes``: half-way each arm gets the θ of the arm before it."""
    rng = np.random.default_rng(1000 + seed)
    contexts = rng.normal(size=(rounds, dim))
    contexts /= np.linalg.norm(contexts, axis=1, keepdims=True)
    theta = rng.normal(size=(arms, dim))
    worth = contexts @ theta.T
    if changes:
        worth[rounds // 2 :] = contexts[rounds // 2 :] @ np.roll(theta, 1, axis=0).T
    return World(contexts, worth, worth + NOISE * rng.normal(size=worth.shape))


def play(world: World, player: Player, *, late: int = 0) -> Outcome:
    """Let ``player`` choose in every round; it learns what an arm paid ``late`` rounds later."""
    rounds = len(world.contexts)
    rewards, worth = np.empty(rounds), np.empty(rounds)
    waiting: deque[tuple[str, Vector, float]] = deque()
    for i, x in enumerate(world.contexts):
        if len(waiting) > late:
            player.learn(*waiting.popleft())
        arm = player.choose(x)
        rewards[i], worth[i] = world.pays[i, int(arm)], world.worth[i, int(arm)]
        waiting.append((arm, x, float(rewards[i])))
    return Outcome(rewards, world.worth.max(axis=1) - worth)
