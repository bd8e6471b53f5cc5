"""The order of one channel on one worker, as a pure state machine (DESIGN's law 3: trust no doorbell).

A feed delivers durable parcels strictly by offset. What comes too early is held back; what came already is dropped;
a gap that stays is read from the store by the shell (``server.fanout.hub``).

Nearly every subscriber is *in step*: it has been given exactly what the feed has given out. Those share one place in
the order, the feed's, and one run of bytes per encoding and view, so that a delivery is one call. What is due is dealt
in rounds: all of it joined, to everybody in turn, a part of them at a time where there are many.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from server.backplane.ports import Envelope
from server.fanout.parcel import Parcel
from server.wire.codec import Codec

# A gap this long means that the store has to be read anyway; holding more would only cost memory.
MAX_HELD_PARCELS = 256
# While the ledger can't be read, a subscription does not wait with more: messages are read from it afterwards, and what
# is not durable would be stale.
MAX_WAITING_PARCELS = 256
# With more subscribers than these a feed deals in parts, so that one large room does not stop the loop for the others.
PROMPT_SUBSCRIBERS = 64
# What is joined for one write. More would only be copied: the writes of one loop tick leave together all the same.
MAX_JOINED_BYTES = 1_000_000


class Peer(Protocol):
    """A subscriber's connection."""

    codec: Codec
    session_id: str
    user_id: str
    is_staff: bool
    is_agent: bool
    sees_all: bool

    def push(self, framed: bytes) -> None:
        """Queue bytes for the socket, one or more framed messages; never blocks, never raises."""


View = tuple[Codec, bool]
"""An encoding, and whether its readers see how the bot decides."""


class Subscription:
    """One peer in one channel. Until it is opened at an offset its parcels wait; those up to the offset are dropped.

    ``replaced`` is the peer's earlier subscription, which comes back if this one is given up before it is opened.
    """

    __slots__ = ("_seen_offset", "feed", "peer", "replaced", "waiting")

    def __init__(self, peer: Peer, feed: Feed, replaced: Subscription | None = None) -> None:
        self.peer = peer
        self.feed = feed
        self.replaced = replaced
        self.waiting: list[Parcel] | None = []
        self._seen_offset: int | None = 0  # None: in step, the feed knows

    @property
    def channel(self) -> str:
        return self.feed.channel

    @property
    def in_step(self) -> bool:
        """Whether it has seen exactly what the feed has given out, and is open."""
        return self._seen_offset is None

    @property
    def seen_offset(self) -> int:
        """The last durable message that was passed on to the peer, or that it had before."""
        return self.feed.last_offset if self._seen_offset is None else self._seen_offset

    def offer(self, parcel: Parcel) -> int:
        """Pass a parcel on to a peer that is not in step, if it is meant for it; the number of deliveries (0 or 1)."""
        envelope, peer = parcel.envelope, self.peer
        if self.waiting is not None:
            if len(self.waiting) < MAX_WAITING_PARCELS:
                self.waiting.append(parcel)
            return 0
        if envelope.offset:
            if envelope.offset <= self.seen_offset:
                return 0
            if envelope.offset > self.seen_offset + 1:
                self.waiting = [parcel]  # something was missed before the opening: the shell reads it and opens again
                return 0
            self._seen_offset = envelope.offset
        if not is_for(envelope, peer):
            return 0
        peer.push(parcel.framed(peer.codec, peer.sees_all))
        return 1

    def open(self, offset: int, missed: Iterable[Parcel] = ()) -> int:
        """Begin delivery after ``offset``: what was ``missed``, then what has come meanwhile; returns deliveries."""
        delivered = self.feed.settle()
        self.freeze()
        self.replaced = None
        parcels, self.waiting = [*missed, *(self.waiting or ())], None
        self._seen_offset = max(self.seen_offset, offset)
        delivered += sum(self.offer(parcel) for parcel in parcels)
        self.fall_in()
        return delivered

    def freeze(self) -> None:
        """Keep an own place in the order from here on."""
        self._seen_offset = self.seen_offset

    def fall_in(self) -> None:
        """Share the feed's place in the order if it is the same."""
        feed = self.feed
        if self.waiting is None and feed.next_offset is not None and self._seen_offset == feed.last_offset:
            self._seen_offset = None
            feed.regroup()

    def lags(self, feed: Feed) -> bool:
        """Whether the feed has already delivered something that this subscription has not seen."""
        return feed.next_offset is not None and self.seen_offset + 1 < feed.next_offset


