"""The order in which a client hears one conversation. Pure.

Messages are delivered by ``offset``, each once, without gaps: what is early is held back until what is missing has
been read with ``history`` (section 4 of the protocol: ``recovered`` false means that the client has to do so).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from parlance_client.frames import Message, Position


@dataclass(slots=True)
class Timeline:
    """``offset``: of the last message delivered. ``expected``: what the server has at least. ``anew``: nothing of it
    joins what was heard before."""

    epoch: str
    offset: int
    expected: int = 0
    anew: bool = False
    _early: dict[int, Message] = field(default_factory=dict)

    @property
    def position(self) -> Position:
        return Position(self.epoch, self.offset)

    @property
    def gap(self) -> bool:
        """Whether something has to be read before anything more can be delivered."""
        return self.offset < max(self.expected, max(self._early, default=0))

    def take(self, messages: Iterable[Message]) -> list[Message]:
        """Pushed, recovered or read ones, in any order; those that may be delivered now, ascending."""
        for message in messages:
            if message.epoch == self.epoch and message.offset > self.offset:
                self._early[message.offset] = message
        ready: list[Message] = []
        while self.offset + 1 in self._early:
            ready.append(self._early.pop(self.offset + 1))
            self.offset += 1
        return ready

    def answered(self, epoch: str, offset: int, recovered: bool) -> bool:
        """What ``subscribed`` or ``welcome`` say of it; False where this timeline has nothing in common with theirs."""
        if recovered:
            return True
        if epoch != self.epoch or offset < self.offset:
            return False
        self.expected = max(self.expected, offset)
        return True

    def start_after(self, offset: int) -> None:
        """Give up what lies before: the next one delivered is ``offset`` + 1."""
        self.offset = max(self.offset, offset)
        self._early = {place: message for place, message in self._early.items() if place > offset}
