"""What is remembered of users and segments: three sums per person and arm, and how far people differ at all.

Count, Σ r and Σ x: the sum of what rewards were beyond the population's expectation is ``Σ r − θ·Σ x`` with the θ of
now. So what is known of a person is a function of sums over events, and no expectation of an earlier day stays in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from adapters.policies.codec import Arrays
from adapters.policies.crowd import Crowd, Cube, Matrix
from adapters.policies.shrinkage import (
    LEAST_NOISE,
    Variances,
    Vector,
    between_segments,
    posterior_mean,
    within_people,
)

LOOK_EVERY = 64  # events of somebody between two looks at the variances, which take 0.2 ms
LOOKED_AT = 512  # people last heard of, who say how far tastes differ
MOST_SEGMENTS = 256
_COUNT, _TOTAL, _CONTEXTS = 0, 1, 2  # columns of a person's sums; a segment's last one is Σ n² over its people

Members = list[tuple[str, str | None]]


class People:
    """Users and segments. ``most`` users are kept. ``reshape`` and ``expect`` come before anything else."""

    def __init__(self, most: int) -> None:
        self.crowds = {"users": Crowd(most), "segments": Crowd(MOST_SEGMENTS)}
        self.users, self.segments = self.crowds["users"], self.crowds["segments"]
        self.state = np.zeros(4)  # the variances, and the events since they were looked at

    def expect(self, first: Variances) -> None:
        """How far people are guessed to differ before any has shown it."""
        self._first = first
        self.state[:3] = first.noise, first.users, first.segments

    def reshape(self, arms: int, dim: int) -> None:
        """The same people, of whom nothing is known."""
        self._x = slice(_CONTEXTS, _CONTEXTS + dim)
        self.users.reshape(arms, _CONTEXTS + dim)
        self.segments.reshape(arms, _CONTEXTS + dim + 1)

    @property
    def variances(self) -> Variances:
        """As estimated at the last look."""
        noise, users, segments, _ = self.state.tolist()
        return Variances(noise, users, segments)

    # Learning

    def hear(self, arm: int, x: Vector, reward: float, weight: float, *, user: str | None, segment: str | None) -> bool:
        """A turn of somebody; whether it is time to ``look``."""
        if user is None and segment is None:
            return False
        before = 0.0
        if user is not None:
            sums = self.users.heard(user, segment)[arm]
            before = sums.item(_COUNT)
            self._add(sums, x, reward, weight)
        if segment is not None:
            sums = self.segments.heard(segment)[arm]
            self._add(sums, x, reward, weight)
            sums[-1] += (2.0 * before + weight) * weight
        self.state[3] += 1.0
        return bool(self.state[3] >= LOOK_EVERY)

    def _add(self, sums: Vector, x: Vector, reward: float, weight: float) -> None:
        sums[_COUNT] += weight
        sums[_TOTAL] += weight * reward
        sums[self._x] += weight * x

    def correct(self, arm: int, difference: float, user: str | None, segment: str | None) -> None:
        """A turn's reward, times its weight, became more by ``difference``; of those who have made room nothing is
        left to correct."""
        for crowd, name in ((self.users, user), (self.segments, segment)):
            sums = None if name is None else crowd.get(name)
            if sums is not None:
                sums[arm, _TOTAL] += difference

    def look(self, square: float | None, theta: Matrix) -> None:
        """Estimate the variances anew. ``square``: ``mean_square`` of all rewards, ``theta`` the population's."""
        self.state[3] = 0.0
        if square is None:
            return
        first = self._first
        counts, totals = self._residuals_of(self.users.latest(LOOKED_AT), theta)
        effect = min(within_people(counts, totals, square, first.users + first.segments), square)
        segments = self.segments.latest(MOST_SEGMENTS)
        counts, totals = self._residuals_of(segments, theta)
        guess = min(first.segments, effect)
        of_segments = between_segments(counts, totals, segments[:, :, -1], square=square, effect=effect, first=guess)
        noise = max(square - effect, LEAST_NOISE * first.noise, 0.1 * square)
        self.state[:3] = noise, effect - of_segments, of_segments

    def _residuals_of(self, sums: Cube, theta: Matrix) -> tuple[Matrix, Matrix]:
        expected = np.einsum("uad,ad->ua", sums[:, :, self._x], theta)
        return sums[:, :, _COUNT], sums[:, :, _TOTAL] - expected

    # Tastes

    def of_segment(self, name: str, theta: Matrix, alike: Matrix, doubt: Vector) -> Vector | None:
        """Effects per arm (arms,), None of a segment that is not known. ``alike``: G (arms, arms). ``doubt`` (arms,):
        variance of what the population expects, in parts of a reward's."""
        sums = self.segments.get(name)
        if sums is None:
            return None
        noise, users, segments, _ = self.state.tolist()
        counts = sums[:, _COUNT]
        crowding = sums[:, -1] / np.maximum(counts, 1e-9)  # how many of its person's turns stand beside a turn
        errors = noise * (1.0 + counts * doubt) + users * crowding
        return posterior_mean(segments * alike, counts, self._residuals(sums, theta), errors)

    def of_user(self, name: str, around: Vector | None, theta: Matrix, alike: Matrix, doubt: Vector) -> Vector | None:
        """Likewise, beyond the segment's effects ``around``."""
        sums = self.users.get(name)
        if sums is None:
            return None
        noise, users, _, _ = self.state.tolist()
        counts, totals = sums[:, _COUNT], self._residuals(sums, theta)
        if around is not None:
            totals -= counts * around
        return posterior_mean(users * alike, counts, totals, noise * (1.0 + counts * doubt))

    def _residuals(self, sums: Matrix, theta: Matrix) -> Vector:
        """Per arm the sum of what rewards were beyond the population's expectation."""
        left: Vector = sums[:, _TOTAL] - np.vecdot(sums[:, self._x], theta)
        return left

    # States

    def by_arm(self) -> Arrays:
        """All sums, arms first, as views."""
        return {name: crowd.by_arm for name, crowd in self.crowds.items()}

    def roster(self) -> dict[str, Members]:
        """Whom ``packed`` tells of, in its order."""
        return {name: crowd.members for name, crowd in self.crowds.items()}

    def packed(self) -> Arrays:
        """Copies of all sums, arms first; nothing of a crowd without members."""
        return {name: crowd.packed() for name, crowd in self.crowds.items() if len(crowd)}

    def shapes(self, header: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
        """Of ``packed`` with the roster in ``header``; ``ValueError`` for a roster that can't be."""
        shapes: dict[str, tuple[int, ...]] = {}
        for name, crowd in self.crowds.items():
            members = checked_members(name, header.get(name), crowd.most)
            arms, _, width = crowd.by_arm.shape
            if members:
                shapes[name] = (arms, len(members), width)
        return shapes

    def fill(self, header: Mapping[str, Any], arrays: Arrays) -> None:
        """Become what a checked state tells."""
        for name, crowd in self.crowds.items():
            arms, _, width = crowd.by_arm.shape
            members = checked_members(name, header[name], crowd.most)
            crowd.fill(members, arrays.get(name, np.zeros((arms, 0, width))))

    def add(self, header: Mapping[str, Any], arrays: Arrays, factor: float) -> None:
        """Add ``factor`` times a checked state's sums; ``recount`` when all are added."""
        for name, crowd in self.crowds.items():
            for index, (member, group) in enumerate(checked_members(name, header[name], crowd.most)):
                crowd.heard(member, group)[:] += factor * arrays[name][:, index]

    def recount(self) -> None:
        """Make Σ n² over each segment's people anew, from those that are remembered."""
        self.segments.by_arm[:, :, -1] = 0.0
        counts = self.users.packed()[:, :, _COUNT].T
        for (_, segment), of_user in zip(self.users.members, counts, strict=True):
            sums = None if segment is None else self.segments.get(segment)
            if sums is not None:
                sums[:, -1] += of_user**2


def checked_members(name: str, members: object, most: int) -> Members:
    """The members that a state's header tells of; ``ValueError`` where it can't be."""
    try:
        pairs = [(member, group) for member, group in members]  # type: ignore[attr-defined]
        are_names = all(isinstance(one, str) and isinstance(group, str | None) for one, group in pairs)
        if are_names and len(dict(pairs)) == len(pairs) <= most:
            return pairs
    except (TypeError, ValueError):
        pass
    raise ValueError(f"the policy state's list of {name} is malformed. Replay the reward log instead.")
