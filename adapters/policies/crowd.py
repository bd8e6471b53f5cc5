"""Sums per member and arm, of a bounded number of members: those least lately heard of make room for new ones."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from itertools import islice

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
Cube = NDArray[np.float64]

FIRST_ROOM = 16


class Crowd:
    """At most ``most`` ≥ 1 members, each with a float64 matrix (arms, width) of sums, and perhaps the name of a group.

    Who is kept depends on the order in which members were heard of, as a log tells it, and on nothing else.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._slots: OrderedDict[str, int] = OrderedDict()  # by the time that they were last heard of
        self._group_of: dict[str, str | None] = {}
        self._sums: Cube = np.zeros((min(FIRST_ROOM, most), 0, 0))

    def __len__(self) -> int:
        return len(self._slots)

    def get(self, name: str) -> Matrix | None:
        """The member's sums (a view), None for one that is not here."""
        slot = self._slots.get(name)
        return None if slot is None else self._sums[slot]

    def heard(self, name: str, group: str | None = None) -> Matrix:
        """The member's sums (a view), now the last heard of and of that group; zeros for one that was not here."""
        self._group_of[name] = group
        slot = self._slots.get(name)
        if slot is None:
            slot = self._room()
            self._sums[slot] = 0.0
            self._slots[name] = slot
        else:
            self._slots.move_to_end(name)
        sums: Matrix = self._sums[slot]
        return sums

    def _room(self) -> int:
        count = len(self._slots)
        if count == self.most:
            name, slot = self._slots.popitem(last=False)
            del self._group_of[name]
            return slot
        if count == len(self._sums):
            grown = np.zeros((min(2 * count, self.most), *self._sums.shape[1:]))
            grown[:count] = self._sums
            self._sums = grown
        return count

    @property
    def members(self) -> list[tuple[str, str | None]]:
        """Names and groups, the least lately heard of first."""
        return [(name, self._group_of[name]) for name in self._slots]

    def latest(self, count: int) -> Cube:
        """A copy of the sums (members, arms, width) of the ``count`` last heard of, the very last at the end."""
        slots = list(islice(reversed(self._slots.values()), count))
        sums: Cube = self._sums.take(slots[::-1], axis=0)
        return sums

    @property
    def by_arm(self) -> Cube:
        """A view (arms, room, width) of all sums; what stands in free room is zero or nobody's."""
        return self._sums.swapaxes(0, 1)

    def packed(self) -> Cube:
        """A copy (arms, members, width), in the order of ``members``."""
        return self.latest(len(self._slots)).swapaxes(0, 1)

    def fill(self, members: Sequence[tuple[str, str | None]], by_arm: Cube) -> None:
        """Become what ``members`` and ``packed`` were of another."""
        self._slots = OrderedDict((name, slot) for slot, (name, _) in enumerate(members))
        self._group_of = dict(members)
        self._sums = np.zeros((max(min(FIRST_ROOM, self.most), len(members)), by_arm.shape[0], by_arm.shape[2]))
        self._sums[: len(members)] = by_arm.swapaxes(0, 1)

    def reshape(self, arms: int, width: int) -> None:
        """The same members, with sums of nothing, of ``arms`` arms and ``width`` columns."""
        self._sums = np.zeros((len(self._sums), arms, width))
