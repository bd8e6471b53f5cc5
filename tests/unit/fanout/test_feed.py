"""The order of one channel, whatever the doorbell does (DESIGN's law 3)."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.backplane.ports import Envelope
from server.fanout.feed import MAX_HELD_PARCELS, Feed, Subscription
from server.fanout.parcel import Parcel, message_envelope
from server.wire.codec import JSON, MSGPACK, Codec
from server.wire.frames import Message
from server.wire.framing import payload_of
from server.wire.parts import Turn, User


@dataclass(eq=False)
class FakePeer:
    """A subscriber that keeps what it gets."""

    user_id: str = "u"
    is_staff: bool = False
    sees_all: bool = False
    codec: Codec = JSON
    received: list[bytes] = field(default_factory=list)

    def push(self, framed: bytes) -> None:
        self.received.append(framed)

    def offsets(self) -> list[int]:
        return [msgspec.json.decode(payload_of(framed)[0])["offset"] for framed in self.received]


def message(offset: int, turn: Turn | None = None) -> Message:
    return Message(
        channel="conv:c",
        epoch="e",
        offset=offset,
        message_id=f"m{offset}",
        at_ms=0,
        sender=User("bot", "bot", "Bot"),
        text="hello",
        turn=turn,
    )


def parcel(offset: int) -> Parcel:
    return Parcel(message_envelope(message(offset)))


def subscribe(feed: Feed, peer: FakePeer, at: int | None = None) -> Subscription:
    subscription = feed.subscriptions[peer] = Subscription(peer, feed.channel)
    if at is not None:
        subscription.open(at)
        feed.prime(at)
    return subscription


@given(st.permutations(range(1, 12)), st.lists(st.integers(1, 11), max_size=10))
def test_any_order_with_repeats_becomes_the_order(order: list[int], repeats: list[int]) -> None:
    feed, peer = Feed("conv:c"), FakePeer()
    subscribe(feed, peer, at=0)
    for offset in [*order, *repeats]:
        feed.accept(parcel(offset))
    assert peer.offsets() == list(range(1, 12))
    assert not feed.has_gap


@given(st.lists(st.integers(1, 30), max_size=40), st.integers(0, 20))
def test_nothing_is_delivered_twice_or_before_its_predecessor(rung: list[int], at: int) -> None:
    feed, peer = Feed("conv:c"), FakePeer()
    subscribe(feed, peer, at=at)
    for offset in rung:
        feed.accept(parcel(offset))
    got = peer.offsets()
    assert got == list(range(at + 1, at + 1 + len(got)))


def test_a_gap_is_seen_until_it_is_filled() -> None:
    feed, peer = Feed("conv:c"), FakePeer()
    subscribe(feed, peer, at=4)
    feed.accept(parcel(7))
    assert feed.has_gap
    feed.accept(parcel(5))
    assert (peer.offsets(), feed.has_gap) == ([5], True)
    feed.accept(parcel(6))
    assert (peer.offsets(), feed.has_gap) == ([5, 6, 7], False)


def test_what_is_held_is_bounded() -> None:
    feed, peer = Feed("conv:c"), FakePeer()
    subscribe(feed, peer, at=0)
    for offset in range(2, MAX_HELD_PARCELS + 50):
        feed.accept(parcel(offset))
    assert len(feed.held) == MAX_HELD_PARCELS


def test_an_unprimed_feed_waits_for_the_ledger() -> None:
    feed, peer = Feed("conv:c"), FakePeer()
    subscription = subscribe(feed, peer)
    feed.accept(parcel(3))
    feed.accept(parcel(4))
    assert peer.received == []
    subscription.open(3)
    feed.prime(3)
    assert peer.offsets() == [4]


def test_parcels_between_join_and_open_come_after_the_answer() -> None:
    feed, early, late = Feed("conv:c"), FakePeer(), FakePeer()
    subscribe(feed, early, at=5)
    subscription = subscribe(feed, late)
    feed.accept(parcel(6))
    feed.accept(parcel(7))
    assert late.received == []
    subscription.open(6)
    assert late.offsets() == [7]


def test_a_subscription_that_read_less_than_the_feed_knows_lags_and_is_caught_up() -> None:
    feed, first, second = Feed("conv:c"), FakePeer(), FakePeer()
    one, two = subscribe(feed, first), subscribe(feed, second)
    one.open(10)
    feed.prime(10)
    two.open(9)
    feed.prime(9)
    assert two.lags(feed)
    feed.accept(parcel(11))
    assert (first.offsets(), second.offsets()) == ([11], [])
    two.open(9, [parcel(10), parcel(11)])
    assert second.offsets() == [10, 11]
    assert not two.lags(feed)


def test_an_event_goes_out_at_once_and_has_no_place_in_the_order() -> None:
    feed, peer = Feed("conv:c"), FakePeer()
    subscribe(feed, peer, at=3)
    feed.accept(Parcel(Envelope("conv:c", 0, b'{"offset":0}')))
    assert peer.offsets() == [0]
    assert feed.next_offset == 4


@pytest.mark.parametrize(
    ("peer", "hears"),
    [
        (FakePeer(user_id="agent", is_staff=True, sees_all=True), True),
        (FakePeer(user_id="author", sees_all=True), True),
        (FakePeer(user_id="author"), False),
        (FakePeer(user_id="other", sees_all=True), False),
    ],
)
def test_staff_events_reach_staff_and_the_author_who_may_see(peer: FakePeer, hears: bool) -> None:
    feed = Feed("conv:c")
    subscribe(feed, peer, at=0)
    feed.accept(Parcel(Envelope("conv:c", 0, b"{}", audience="staff", author="author")))
    assert bool(peer.received) is hears


class TestParcel:
    turn = Turn(decision_id="d", persona="warm", policy="linucb", version=3, propensity=0.5)

    def test_it_is_made_once_per_encoding_and_view(self) -> None:
        made = Parcel(message_envelope(message(1, self.turn)))
        forms = [made.framed(codec, view) for codec in (JSON, MSGPACK) for view in (True, False)]
        assert len({bytes(form) for form in forms}) == 4
        again = [made.framed(codec, view) for codec in (JSON, MSGPACK) for view in (True, False)]
        assert all(one is two for one, two in zip(forms, again, strict=True))

    def test_customers_see_the_persona_and_no_more(self) -> None:
        made = Parcel(message_envelope(message(1, self.turn)))
        plain = msgspec.json.decode(payload_of(made.framed(JSON, False))[0])
        assert plain["turn"] == {"decision_id": "d", "persona": "warm"}
        whole = msgspec.msgpack.decode(payload_of(made.framed(MSGPACK, True))[0])
        assert whole["turn"]["policy"] == "linucb"

    def test_without_a_turn_the_views_share_their_bytes(self) -> None:
        made = parcel(1)
        assert made.framed(JSON, True) is made.framed(JSON, False)
