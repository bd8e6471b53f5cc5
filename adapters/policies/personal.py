"""LinUCB for all, with what each user and each segment was found to like beside it: population → segment → user.

Everybody's rewards make one LinUCB. What somebody's rewards were beyond its expectations tells a taste: an effect per
arm, shrunk towards the segment's and that towards none, the more the fewer the turns and the less people differ at all
(``shrinkage``), and carried over to like arms (``likeness``). For somebody new the population alone decides, so nobody
pays for a cold start; and a taste is followed, not explored, since a person has too few turns to be experimented on.

Tastes are functions of sums over events (``people``), as all that is learned here. The log's order decides two things:
where the variances are estimated anew, and who is dropped when there are too many.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Unpack

import numpy as np

from adapters.policies.base import MAX_NAME_CHARACTERS, Event, Vector
from adapters.policies.checks import number, short_name
from adapters.policies.codec import Arrays
from adapters.policies.contract import ArmExplanation
from adapters.policies.learner import Common, strongest
from adapters.policies.likeness import Traits, checked_traits, likeness, traits_of
from adapters.policies.linear import LARGE_BATCH
from adapters.policies.linucb import LinUCB
from adapters.policies.mixture import Mixture
from adapters.policies.people import People
from adapters.policies.shrinkage import Variances, mean_square


class Personal(LinUCB):
    """``make_policy("personal", …)``.

    ``traits``: per arm as many numbers in [0, 1] as any other has. ``sharing`` in [0, 0.99]: how much of a taste
    follows from traits, and so holds for like arms. ``taste`` in [1e-6, 1]: the first guess of how far people differ,
    as a standard deviation of their rewards, in parts of the rewards' range. ``users`` from 1 to 1e7: people
    remembered, the last heard of (2.5 kB each, in memory and in a snapshot, with 8 arms and 40 features). The rest as
    for LinUCB.
    """

    name = "personal"

    def __init__(
        self,
        arms: Sequence[str],
        dim: int,
        seed: int,
        *,
        traits: Mapping[str, Sequence[float]] | None = None,
        sharing: float = 0.5,
        taste: float = 0.05,
        users: float = 3_000,
        alpha: float = 0.25,
        settle: float | None = None,
        epsilon: float = 0.0,
        ridge: float = 1.0,
        **common: Unpack[Common],
    ) -> None:
        self._sharing = number("sharing", sharing, 0.0, 0.99)
        self._taste = number("taste", taste, 1e-6, 1.0)
        self._set_traits(traits_of(arms, traits))
        self._effects: list[tuple[str, Vector]] = []  # of those whom the next choice is for
        self._people = People(int(number("users", users, 1, 1e7)))
        super().__init__(arms, dim, seed, alpha=alpha, settle=settle, epsilon=epsilon, ridge=ridge, **common)
        # A range is four standard deviations of a reward; segments differ half as much as people.
        noise, between_users, between_segments = (self._span * np.array([0.25, self._taste, self._taste / 2.0])) ** 2
        self._people.expect(Variances(noise, between_users, between_segments))

    def _set_traits(self, traits: Sequence[Traits]) -> None:
        self._of_arms = checked_traits(traits)
        self._alike = likeness(self._of_arms, self._sharing)

    def _traits(self) -> Sequence[Traits]:
        return self._of_arms

    def _allocate(self, arms: int) -> None:
        super()._allocate(arms)
        self._squares = np.zeros(arms)
        self._people.reshape(arms, self.dim)

    # Choosing

    def _meet(self, user: str | None, segment: str | None) -> None:
        self._effects = []
        if user is None and segment is None:
            return
        # A residual is not all a taste while the population's own expectation is young.
        doubt = self.dim / np.maximum(self._count, 1.0)
        around = None
        if segment is not None:
            short_name("segment", segment, MAX_NAME_CHARACTERS)
            around = self._people.of_segment(segment, self._theta, self._alike, doubt)
            if around is not None:
                self._effects.append((f"segment {segment}", around))
        if user is not None:
            short_name("user", user, MAX_NAME_CHARACTERS)
            own = self._people.of_user(user, around, self._theta, self._alike, doubt)
            if own is not None:
                self._effects.append(("this user", own))

    def _score(self, x: Vector) -> None:
        super()._score(x)
        for _, effect in self._effects:
            np.add(self._exploit, effect, out=self._exploit)
            np.add(self._scores, effect, out=self._scores)

    def _explain(self, x: Vector, names: Sequence[str], mixture: Mixture) -> tuple[ArmExplanation, ...]:
        explained = super()._explain(x, names, mixture)
        labels = [*names, *(label for label, _ in self._effects)]
        rows = np.column_stack([self._theta * x, *(effect for _, effect in self._effects)]).tolist()
        return tuple(replace(one, features=strongest(labels, row)) for one, row in zip(explained, rows, strict=True))

    # Learning

    def _learn(self, event: Event) -> None:
        super()._learn(event)
        self._remember(event)

    def _learn_many(self, events: Sequence[Event]) -> None:
        super()._learn_many(events)
        if len(events) >= LARGE_BATCH and self._detector is None:  # else each went through _learn
            for event in events:
                self._remember(event)

    def _remember(self, event: Event) -> None:
        arm, x, reward, previous, at_ms, _, user, segment = event
        weight = 1.0 if at_ms is None else self._weight(arm, at_ms)
        if previous is not None:
            self._squares[arm] += weight * (reward**2 - previous**2)
            self._people.correct(arm, weight * (reward - previous), user, segment)
            return
        self._squares[arm] += weight * reward**2
        if self._people.hear(arm, x, reward, weight, user=user, segment=segment):
            square = mean_square(
                self._squares, b=self._b, theta=self._theta, gram=self._gram, inverse=self._inverse, count=self._count
            )
            self._people.look(square, self._theta)

    def _derive(self) -> None:
        super()._derive()
        self._people.recount()

    # States

    def _sums(self) -> Arrays:
        return {**super()._sums(), "squares": self._squares, **self._people.by_arm()}

    def _derived(self) -> Arrays:
        return {**super()._derived(), "variances": self._people.state}

    def _shaping(self) -> Mapping[str, Any]:
        own = {"sharing": self._sharing, "taste": self._taste, "users": self._people.users.most}
        return {**own, "traits": self._of_arms, **super()._shaping()}

    def _roster(self) -> Mapping[str, Any]:
        return self._people.roster()

    def _arrays(self) -> Arrays:
        return {**self._of_all(super()._arrays()), **self._people.packed()}

    def _shapes(self, header: Mapping[str, Any]) -> Mapping[str, tuple[int, ...]]:
        shapes = {name: array.shape for name, array in self._of_all(super()._arrays()).items()}
        return {**shapes, **self._people.shapes(header)}

    def _fill(self, header: Mapping[str, Any], arrays: Arrays) -> None:
        for name, array in self._of_all(super()._arrays()).items():
            np.copyto(array, arrays[name])
        self._people.fill(header, arrays)

    def _add(self, header: Mapping[str, Any], arrays: Arrays, factor: float) -> None:
        for name, array in self._of_all(self._sums()).items():
            np.add(array, factor * arrays[name], out=array)
        self._people.add(header, arrays, factor)

    def _of_all(self, arrays: Arrays) -> Arrays:
        """Those that are not of single people."""
        return {name: array for name, array in arrays.items() if name not in self._people.crowds}
