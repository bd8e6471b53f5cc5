"""What all policies share: checks, the draw, the version, the state's envelope."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from adapters.names import suggestion
from adapters.policies import codec
from adapters.policies.contract import ArmExplanation, Decision
from adapters.policies.mixture import Distribution

Vector = NDArray[np.float64]

MAX_LENGTH = 1e3  # of a context; a million features at 1 reach it, and longer ones would drown the others in rounding


def number(name: str, value: object, low: float, high: float) -> float:
    """``value`` as a float in [low, high], or ``ValueError`` naming it."""
    if type(value) is float and low <= value <= high:
        return value  # the usual case, without the cost of asking an abstract base class
    if isinstance(value, bool) or not isinstance(value, Real) or not low <= float(value) <= high:
        raise ValueError(f"{name} is {value!r}: give a number from {low:g} to {high:g}.")
    return float(value)


class BasePolicy(ABC):
    """A policy's frame; an algorithm fills in the distribution, the update and the arrays that it learns.

    ``arms``: at least one, distinct. ``dim`` ≥ 1. ``seed`` ≥ 0 starts the generator of the draws and is the worker's
    own. ``ValueError`` otherwise.
    """

    name: ClassVar[str]

    def __init__(self, arms: Sequence[str], dim: int, seed: int) -> None:
        if isinstance(arms, str) or not arms or not all(isinstance(arm, str) and arm for arm in arms):
            raise ValueError(f"arms {arms!r}: give a sequence of at least one name.")
        if len(set(arms)) < len(arms):
            raise ValueError(f"arms {tuple(arms)!r}: a name stands twice.")
        for what, value, least in (("dim", dim, 1), ("seed", seed, 0)):
            if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
                raise ValueError(f"{what} {value!r}: give a whole number from {least} on.")
        self.arms = tuple(arms)
        self.dim = int(dim)
        self.version = 0
        self._index = {arm: index for index, arm in enumerate(self.arms)}
        self._shape = (self.dim,)
        self._uniform = np.random.default_rng(int(seed)).random

    # What an algorithm fills in

    @abstractmethod
    def _distribution(self, x: Vector) -> Distribution:
        """Of the arms, in context ``x`` (dim,)."""

    @abstractmethod
    def _update(self, arm: int, x: Vector, reward: float, previous: float | None) -> None:
        """Learn checked values."""

    @abstractmethod
    def explain(self, x: ArrayLike, names: Sequence[str] = ()) -> tuple[ArmExplanation, ...]:
        """See ``Policy.explain``."""

    def _arrays(self) -> codec.Arrays:
        """What was learned, by name; ``load`` writes into them."""
        return {}

    def _shaping(self) -> Mapping[str, float]:
        """Parameters that are inside of what was learned, and can't be changed after it."""
        return {}

    # What follows from it

    def choose(self, x: ArrayLike) -> Decision:
        """See ``Policy.choose``."""
        distribution = self._distribution(self._context(x))
        index = distribution.draw(self._uniform())
        probabilities = distribution.probabilities
        return Decision(self.arms[index], probabilities.item(index), probabilities, self.version)

    def learn(self, arm: str, x: ArrayLike, reward: float, previous: float | None = None) -> None:
        """See ``Policy.learn``."""
        index = self._arm(arm)
        context = self._context(x)
        reward = self._reward("reward", reward)
        if previous is not None:
            previous = self._reward("previous", previous)
        self._update(index, context, reward, previous)
        self.version += 1

    def state(self) -> bytes:
        """See ``Policy.state``."""
        return codec.pack(self._header() | {"version": self.version}, self._arrays())

    def load(self, state: bytes) -> None:
        """See ``Policy.load``."""
        header, arrays = codec.unpack(state)
        for key, own in self._header().items():
            if header.get(key) != own:
                raise ValueError(
                    f"the policy state has {key} {header.get(key)!r}, this policy has {own!r}. Make the policy like the"
                    " state, or replay the reward log."
                )
        own_arrays = self._arrays()
        for name, array in own_arrays.items():
            if name not in arrays or arrays[name].shape != array.shape or not np.isfinite(arrays[name]).all():
                raise ValueError(f"the policy state's {name!r} is missing or malformed. Replay the reward log instead.")
        for name, array in own_arrays.items():
            np.copyto(array, arrays[name])
        self.version = header["version"]

    def _header(self) -> dict[str, object]:
        return {"policy": self.name, "arms": list(self.arms), "dim": self.dim, "parameters": dict(self._shaping())}

    def _arm(self, arm: str) -> int:
        index = self._index.get(arm)
        if index is None:
            raise ValueError(f"there is no arm {arm!r}. {suggestion(arm, self.arms)}")
        return index

    def _reward(self, name: str, value: object) -> float:
        return number(name, value, 0.0, 1.0)

    def _context(self, x: ArrayLike) -> Vector:
        try:
            context: Vector = np.asarray(x, dtype=np.float64)
        except (TypeError, ValueError):
            raise ValueError(f"the context is no vector of {self.dim} numbers.") from None
        if context.shape != self._shape:
            raise ValueError(f"the context has shape {context.shape}, this policy takes {self._shape}.")
        # One length finds NaN and infinity too; unlike a product, hypot neither overflows nor warns.
        if not math.hypot(*context.tolist()) <= MAX_LENGTH:
            raise ValueError(f"the context is not finite or longer than {MAX_LENGTH:g}: scale its features to about 1.")
        return context

    def _names(self, names: Sequence[str]) -> Sequence[str]:
        if names and len(names) != self.dim:
            raise ValueError(f"{len(names)} feature names for a context of {self.dim} numbers.")
        return names or [f"x[{i}]" for i in range(self.dim)]