def is_for(envelope: Envelope, peer: Peer) -> bool:
    """Whether a peer is among an envelope's audience."""
    if envelope.audience == "everyone":
        return True
    if envelope.audience == "staff":
        return peer.is_staff or (envelope.author == peer.user_id and peer.sees_all)
    if envelope.audience == "agents":
        return peer.is_agent
    return envelope.audience == "others" and envelope.author not in (peer.user_id, peer.session_id)


class Feed:
    """A channel with its subscribers. ``next_offset`` is None until the ledger has told where the channel stands."""

    __slots__ = ("_due", "_ranks", "_round", "channel", "held", "next_offset", "subscriptions")

    def __init__(self, channel: str) -> None:
        self.channel = channel
        self.next_offset: int | None = None
        self.subscriptions: dict[Peer, Subscription] = {}
        self.held: dict[int, Parcel] = {}
        self._due: list[Parcel] = []
        self._round: _Round | None = None
        self._ranks: _Ranks | None = None

    # ------------------------------------------------------------------ who

    def join(self, peer: Peer) -> Subscription:
        """A new subscription for ``peer``, which waits until it is opened; an earlier one stands back."""
        self.settle()
        earlier = self.subscriptions.get(peer)
        if earlier is not None:
            earlier.freeze()
        joined = self.subscriptions[peer] = Subscription(peer, self, earlier)
        self.regroup()
        return joined

    def restore(self, earlier: Subscription) -> None:
        """Let a subscription that stood back take its place again; it may lag."""
        self.settle()
        self.subscriptions[earlier.peer] = earlier
        earlier.fall_in()
        self.regroup()

    def leave(self, peer: Peer) -> None:
        """End the peer's subscription; unknown ones are ignored."""
        self.settle()
        self.subscriptions.pop(peer, None)
        self.regroup()

    def regroup(self) -> None:
        """Who is in step has changed."""
        self._ranks = None

    # ------------------------------------------------------------------ what

    def accept(self, parcel: Parcel) -> int:
        """Deliver what is due now, or begin to where there are many subscribers; returns the deliveries made."""
        offset = parcel.envelope.offset
        if offset:
            if self.next_offset is None or offset > self.next_offset:
                if len(self.held) < MAX_HELD_PARCELS:
                    self.held[offset] = parcel
                return 0
            if offset < self.next_offset:
                return 0
            self.next_offset += 1
        self._due.append(parcel)
        self._release()
        return self._deal()

    def prime(self, head_offset: int) -> int:
        """Tell a new feed the channel's last offset; later calls change nothing."""
        if self.next_offset is not None:
            return 0
        self.next_offset = head_offset + 1
        for subscription in self.subscriptions.values():
            subscription.fall_in()
        self._release()
        return self._deal()

    @property
    def last_offset(self) -> int:
        """The last durable message given out; 0 while the ledger has not told."""
        return 0 if self.next_offset is None else self.next_offset - 1

    @property
    def has_gap(self) -> bool:
        """Whether something waits for an offset that has not come."""
        return self.next_offset is not None and bool(self.held)

    def _release(self) -> None:
        """Make due what was held for the offsets that have come."""
        if not self.held or self.next_offset is None:
            return
        for offset in [offset for offset in self.held if offset < self.next_offset]:
            del self.held[offset]
        while (parcel := self.held.pop(self.next_offset, None)) is not None:
            self.next_offset += 1
            self._due.append(parcel)

    # ------------------------------------------------------------------ dealing

    @property
    def is_dealing(self) -> bool:
        """Whether something is due that not everybody has been given yet."""
        return self._round is not None or bool(self._due)

    def deal(self, most: int) -> int:
        """Go on dealing, to at most ``most`` of those in step; returns deliveries."""
        delivered = 0
        while most > 0 and self.is_dealing:
            if self._round is None:
                delivered += self._begin()
            assert self._round is not None  # noqa: S101
            peers, deliveries = self._round.go_on(most)
            most, delivered = most - peers, delivered + deliveries
            if self._round.is_over:
                self._round = None
        return delivered

    def settle(self) -> int:
        """Give everybody what is due; returns deliveries. Comes before every change of who is subscribed."""
        delivered = 0
        while self.is_dealing:
            delivered += self.deal(len(self.subscriptions) + 1)
        return delivered

    def _deal(self) -> int:
        return self.settle() if len(self.subscriptions) <= PROMPT_SUBSCRIBERS else 0

    def _begin(self) -> int:
        """Start the next round, and give those that are not in step theirs at once; returns the deliveries to them."""
        parcels = self._next_parcels()
        if self._ranks is None:
            self._ranks = _Ranks(self.subscriptions.values())
        self._round = _Round(parcels, self._ranks)
        delivered = 0
        for subscription in self._ranks.others:
            delivered += sum(subscription.offer(parcel) for parcel in parcels)
            subscription.fall_in()
        return delivered

    def _next_parcels(self) -> list[Parcel]:
        """What is due, as far as it is for everyone and not too large to join; what is for some goes alone."""
        due = self._due
        size_bytes, count = 0, 0
        for parcel in due:
            size_bytes += len(parcel.envelope.body)
            if count and (size_bytes > MAX_JOINED_BYTES or parcel.envelope.audience != "everyone"):
                break
            count += 1
            if parcel.envelope.audience != "everyone":
                break
        self._due = due[count:]
        return due[:count]


