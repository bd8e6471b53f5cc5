"""What one server has been asked to send, and what it has confirmed. PURE: no connection, no clock.

A server answers ``SUBSCRIBE a b`` and ``UNSUBSCRIBE a b`` with one confirmation per channel, in the order of the
commands, envelopes in between; a command that it refuses gets one error instead.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Set
from dataclasses import dataclass, field

from server.backplane.redis.command import Words

# Channels in one command: a command of ten thousands would hold up the server for everybody else.
CHUNK = 500


@dataclass(slots=True)
class _Asked:
    """A command whose answers are still to come."""

    subscribes: bool
    channels: deque[bytes]


@dataclass(slots=True)
class Interest:
    """Channels wanted, told and confirmed. ``sharded``: one command per channel, since each may be in another slot."""

    sharded: bool
    _wanted: set[bytes] = field(default_factory=set)
    _told: set[bytes] = field(default_factory=set)
    _changed: dict[bytes, None] = field(default_factory=dict)
    _asked: deque[_Asked] = field(default_factory=deque)
    _open: Counter[bytes] = field(default_factory=Counter)

    @property
    def wanted(self) -> Set[bytes]:
        """The channels that are to be heard."""
        return self._wanted

    def want(self, channel: bytes) -> None:
        """Hear a channel. Takes effect with ``changes``."""
        self._wanted.add(channel)
        self._mark(channel)

    def drop(self, channel: bytes) -> None:
        """Hear a channel no longer. Takes effect with ``changes``."""
        self._wanted.discard(channel)
        self._mark(channel)

    def restart(self) -> None:
        """A new connection: its server knows nothing yet."""
        self._told.clear()
        self._asked.clear()
        self._open.clear()
        self._changed = dict.fromkeys(self._wanted)

    def again(self) -> None:
        """Ask once more for what was refused or taken away."""
        self._changed.update(dict.fromkeys(self._wanted - self._told))

    def changes(self) -> list[Words]:
        """The commands that tell the server what has changed since the last call; send them in this order."""
        begin = [channel for channel in self._changed if channel in self._wanted]
        end = [channel for channel in self._changed if channel not in self._wanted]
        self._changed.clear()
        self._told.update(begin)
        self._told.difference_update(end)
        return [*self._commands(True, begin), *self._commands(False, end)]

    def confirmed(self, subscribes: bool, channel: bytes) -> bool:
        """Take a confirmation; False when nobody asked: the server has ended a subscription by itself."""
        head = self._asked[0] if self._asked else None
        if head is None or head.subscribes != subscribes or head.channels[0] != channel:
            self._forget(channel)
            return False
        head.channels.popleft()
        if not head.channels:
            self._asked.popleft()
        self._close(channel)
        return True

    def refused(self) -> list[bytes]:
        """Take an error: the channels that the oldest command was about. Those that are wanted wait for ``again``.

        What can't be ended counts as ended: its slot has moved, and the server has forgotten it.
        """
        if not self._asked:
            return []
        channels = list(self._asked.popleft().channels)
        for channel in channels:
            self._close(channel)
            self._forget(channel)
        return channels

    def is_settled(self, channel: bytes) -> bool:
        """Whether the server has confirmed that it sends a wanted channel, with nothing about it under way."""
        return channel in self._told and channel in self._wanted and channel not in self._open

    def _commands(self, subscribes: bool, channels: list[bytes]) -> Iterator[Words]:
        verb = ("S" if self.sharded else "") + ("SUBSCRIBE" if subscribes else "UNSUBSCRIBE")
        size = 1 if self.sharded else CHUNK
        for start in range(0, len(channels), size):
            chunk = channels[start : start + size]
            self._asked.append(_Asked(subscribes, deque(chunk)))
            self._open.update(chunk)
            yield (verb, *chunk)

    def _mark(self, channel: bytes) -> None:
        # What comes and goes while there is no server to tell must leave nothing behind.
        if (channel in self._wanted) == (channel in self._told):
            self._changed.pop(channel, None)
        else:
            self._changed[channel] = None

    def _forget(self, channel: bytes) -> None:
        """The server sends a channel no longer, unless a later command about it is still to be answered."""
        if channel not in self._open:
            self._told.discard(channel)
            if channel not in self._wanted:
                self._changed.pop(channel, None)

    def _close(self, channel: bytes) -> None:
        self._open[channel] -= 1
        if not self._open[channel]:
            del self._open[channel]
