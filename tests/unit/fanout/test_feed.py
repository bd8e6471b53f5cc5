"""The order of one channel, whatever the doorbell does (DESIGN's law 3)."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from server.backplane.ports import Envelope
from server.fanout import feed as feed_module
from server.fanout.feed import MAX_HELD_PARCELS, MAX_WAITING_PARCELS, PROMPT_SUBSCRIBERS, Feed, Subscription, is_for
from server.fanout.parcel import Parcel, message_envelope
from server.wire.codec import JSON, MSGPACK, Codec
from server.wire.frames import Message
from server.wire.framing import messages_of, payload_of
from server.wire.parts import Turn, User


@dataclass(eq=False)
class FakePeer:
    """A subscriber that keeps what it gets."""

    user_id: str = "u"
    is_staff: bool = False
    is_agent: bool = False
    sees_all: bool = False
    codec: Codec = JSON
    session_id: str = "s"
    received: list[bytes] = field(default_factory=list)

    def push(self, framed: bytes) -> None:
        self.received.append(framed)

    def offsets(self) -> list[int]:
        return [msgspec.json.decode(body)["offset"] for framed in self.received for body, _ in messages_of(framed)]


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
    subscription = feed.join(peer)
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


def test_a_subscription_that_waits_for_long_holds_little_and_is_caught_up() -> None:
    feed, early, late = Feed("conv:c"), FakePeer(), FakePeer()
    subscribe(feed, early, at=0)
    subscription = subscribe(feed, late)
    last = MAX_WAITING_PARCELS + 50
    for offset in range(1, last + 1):
        feed.accept(parcel(offset))
    assert subscription.waiting is not None
    assert len(subscription.waiting) == MAX_WAITING_PARCELS
    subscription.open(0)
    assert subscription.lags(feed)
    missed = [parcel(offset) for offset in range(subscription.seen_offset + 1, last + 1)]
    subscription.open(subscription.seen_offset, missed)
    assert late.offsets() == early.offsets() == list(range(1, last + 1))
    assert subscription.in_step


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


def test_word_for_agents_reaches_neither_customers_nor_services() -> None:
    feed = Feed("conv:c")
    agent = FakePeer(user_id="agent", is_staff=True, is_agent=True, sees_all=True)
    others = [FakePeer(user_id="shop", is_staff=True, sees_all=True), FakePeer(user_id="author", sees_all=True)]
    for peer in (agent, *others):
        subscribe(feed, peer, at=0)
    feed.accept(Parcel(Envelope("conv:c", 0, b"{}", audience="agents", author="author")))
    assert [len(peer.received) for peer in (agent, *others)] == [1, 0, 0]


class TestManySubscribers:
    """With more than ``PROMPT_SUBSCRIBERS`` a feed deals in parts."""

    def crowd(self, feed: Feed, count: int = PROMPT_SUBSCRIBERS + 36) -> list[FakePeer]:
        peers = [FakePeer(codec=(JSON, MSGPACK)[number % 2], sees_all=number % 3 == 0) for number in range(count)]
        for peer in peers:
            subscribe(feed, peer, at=0)
        return peers

    def test_nobody_is_served_before_their_turn_and_everybody_once(self) -> None:
        feed = Feed("conv:c")
        peers = self.crowd(feed)
        assert feed.accept(parcel(1)) == 0
        served = []
        while feed.is_dealing:
            served.append(feed.deal(30))
        assert served == [30, 30, 30, 10]
        assert all(len(peer.received) == 1 for peer in peers)

    def test_what_has_come_meanwhile_goes_out_together_in_the_next_round(self) -> None:
        feed = Feed("conv:c")
        peers = self.crowd(feed)
        feed.accept(parcel(1))
        feed.deal(10)
        for offset in (3, 2, 4):
            feed.accept(parcel(offset))
        assert feed.settle() == 4 * len(peers) - 10
        assert all(len(peer.received) == 2 for peer in peers)
        assert all(peer.offsets() == [1, 2, 3, 4] for peer in peers if peer.codec is JSON)

    def test_the_bytes_of_a_round_are_the_same_for_all_of_a_view(self) -> None:
        feed = Feed("conv:c")
        peers = self.crowd(feed)
        feed.accept(parcel(1))
        feed.accept(parcel(2))
        feed.settle()
        assert len({id(peer.received[0]) for peer in peers}) == 4

    def test_who_leaves_in_the_middle_of_a_round_has_had_it(self) -> None:
        feed = Feed("conv:c")
        peers = self.crowd(feed)
        feed.accept(parcel(1))
        feed.deal(10)
        feed.leave(peers[-1])
        assert len(peers[-1].received) == 1
        feed.accept(parcel(2))
        feed.settle()
        assert len(peers[-1].received) == 1
        assert len(peers[0].received) == 2

    def test_who_joins_in_the_middle_of_a_round_gets_what_comes_after_the_answer(self) -> None:
        feed, late = Feed("conv:c"), FakePeer()
        self.crowd(feed)
        feed.accept(parcel(1))
        feed.deal(10)
        subscription = feed.join(late)
        feed.accept(parcel(2))
        feed.accept(parcel(3))
        subscription.open(2)
        feed.settle()
        assert late.offsets() == [3]

    def test_who_is_opened_while_what_they_have_read_is_still_due_does_not_get_it_again(self) -> None:
        feed, late = Feed("conv:c"), FakePeer()
        self.crowd(feed)
        subscription = feed.join(late)
        feed.accept(parcel(1))
        subscription.open(1)
        feed.accept(parcel(2))
        feed.settle()
        assert late.offsets() == [2]

    def test_who_subscribes_again_while_something_is_due_loses_nothing_if_that_is_given_up(self) -> None:
        feed = Feed("conv:c")
        peers = self.crowd(feed)
        feed.accept(parcel(1))
        second = feed.join(peers[0])
        assert second.replaced is not None
        feed.restore(second.replaced)
        feed.accept(parcel(2))
        feed.settle()
        assert peers[0].received[0] != peers[0].received[1]
        assert len(peers[0].received) == len(peers[1].received) == 2

    def test_who_was_behind_and_is_caught_up_walks_in_step_again(self) -> None:
        feed, ahead = Feed("conv:c"), FakePeer()
        self.crowd(feed)
        subscription = feed.join(ahead)
        subscription.open(1)  # the ledger is ahead of the doorbell
        walked = [subscription.in_step]
        for offset in (1, 2):
            feed.accept(parcel(offset))
            feed.settle()
            walked.append(subscription.in_step)
        assert walked == [False, True, True]
        assert ahead.offsets() == [2]

    def test_a_word_for_some_keeps_its_place_between_messages_for_all(self) -> None:
        feed = Feed("conv:c")
        self.crowd(feed)
        agent, customer = FakePeer(user_id="agent", is_staff=True), FakePeer(user_id="customer")
        for peer in (agent, customer):
            subscribe(feed, peer, at=0)
        feed.accept(parcel(1))
        feed.accept(Parcel(Envelope("conv:c", 0, b'{"offset":-1}', audience="staff")))
        feed.accept(parcel(2))
        feed.accept(Parcel(Envelope("conv:c", 0, b'{"offset":-2}', audience="others", author="agent")))
        feed.settle()
        assert agent.offsets() == [1, -1, 2]
        assert customer.offsets() == [1, 2, -2]

    def test_a_large_backlog_is_not_joined_into_one_piece(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(feed_module, "MAX_JOINED_BYTES", 400)
        feed = Feed("conv:c")
        peers = self.crowd(feed)
        for offset in range(1, 9):
            feed.accept(parcel(offset))
        feed.settle()
        assert max(len(framed) for framed in peers[0].received) < 400
        assert len(peers[0].received) > 2
        assert peers[0].offsets() == list(range(1, 9))


class FeedMachine(RuleBasedStateMachine):
    """Peers come, go, lag and are caught up while messages come in any order and rounds are under way: each sees every
    message after the one it was opened at, once, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.feed = Feed("conv:c")
        self.feed.prime(0)
        self.stored = 0
        self.rung: list[int] = []
        self.opened: dict[FakePeer, int] = {}
        self.joined: dict[FakePeer, tuple[Subscription, int]] = {}
        for _ in range(PROMPT_SUBSCRIBERS):
            self.come()
            self.answer(0)

    @rule()
    def commit(self) -> None:
        self.stored += 1
        self.rung.append(self.stored)

    @rule(data=st.data())
    def ring(self, data: st.DataObject) -> None:
        if self.rung:
            offset = self.rung.pop(data.draw(st.integers(0, len(self.rung) - 1)))
            self.feed.accept(parcel(offset))

    @rule()
    def say(self) -> None:
        self.feed.accept(Parcel(Envelope("conv:c", 0, b'{"offset":0}')))

    @rule(most=st.integers(1, 80))
    def deal(self, most: int) -> None:
        self.feed.deal(most)

    @rule()
    def come(self) -> None:
        peer = FakePeer()
        self.joined[peer] = (self.feed.join(peer), self.stored)

    @rule(which=st.integers(0, 5))
    def answer(self, which: int) -> None:
        """The ledger is read at some time after the join: open at what it says, and catch up with what was missed."""
        if self.joined:
            peer = list(self.joined)[which % len(self.joined)]
            subscription, at_least = self.joined.pop(peer)
            offset = at_least if which % 2 else self.stored
            self.opened[peer] = offset
            subscription.open(offset)
            if subscription.lags(self.feed):
                subscription.open(offset, [parcel(missed) for missed in range(offset + 1, self.stored + 1)])

    @rule(which=st.integers(0, 90))
    def go(self, which: int) -> None:
        if self.opened:
            peer = list(self.opened)[which % len(self.opened)]
            self.feed.leave(peer)
            del self.opened[peer]
            self.check(peer, peer.offsets())

    @invariant()
    def everybody_is_in_order(self) -> None:
        for peer, offset in self.opened.items():
            got = [seen for seen in peer.offsets() if seen]
            assert got == list(range(offset + 1, offset + 1 + len(got)))

    def check(self, peer: FakePeer, offsets: list[int]) -> None:
        got = [seen for seen in offsets if seen]
        assert got == sorted(set(got))

    def teardown(self) -> None:
        while self.rung:
            self.feed.accept(parcel(self.rung.pop()))
        self.feed.settle()
        for peer, offset in self.opened.items():
            assert [seen for seen in peer.offsets() if seen] == list(range(offset + 1, self.stored + 1))


TestFeedMachine = FeedMachine.TestCase
TestFeedMachine.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


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


def test_others_are_all_but_the_author_or_the_one_connection() -> None:
    phone, laptop, friend = FakePeer("ann", session_id="s1"), FakePeer("ann", session_id="s2"), FakePeer("bob")
    user, device = (Envelope("c", 0, b"{}", audience="others", author=author) for author in ("ann", "s1"))
    assert [is_for(user, peer) for peer in (phone, laptop, friend)] == [False, False, True]
    assert [is_for(device, peer) for peer in (phone, laptop, friend)] == [False, True, True]
