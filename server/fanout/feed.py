"""The order of one channel on one worker, as a pure state machine (DESIGN's law 3: trust no doorbell).

A feed delivers durable parcels strictly by offset. What comes too early is held back; what came already is dropped;
a gap that stays is read from the store by the shell (``server.fanout.hub``).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

from server.backplane.ports import Envelope
from server.fanout.parcel import Parcel
from server.wire.codec import Codec

# A gap this long means that the store has to be read anyway; holding more would only cost memory.
MAX_HELD_PARCELS = 256


class Peer(Protocol):
    """A subscriber's connection."""

    codec: Codec
    user_id: str
    is_staff: bool
    sees_all: bool

    def push(self, framed: bytes) -> None:
        """Queue bytes for the socket; never blocks, never raises."""


@dataclass(slots=True, eq=False)
class Subscription:
    """One peer in one channel. Until it is opened at an offset its parcels wait; those up to the offset are dropped.

    ``replaced`` is the peer's earlier subscription, which comes back if this one is given up before it is opened.
    """

    peer: Peer
    channel: str
    seen_offset: int = 0
    waiting: list[Parcel] | None = field(default_factory=list)
    replaced: Subscription | None = None

    def offer(self, parcel: Parcel) -> int:
        """Pass a parcel on to the peer if it is meant for it; the number of deliveries (0 or 1)."""
        envelope = parcel.envelope
        peer = self.peer
        if envelope.audience != "everyone" and not _is_for(envelope, peer):
            return 0
        if self.waiting is not None:
            self.waiting.append(parcel)
            return 0
        if envelope.offset:
            if envelope.offset <= self.seen_offset:
                return 0
            if envelope.offset > self.seen_offset + 1:
                self.waiting = [parcel]  # something was missed before the opening: the shell reads it and opens again
                return 0
            self.seen_offset = envelope.offset
        peer.push(parcel.framed(peer.codec, peer.sees_all))
        return 1

    def open(self, offset: int, missed: Iterable[Parcel] = ()) -> int:
        """Begin delivery after ``offset``: what was ``missed``, then what has come meanwhile; returns deliveries."""
        self.replaced = None
        parcels, self.waiting = [*missed, *(self.waiting or ())], None
        self.seen_offset = max(self.seen_offset, offset)
        return sum(self.offer(parcel) for parcel in parcels)

    def lags(self, feed: Feed) -> bool:
        """Whether the feed has already delivered something that this subscription has not seen."""
        return feed.next_offset is not None and self.seen_offset + 1 < feed.next_offset


def _is_for(envelope: Envelope, peer: Peer) -> bool:
    if envelope.audience == "staff":
        return peer.is_staff or (envelope.author == peer.user_id and peer.sees_all)
    return envelope.audience == "others" and envelope.author != peer.user_id


@dataclass(slots=True)
class Feed:
    """A channel with its subscribers. ``next_offset`` is None until the ledger has told where the channel stands."""

    channel: str
    next_offset: int | None = None
    subscriptions: dict[Peer, Subscription] = field(default_factory=dict)
    held: dict[int, Parcel] = field(default_factory=dict)

    def accept(self, parcel: Parcel) -> int:
        """Deliver what is due now; returns the number of deliveries."""
        offset = parcel.envelope.offset
        if offset == 0:
            return self._broadcast(parcel)
        if self.next_offset is None or offset > self.next_offset:
            if len(self.held) < MAX_HELD_PARCELS:
                self.held[offset] = parcel
            return 0
        if offset < self.next_offset:
            return 0
        self.next_offset += 1
        return self._broadcast(parcel) + self._drain()

    def prime(self, head_offset: int) -> int:
        """Tell a new feed the channel's last offset; later calls change nothing."""
        if self.next_offset is not None:
            return 0
        self.next_offset = head_offset + 1
        return self._drain()

    @property
    def has_gap(self) -> bool:
        """Whether something waits for an offset that has not come."""
        return self.next_offset is not None and bool(self.held)

    def _drain(self) -> int:
        delivered = 0
        assert self.next_offset is not None  # noqa: S101  (only called on a primed feed)
        for offset in [offset for offset in self.held if offset < self.next_offset]:
            del self.held[offset]
        while (parcel := self.held.pop(self.next_offset, None)) is not None:
            self.next_offset += 1
            delivered += self._broadcast(parcel)
        return delivered

    def _broadcast(self, parcel: Parcel) -> int:
        return sum(subscription.offer(parcel) for subscription in self.subscriptions.values())
