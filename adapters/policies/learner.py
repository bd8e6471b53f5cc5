"""What policies that learn share: the range of rewards, forgetting by the clock and on a detected change."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict, Unpack

import numpy as np

from adapters.policies.base import BasePolicy, Event, Vector
from adapters.policies.checks import number, optional_number, truth
from adapters.policies.codec import Arrays
from adapters.policies.detector import KEEP, Detector
from adapters.policies.forgetting import Forgetting


class Common(TypedDict, total=False):
    """Parameters that every learning policy takes.

    ``floor``: least probability of an allowed arm, in [0, 1/arms]. ``reward_low``, ``reward_high`` in [-1e9, 1e9]: the
    rewards accepted. ``half_life_days`` in [1e-6, 1e6], None: never forget; it needs events with a time.
    ``detect_changes``: forget an arm whose rewards have left what was expected of it.
    """

    floor: float
    reward_low: float
    reward_high: float
    half_life_days: float | None
    detect_changes: bool


DEFAULTS: Common = {
    "floor": 0.01,
    "reward_low": 0.0,
    "reward_high": 1.0,
    "half_life_days": None,
    "detect_changes": False,
}


class Learner(BasePolicy):
    """A policy of sums over events. An algorithm fills in ``_observe`` and ``_correct``."""

    def __init__(
        self, arms: Sequence[str], dim: int, seed: int, *, epsilon: float = 0.0, **common: Unpack[Common]
    ) -> None:
        values = DEFAULTS | common
        super().__init__(arms, dim, seed, floor=values["floor"], epsilon=epsilon)
        self._reward_low = number("reward_low", values["reward_low"], -1e9, 1e9)
        self._reward_high = number("reward_high", values["reward_high"], self._reward_low, 1e9)
        self._span = self._reward_high - self._reward_low or 1.0
        self._half_life_days = optional_number("half_life_days", values["half_life_days"], 1e-6, 1e6)
        self._forgetting = Forgetting(self._half_life_days)
        self._detects = truth("detect_changes", values["detect_changes"])
        self._detector: Detector | None = None
        self._allocate(len(self.arms))

    @abstractmethod
    def _observe(self, arm: int, x: Vector, reward: float, weight: float, propensity: float | None) -> None:
        """Learn a new decision's reward, which counts ``weight`` ≥ 0 of one."""

    @abstractmethod
    def _correct(self, arm: int, x: Vector, difference: float, weight: float, propensity: float | None) -> None:
        """Learn that a decision's reward is by ``difference`` more than was learned."""

    @abstractmethod
    def _residual(self, arm: int, x: Vector, reward: float) -> float:
        """Reward less what is expected, in units of √(1 + variance of the expected / variance of the noise)."""

    def _allocate(self, arms: int) -> None:
        self._detector = Detector(arms, 1e-3 * self._span) if self._detects else None

    def _learn(self, event: Event) -> None:
        arm, x, reward, previous, at_ms, propensity, _, _ = event
        weight = 1.0 if at_ms is None else self._weight(arm, at_ms)
        if previous is not None:
            self._correct(arm, x, reward - previous, weight, propensity)
            return
        if self._detector is not None and self._detector.alarms(arm, self._residual(arm, x, reward), at_ms or 0.0):
            for array in self._sums().values():
                array[arm] *= KEEP
            self._derive()
        self._observe(arm, x, reward, weight, propensity)

    def _weight(self, arm: int, at_ms: float) -> float:
        """Age all that was learned to ``at_ms``, if that is later than all before; the weight of an event of then."""
        self._age(self._forgetting.advance(at_ms))
        weight = self._forgetting.weight(at_ms)
        if self._detector is not None and at_ms < self._detector.changed_ms.item(arm):
            weight *= KEEP
        return weight

    def _age(self, factor: float) -> None:
        if factor != 1.0:
            for array in self._sums().values():
                np.multiply(array, factor, out=array)
            self._derive()

    def _tracks(self) -> Arrays:
        if self._detector is None:
            return {}
        return {"tracks": self._detector.tracks, "changed_ms": self._detector.changed_ms}

    def _shaping(self) -> Mapping[str, Any]:
        return {"half_life_days": self._half_life_days, "detect_changes": self._detects}

    def _reward(self, name: str, value: object) -> float:
        return number(name, value, self._reward_low, self._reward_high)


def strongest(names: Sequence[str], contributions: Sequence[float], most: int = 5) -> tuple[tuple[str, float], ...]:
    """The features that weigh most, the heaviest first, without those that weigh nothing."""
    order = sorted(range(len(names)), key=lambda i: -math.fabs(contributions[i]))[:most]
    return tuple((names[i], contributions[i]) for i in order if contributions[i])
