"""People drawn from the customers of a file, and the truth about them that no policy is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

from adapters.simulation.customers import Customers, Matrix, taste
from adapters.traits import TRAIT_NAMES

Vector = NDArray[np.float64]
Index = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Person:
    """One customer.

    ``segment``: number in ``Customers.segments``. ``deviation``: their own liking of each trait, float64 (traits,).
    ``activity``: how often they come, relative to others. ``reacts``: chance that they react to an answer; 0 for the
    silent. ``delay_hours``: mean time until they do; 0: at once. ``drifts``: whether their taste changes.
    """

    id: str
    segment: int
    deviation: Vector
    activity: float
    reacts: float
    delay_hours: float
    drifts: bool


def draw_people(customers: Customers, rng: np.random.Generator) -> tuple[Person, ...]:
    """``customers.count`` people; the same generator state gives the same people."""
    shares = np.array([segment.share for segment in customers.segments])
    numbers = rng.choice(len(shares), size=customers.count, p=shares / shares.sum())
    return tuple(_person(customers, f"c{at}", int(number), rng) for at, number in enumerate(numbers))


def _person(customers: Customers, name: str, number: int, rng: np.random.Generator) -> Person:
    segment = customers.segments[number]
    # Drawn whether needed or not, so that a changed share changes nobody else.
    deviation, luck = rng.normal(size=len(TRAIT_NAMES)), rng.random(3)
    late = segment.delay is not None and luck[1] < segment.delay.share
    return Person(
        id=name,
        segment=number,
        deviation=segment.deviation * deviation,
        # A few come often and most of them now and then, as in any shop.
        activity=float(rng.lognormal(0.0, 1.0)),
        reacts=0.0 if luck[0] < segment.silent else segment.reacts,
        delay_hours=segment.delay.hours if late and segment.delay is not None else 0.0,
        drifts=bool(segment.drift is not None and luck[2] < segment.drift.share),
    )


@dataclass(frozen=True, eq=False)
class Truth:
    """What the people really like. ``traits``: of the arms, float64 (arms, traits) in [0, 1]."""

    customers: Customers
    people: Sequence[Person]
    traits: Matrix

    def worth(self, who: ArrayLike, contexts: ArrayLike, progress: ArrayLike) -> Matrix:
        """Expected rewards of every arm, float64 (n, arms) in [0, 1].

        ``who``: numbers of people (n,). ``contexts``: (n, features). ``progress``: how much of the simulated time has
        passed, in [0, 1], (n,). The log-odds of a reward are linear: ``base + Σ (2·trait − 1)·taste·x``.
        """
        of, x, moved = (
            np.asarray(who, dtype=np.int64),
            np.asarray(contexts, dtype=np.float64),
            self._moved(who, progress),
        )
        leanings = 2.0 * self.traits - 1.0
        utility = np.stack([x @ (leanings @ weights).T for weights in self._tastes])
        segments, rows = self._segments[of], np.arange(len(of))
        before, after = utility[segments, rows], utility[self._goals[segments], rows]
        own = self._deviations[of] @ leanings.T
        return np.asarray(expit(self.customers.base + before + moved[:, None] * (after - before) + own))

    def taste(self, who: int, progress: float = 0.0) -> Matrix:
        """One person's taste at a time, float64 (traits, features): everybody's, their segment's and their own."""
        segment, moved = self._segments[who], float(self._moved([who], [progress])[0])
        before, after = self._tastes[segment], self._tastes[self._goals[segment]]
        found = np.asarray(before + moved * (after - before))
        found[:, 0] += self._deviations[who]
        return found

    def _moved(self, who: ArrayLike, progress: ArrayLike) -> Vector:
        """How far a change of heart has gone, in [0, 1]."""
        of, time = np.asarray(who, dtype=np.int64), np.asarray(progress, dtype=np.float64)
        at, over = self._drift_times[self._segments[of]].T
        far = np.where(over > 0.0, (time - at) / np.maximum(over, 1e-9), time >= at)
        return np.asarray(np.where(self._drifts[of], np.clip(far, 0.0, 1.0), 0.0))

    @cached_property
    def _tastes(self) -> Matrix:
        everybody = taste(self.customers.likes)
        return np.stack([everybody + taste(segment.likes) for segment in self.customers.segments])

    @cached_property
    def _goals(self) -> Index:
        names = [segment.name for segment in self.customers.segments]
        goals = (segment.drift.to if segment.drift else segment.name for segment in self.customers.segments)
        return np.array([names.index(name) for name in goals])

    @cached_property
    def _drift_times(self) -> Matrix:
        drifts = (segment.drift for segment in self.customers.segments)
        return np.array([(drift.at, drift.over) if drift else (1.0, 0.0) for drift in drifts])

    @cached_property
    def _segments(self) -> Index:
        return np.array([person.segment for person in self.people])

    @cached_property
    def _deviations(self) -> Matrix:
        return np.stack([person.deviation for person in self.people])

    @cached_property
    def _drifts(self) -> NDArray[np.bool_]:
        return np.array([person.drifts for person in self.people])
