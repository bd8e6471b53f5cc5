"""Hybrid LinUCB: linear models that share between like arms (Li, Chu, Langford, Schapire 2010, algorithm 2).

An arm's weights are a part of its own and a part that follows from its traits, ``θ_a = own_a + Σ_t φ_at W_t``: the
algorithm's shared features are the products of traits and context. With ridges on both parts that is one regression
over the stacked θ, whose prior covariance is ``G ⊗ I / λ`` with ``G = (1 − s) I + s Φ Φᵀ``; so the shared weights
(traits × features of them) need never be held, and what is learned is the same sums per arm as without sharing.
``A = λ (G⁻¹ ⊗ I) + blockdiag(Σ x xᵀ)``. A new arm starts with what arms like it have learned.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Unpack

import numpy as np
from numpy.typing import NDArray

from adapters.policies.base import Vector
from adapters.policies.checks import number
from adapters.policies.codec import Arrays
from adapters.policies.learner import Common
from adapters.policies.likeness import Traits, checked_traits, likeness, traits_of
from adapters.policies.linear import REFRESH_EVERY, refresh
from adapters.policies.linucb import LinUCB


class HybridLinUCB(LinUCB):
    """``make_policy("hybrid", …)``.

    ``traits``: per arm as many numbers in [0, 1] as any other has; an arm without shares only what all share.
    ``sharing`` in [0, 0.99]: how much of the weights' variance is shared: s; at 0 this is LinUCB. The rest as there.
    """

    name = "hybrid"

    def __init__(
        self,
        arms: Sequence[str],
        dim: int,
        seed: int,
        *,
        traits: Mapping[str, Sequence[float]] | None = None,
        sharing: float = 0.5,
        alpha: float = 0.25,
        settle: float | None = None,
        epsilon: float = 0.0,
        ridge: float = 1.0,
        **common: Unpack[Common],
    ) -> None:
        self._sharing = number("sharing", sharing, 0.0, 0.99)
        self._set_traits(traits_of(arms, traits))
        super().__init__(arms, dim, seed, alpha=alpha, settle=settle, epsilon=epsilon, ridge=ridge, **common)

    def _set_traits(self, traits: Sequence[Traits]) -> None:
        self._of_arms = checked_traits(traits)
        self._precision = np.linalg.inv(likeness(self._of_arms, self._sharing))

    def _traits(self) -> Sequence[Traits]:
        return self._of_arms

    def _allocate(self, arms: int) -> None:
        super()._allocate(arms)
        size = arms * self.dim
        self._joint = np.zeros((size, size))  # A⁻¹ over all arms; its diagonal blocks stand in _inverse too
        blocks = self._joint.reshape(arms, self.dim, arms, self.dim)
        self._blocks: NDArray[np.float64] = np.einsum("iaib->iab", blocks)  # a view
        self._columns = [self._joint[:, k * self.dim : (k + 1) * self.dim] for k in range(arms)]
        self._all_theta = np.zeros(size)
        self._gain = np.empty(size)
        self._change = np.empty((size, size))
        self._derive()

    def _observe(self, arm: int, x: Vector, reward: float, weight: float, _propensity: float | None) -> None:
        if weight != 1.0:
            root = math.sqrt(weight)
            x, reward = x * root, reward * root
        self._absorb(arm, x)
        self._count[arm] += weight
        self._b[arm] += reward * x
        self._solve()

    def _correct(self, arm: int, x: Vector, difference: float, weight: float, propensity: float | None) -> None:
        super()._correct(arm, x, difference, weight, propensity)
        self._solve()

    def _solve(self) -> None:
        self._joint.dot(self._b.reshape(-1), out=self._all_theta)
        self._theta[:] = self._all_theta.reshape(self._theta.shape)

    def _absorb(self, arm: int, x: Vector) -> None:
        self._gram[arm] += np.multiply.outer(x, x)
        gain = self._columns[arm].dot(x, out=self._gain)
        variance = float(gain[arm * self.dim : (arm + 1) * self.dim].dot(x))
        gain /= math.sqrt(1.0 + max(0.0, variance))
        np.multiply(gain[:, None], gain, out=self._change)
        self._joint -= self._change
        self._updates[arm] += 1.0
        if self._updates.sum() >= REFRESH_EVERY:
            self._derive()
        else:
            np.copyto(self._inverse, self._blocks)

    def _derive(self) -> None:
        arms, dim = len(self._b), self.dim
        a = np.kron(self._ridge * self._precision, np.eye(dim))
        diagonal = np.einsum("iaib->iab", a.reshape(arms, dim, arms, dim))
        diagonal += self._gram
        refresh(self._joint, a)
        np.copyto(self._inverse, self._blocks)
        self._solve()
        self._updates[:] = 0.0

    def _derived(self) -> Arrays:
        return {**super()._derived(), "joint": self._joint}

    def _shaping(self) -> Mapping[str, Any]:
        return {"sharing": self._sharing, "traits": self._of_arms, **super()._shaping()}