class _Ranks:
    """Who is in step, by view, and who is not."""

    __slots__ = ("others", "peers")

    def __init__(self, subscriptions: Iterable[Subscription]) -> None:
        self.peers: dict[View, list[Peer]] = {}
        self.others: list[Subscription] = []
        for subscription in subscriptions:
            if subscription.in_step:
                peer = subscription.peer
                self.peers.setdefault((peer.codec, peer.sees_all), []).append(peer)
            else:
                self.others.append(subscription)


class _Round:
    """Some parcels on their way to everybody in step: per view the joined bytes, the peers, and how far it has come."""

    __slots__ = ("_at", "_count", "_hands")

    def __init__(self, parcels: list[Parcel], ranks: _Ranks) -> None:
        self._count = len(parcels)
        self._at = 0
        self._hands: list[tuple[bytes, list[Peer]]] = []
        envelope = parcels[0].envelope
        for (codec, sees_all), ranked in ranks.peers.items():
            peers = ranked if envelope.audience == "everyone" else [peer for peer in ranked if is_for(envelope, peer)]
            if peers:
                forms = [parcel.framed(codec, sees_all) for parcel in parcels]
                self._hands.append((forms[0] if len(forms) == 1 else b"".join(forms), peers))

    @property
    def is_over(self) -> bool:
        return not self._hands

    def go_on(self, most: int) -> tuple[int, int]:
        """Serve at most ``most`` peers; how many were, and the deliveries."""
        if not self._hands:
            return 0, 0
        data, peers = self._hands[-1]
        start, self._at = self._at, self._at + most
        if self._at >= len(peers):
            self._at = 0
            self._hands.pop()
        served = peers[start : start + most]
        for peer in served:
            peer.push(data)
        return len(served), len(served) * self._count
