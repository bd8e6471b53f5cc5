"""LinUCB with disjoint linear models (Li, Chu, Langford, Schapire 2010, algorithm 1), in an ε-mixture with a floor.

For each arm ``A = λI + Σ x xᵀ`` and ``b = Σ r x``; ``θ = A⁻¹ b``. The score ``θ·x + α √(xᵀ A⁻¹ x)`` is an upper
confidence bound of the arm's reward. ``A⁻¹`` is kept, by Sherman–Morrison, so neither choosing nor learning solves a
linear system; every ``REFRESH_EVERY`` updates of an arm it is made anew from ``A`` by Cholesky, which bounds the error.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from adapters.policies.base import BasePolicy, Vector, number
from adapters.policies.codec import Arrays
from adapters.policies.contract import ArmExplanation
from adapters.policies.mixture import Distribution, Mixture

REFRESH_EVERY = 256  # 60 µs at 32 features, so a quarter of a microsecond an update
STRONGEST = 5
TIE = 1e-12  # scores nearer than this are equal but for rounding; a fresh policy's arms all tie


class LinUCB(BasePolicy):
    """``make_policy("linucb", …)``.

    ``alpha`` ≥ 0: width of the confidence bound; 0.25 is the best of .1 … 1 on sklearn's digits. ``floor``: least
    probability of an arm, in [0, 1/arms]. ``epsilon`` in [0, 1]: share of the rest that is spread evenly.
    ``ridge`` in [1e-3, 1e6]: λ. ``reward_low``, ``reward_high`` in [-1e9, 1e9]: the rewards accepted.
    """

    name = "linucb"

    def __init__(
        self,
        arms: Sequence[str],
        dim: int,
        seed: int,
        *,
        alpha: float = 0.25,
        floor: float = 0.01,
        epsilon: float = 0.0,
        ridge: float = 1.0,
        reward_low: float = 0.0,
        reward_high: float = 1.0,
    ) -> None:
        super().__init__(arms, dim, seed)
        self._alpha = number("alpha", alpha, 0.0, 1e6)
        self._mixture = Mixture(len(self.arms), number("floor", floor, 0.0, 1.0), number("epsilon", epsilon, 0.0, 1.0))
        self._ridge = number("ridge", ridge, 1e-3, 1e6)
        self._reward_low = number("reward_low", reward_low, -1e9, 1e9)
        self._reward_high = number("reward_high", reward_high, self._reward_low, 1e9)
        self._allocate(len(self.arms), self.dim)

    def _allocate(self, arms: int, dim: int) -> None:
        """Everything learned, and room to work in: nothing is allocated per choice or update.

        The inverses and θ are rows of one matrix, so that one product with x gives every ``A⁻¹ x`` and every score.
        """
        identity = np.eye(dim)
        self._rows = np.zeros((arms * dim + arms, dim))
        self._inverse: NDArray[np.float64] = self._rows[: arms * dim].reshape(arms, dim, dim)
        self._theta: NDArray[np.float64] = self._rows[arms * dim :]
        self._inverse[:] = identity / self._ridge
        self._a = np.tile(identity * self._ridge, (arms, 1, 1))
        self._b = np.zeros((arms, dim))
        self._updates = np.zeros(arms)

        self._products = np.empty(arms * dim + arms)
        self._inverse_x = self._products[: arms * dim].reshape(arms, dim)
        self._exploit = self._products[arms * dim :]
        self._explore = np.empty(arms)
        self._weighted = np.empty((arms, dim))
        self._scores = np.empty(arms)
        self._scaled = np.empty(dim)
        self._outer = np.empty((dim, dim))

        # Slicing costs as much as the arithmetic at these sizes, so each arm's views are made once.
        self._of_arm = list(zip(self._a, self._inverse, self._b, self._theta, strict=True))

    def _score(self, x: Vector) -> None:
        """Fill ``_exploit``, ``_explore`` and ``_scores``, each (arms,)."""
        self._rows.dot(x, out=self._products)
        explore = self._explore
        # Not a second product: numpy gives the interpreter lock away for each, and a busy process has it back late.
        np.multiply(self._inverse_x, x, out=self._weighted)
        np.add.reduce(self._weighted, axis=1, out=explore)
        np.maximum(explore, 0.0, out=explore)  # rounding may push a tiny variance under zero
        np.sqrt(explore, out=explore)
        np.multiply(explore, self._alpha, out=explore)
        np.add(self._exploit, explore, out=self._scores)

    def _distribution(self, x: Vector) -> Distribution:
        self._score(x)
        scores = self._scores.tolist()
        best = max(scores)
        least = best - TIE * max(1.0, abs(best))
        return self._mixture.over([index for index, score in enumerate(scores) if score >= least])

    def _update(self, arm: int, x: Vector, reward: float, previous: float | None) -> None:
        _, inverse, b, theta = self._of_arm[arm]
        if previous is None:
            self._observe(arm, x)
            b += reward * x
        else:
            b += (reward - previous) * x
        inverse.dot(b, out=theta)

    def _observe(self, arm: int, x: Vector) -> None:
        """``A += x xᵀ`` and the same for its inverse: ``A⁻¹ −= s sᵀ`` with ``s = A⁻¹ x / √(1 + xᵀ A⁻¹ x)``."""
        a, inverse, _, _ = self._of_arm[arm]
        outer = self._outer
        np.dot(x[:, None], x[None], out=outer)
        a += outer
        scaled = inverse.dot(x, out=self._scaled)
        scaled /= math.sqrt(1.0 + max(0.0, scaled.dot(x)))
        np.dot(scaled[:, None], scaled[None], out=outer)
        inverse -= outer
        self._updates[arm] += 1.0
        if self._updates.item(arm) % REFRESH_EVERY == 0.0:
            _refresh(inverse, a)

    def explain(self, x: ArrayLike, names: Sequence[str] = ()) -> tuple[ArmExplanation, ...]:
        """See ``Policy.explain``."""
        context = self._context(x)
        names = self._names(names)
        probabilities = self._distribution(context).probabilities
        contributions = self._theta * context
        strongest = np.argsort(-np.abs(contributions), axis=1, kind="stable")[:, :STRONGEST]
        return tuple(
            ArmExplanation(
                arm=arm,
                probability=probabilities.item(k),
                score=self._scores.item(k),
                exploit=self._exploit.item(k),
                explore=self._explore.item(k),
                features=tuple((names[i], contributions.item(k, i)) for i in strongest[k] if contributions[k, i]),
            )
            for k, arm in enumerate(self.arms)
        )

    def _reward(self, name: str, value: object) -> float:
        return number(name, value, self._reward_low, self._reward_high)

    def _shaping(self) -> Mapping[str, float]:
        return {"ridge": self._ridge}

    def _arrays(self) -> Arrays:
        return {"a": self._a, "b": self._b, "inverse": self._inverse, "theta": self._theta, "updates": self._updates}


def _refresh(inverse: NDArray[np.float64], a: NDArray[np.float64]) -> None:
    """Overwrite ``inverse`` with that of the positive definite ``a``, exactly symmetric."""
    try:
        half = np.linalg.inv(np.linalg.cholesky(a))
    except np.linalg.LinAlgError:
        return  # a is so badly scaled that rounding made it indefinite; the updated inverse is then the better one
    np.dot(half.T, half, out=inverse)
