"""A ridge regression per arm (disjoint linear models), kept ready to answer: what the linear policies share.

For each arm ``A = λI + Σ w x xᵀ`` and ``b = Σ w r x``; ``θ = A⁻¹ b``. ``A⁻¹`` and θ are kept, by Sherman–Morrison, so
neither choosing nor learning solves a linear system; every ``REFRESH_EVERY`` updates of an arm, and whenever the sums
change otherwise (merging, ageing, arms that come), they are made anew from ``A`` by Cholesky, which bounds the error.
SciPy's in-place rank-one update would save 2 of 10 µs, for 29 MB more a worker.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Unpack

import numpy as np
from numpy.typing import NDArray

from adapters.policies.base import Event, Vector
from adapters.policies.checks import number
from adapters.policies.codec import Arrays
from adapters.policies.contract import ArmExplanation
from adapters.policies.learner import Common, Learner, strongest
from adapters.policies.mixture import Mixture

Matrix = NDArray[np.float64]

REFRESH_EVERY = 256  # 60 µs at 32 features, so a quarter of a microsecond an update
LARGE_BATCH = 32  # from here on one product and one refresh per arm cost less than as many updates


class LinearPolicy(Learner):
    """``ridge`` in [1e-3, 1e6]: λ. ``alpha`` in [0, 1e6]: how much of √(xᵀ A⁻¹ x) counts as not being sure."""

    def __init__(
        self,
        arms: Sequence[str],
        dim: int,
        seed: int,
        *,
        alpha: float,
        ridge: float,
        epsilon: float = 0.0,
        **common: Unpack[Common],
    ) -> None:
        self._alpha = number("alpha", alpha, 0.0, 1e6)
        self._ridge = number("ridge", ridge, 1e-3, 1e6)
        super().__init__(arms, dim, seed, epsilon=epsilon, **common)

    def _allocate(self, arms: int) -> None:
        """Everything learned, and room to work in: nothing is allocated per choice or update.

        θ stands beneath its arm's inverse, and b beneath A, so that one product with x gives every ``A⁻¹ x`` and every
        score, and one rank-one update both halves.
        """
        super()._allocate(arms)
        dim = self.dim
        beliefs, totals = np.zeros((arms, dim + 1, dim)), np.zeros((arms, dim + 1, dim))
        self._inverse, self._theta = beliefs[:, :dim], beliefs[:, dim]
        self._gram, self._b = totals[:, :dim], totals[:, dim]  # A without the ridge, so that it is a sum
        self._inverse[:] = np.eye(dim) / self._ridge
        self._count = np.zeros(arms)
        self._updates = np.zeros(arms)  # since the refresh

        self._rows = beliefs.reshape(-1, dim)
        self._products = np.empty(arms * (dim + 1))
        products = self._products.reshape(arms, dim + 1)
        self._inverse_x, self._exploit = products[:, :dim], products[:, dim]
        self._explore = np.zeros(arms)
        self._scores = np.empty(arms)
        self._scaled = np.empty(dim)
        self._outer = np.empty((dim + 1, dim))
        self._gain, self._added = np.empty(dim + 1), np.empty(dim + 1)

        # Slicing costs as much as the arithmetic at these sizes, so each view is made once.
        self._of_arm = list(zip(beliefs, totals, self._inverse, self._b, self._theta, strict=True))
        self._gain_x, self._added_x = self._gain[:dim], self._added[:dim]
        self._gain_row, self._gain_column = self._gain_x[None], self._gain[:, None]
        self._added_column = self._added[:, None]

    def _score(self, x: Vector) -> None:
        """Fill ``_exploit``, ``_explore`` and ``_scores``, each (arms,)."""
        self._rows.dot(x, out=self._products)
        explore = self._explore
        # Not a second product: numpy gives the interpreter lock away for each, and a busy process has it back late.
        # A universal function keeps it for so little work.
        np.vecdot(self._inverse_x, x, out=explore)
        np.fabs(explore, out=explore)  # rounding may push a tiny variance under zero
        np.sqrt(explore, out=explore)
        np.multiply(explore, self._width(), out=explore)
        np.add(self._exploit, explore, out=self._scores)

    def _width(self) -> float:
        return self._alpha

    def _observed(self) -> float:
        """How many observations are not forgotten. As a list: to reduce so few numbers takes three times as long."""
        return math.fsum(self._count.tolist())

    def _residual(self, arm: int, x: Vector, reward: float) -> float:
        _, _, inverse, _, theta = self._of_arm[arm]
        variance = max(0.0, float(inverse.dot(x, out=self._scaled).dot(x)))
        return (reward - float(theta.dot(x))) / math.sqrt(1.0 + variance)

    def _observe(self, arm: int, x: Vector, reward: float, weight: float, _propensity: float | None) -> None:
        """With ``g = A⁻¹ x`` and ``v = xᵀ g``: ``[A⁻¹; θ] −= [g; θ·x − r] gᵀ w / (1 + w v)``, ``[A; b] += w [x; r] xᵀ``
        (Sherman and Morrison 1950)."""
        belief, total, _, _, _ = self._of_arm[arm]
        gain, gain_x, outer, last = self._gain, self._gain_x, self._outer, self.dim
        belief.dot(x, out=gain)
        variance = max(0.0, float(gain_x.dot(x)))
        gain[last] -= reward
        gain *= math.sqrt(weight / (1.0 + weight * variance))  # the root on both sides, so that A⁻¹ stays symmetric
        np.dot(self._gain_column, self._gain_row, out=outer)
        belief -= outer
        self._added_x[:] = x if weight == 1.0 else weight * x
        self._added[last] = weight * reward
        np.dot(self._added_column, x[None], out=outer)
        total += outer
        self._count[arm] += weight
        self._updated(arm)

    def _correct(self, arm: int, x: Vector, difference: float, weight: float, _propensity: float | None) -> None:
        _, _, inverse, b, theta = self._of_arm[arm]
        b += (weight * difference) * x
        inverse.dot(b, out=theta)

    def _updated(self, arm: int) -> None:
        updates = self._updates.item(arm) + 1.0
        if updates >= REFRESH_EVERY:
            updates = 0.0
            self._refresh(arm)
        self._updates[arm] = updates

    def _refresh(self, arm: int) -> None:
        _, _, inverse, b, theta = self._of_arm[arm]
        refresh(inverse, self._regular(arm))
        inverse.dot(b, out=theta)

    def _regular(self, arm: int) -> Matrix:
        """``A`` of an arm."""
        a: Matrix = self._gram[arm] + self._ridge * np.eye(self.dim)
        return a

    def _learn_many(self, events: Sequence[Event]) -> None:
        if len(events) < LARGE_BATCH or self._detector is not None:
            super()._learn_many(events)
            return
        # The latest first, so that every weight is relative to one landmark.
        latest_ms = max((at_ms for *_, at_ms, _, _, _ in events if at_ms is not None), default=None)
        if latest_ms is not None:
            self._age(self._forgetting.advance(latest_ms))
        for arm in sorted({event[0] for event in events}):
            self._add_all(arm, [event for event in events if event[0] == arm])
        self._derive()

    def _add_all(self, arm: int, events: Sequence[Event]) -> None:
        _, xs, rewards, previous, times, *_ = zip(*events, strict=True)
        contexts = np.array(xs)
        weights = np.array([1.0 if at_ms is None else self._forgetting.weight(at_ms) for at_ms in times])
        differences = np.array([now - (before or 0.0) for now, before in zip(rewards, previous, strict=True)])
        is_new = np.array([before is None for before in previous])
        new, new_weights = contexts[is_new], weights[is_new]
        self._gram[arm] += new.T @ (new * new_weights[:, None])
        self._count[arm] += new_weights.sum()
        self._b[arm] += contexts.T @ (weights * differences)

    def _derive(self) -> None:
        for arm in range(len(self._of_arm)):
            self._refresh(arm)
        self._updates[:] = 0.0

    def _explain(self, x: Vector, names: Sequence[str], mixture: Mixture) -> tuple[ArmExplanation, ...]:
        self._score(x)
        probabilities = self._distribution(x, mixture).probabilities
        contributions = (self._theta * x).tolist()
        return tuple(
            ArmExplanation(
                arm=arm,
                probability=probabilities.item(k),
                score=self._exploit.item(k) + self._explore.item(k),
                exploit=self._exploit.item(k),
                explore=self._explore.item(k),
                features=strongest(names, contributions[k]),
            )
            for k, arm in enumerate(self.arms)
        )

    def _sums(self) -> Arrays:
        return {"gram": self._gram, "b": self._b, "count": self._count}

    def _derived(self) -> Arrays:
        return {"inverse": self._inverse, "theta": self._theta, "updates": self._updates}

    def _shaping(self) -> Mapping[str, Any]:
        return {"ridge": self._ridge, **super()._shaping()}


def refresh(inverse: Matrix, a: Matrix) -> None:
    """Overwrite ``inverse`` with that of the positive definite ``a``, exactly symmetric."""
    try:
        half = np.linalg.inv(np.linalg.cholesky(a))
    except np.linalg.LinAlgError:
        return  # a is so badly scaled that rounding made it indefinite; the updated inverse is then the better one
    np.dot(half.T, half, out=inverse)
