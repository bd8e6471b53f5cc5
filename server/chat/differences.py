"""What became of a channel's members, as differences: merged per user and gathered for a moment. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from server.wire.parts import Presence

GATHER_MS = 250.0
"""The protocol's own: changes of a channel gather for so long before they are pushed."""


class Told(NamedTuple):
    """Differences as they are told. Each user stands in at most one of the lists."""

    joined: list[Presence]
    left: list[Presence]
    changed: list[Presence]

    def __bool__(self) -> bool:
        return bool(self.joined or self.left or self.changed)


@dataclass(slots=True)
class _Moves:
    """A user's moves so far: whether they were there before the first, whether they are after the last."""

    was_there: bool
    is_there: bool
    last: Presence


class Differences:
    """Moves of one channel's members in the order in which they happened.

    To apply the result to the members that were there before the first move gives what applying each move gives:
    joined and left again is nothing, left and joined again is a change, and of changes the newest counts.
    """

    __slots__ = ("_moves",)

    def __init__(self) -> None:
        self._moves: dict[str, _Moves] = {}

    def joined(self, presence: Presence) -> None:
        """Who was away is there."""
        self._move(presence, was_there=False, is_there=True)

    def left(self, presence: Presence) -> None:
        """Who was there is away."""
        self._move(presence, was_there=True, is_there=False)

    def changed(self, presence: Presence) -> None:
        """Who is there looks different."""
        self._move(presence, was_there=True, is_there=True)

    def merge(self, joined: Iterable[Presence], left: Iterable[Presence], changed: Iterable[Presence]) -> None:
        """Later moves; each user stands in one of the lists at most."""
        for presence in joined:
            self.joined(presence)
        for presence in left:
            self.left(presence)
        for presence in changed:
            self.changed(presence)

    def told(self) -> Told:
        """What is left of it all."""
        told = Told([], [], [])
        for moves in self._moves.values():
            if moves.is_there:
                (told.changed if moves.was_there else told.joined).append(moves.last)
            elif moves.was_there:
                told.left.append(moves.last)
        return told

    def _move(self, presence: Presence, *, was_there: bool, is_there: bool) -> None:
        moves = self._moves.get(presence.user.id)
        if moves is None:
            self._moves[presence.user.id] = _Moves(was_there, is_there, presence)
        else:
            moves.is_there, moves.last = is_there, presence


class Gathering:
    """Differences by channel, each taken ``gather_ms`` after its channel's first. Times are monotonic."""

    def __init__(self, gather_ms: float = GATHER_MS) -> None:
        self._gather_ms = gather_ms
        self._waiting: dict[str, tuple[float, Differences]] = {}  # all wait equally long: the first is due first

    def of(self, channel: str, now_ms: float) -> Differences:
        """The channel's, to which moves are added."""
        found = self._waiting.get(channel)
        if found is None:
            found = self._waiting[channel] = (now_ms + self._gather_ms, Differences())
        return found[1]

    @property
    def due_ms(self) -> float | None:
        """When the next channel is due; None while nothing waits."""
        return next((due_ms for due_ms, _ in self._waiting.values()), None)

    def take(self, now_ms: float) -> list[tuple[str, Differences]]:
        """The channels that are due."""
        taken: list[tuple[str, Differences]] = []
        for channel, (due_ms, differences) in self._waiting.items():
            if due_ms > now_ms:
                break
            taken.append((channel, differences))
        for channel, _ in taken:
            del self._waiting[channel]
        return taken
