"""What a subscriber asks for, against a server that answers one command at a time, and may refuse or forget."""

from __future__ import annotations

from collections import deque

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from server.backplane.redis.command import Words
from server.backplane.redis.interest import CHUNK, Interest

CHANNELS = [f"c{number}".encode() for number in range(6)]


class Server:
    """Redis, as far as it matters here."""

    def __init__(self) -> None:
        self.subscribed: set[bytes] = set()
        self.inbox: deque[Words] = deque()
        self.outbox: deque[tuple[bool, bytes] | None] = deque()

    def serve_one(self) -> None:
        verb, *channels = self.inbox.popleft()
        subscribes = not str(verb).endswith("UNSUBSCRIBE")
        for channel in channels:
            assert isinstance(channel, bytes)
            (self.subscribed.add if subscribes else self.subscribed.discard)(channel)
            self.outbox.append((subscribes, channel))

    def refuse_one(self) -> None:
        """The slot is elsewhere."""
        _, *channels = self.inbox.popleft()
        self.subscribed.difference_update(channels)
        self.outbox.append(None)

    def forget(self, channel: bytes) -> None:
        """The slot has gone to another server."""
        self.subscribed.discard(channel)
        self.outbox.append((False, channel))


class Machine(RuleBasedStateMachine):
    @initialize(sharded=st.booleans())
    def begin(self, sharded: bool) -> None:
        self.interest = Interest(sharded)
        self.sharded = sharded
        self.server = Server()

    @rule(channel=st.sampled_from(CHANNELS))
    def want(self, channel: bytes) -> None:
        self.interest.want(channel)

    @rule(channel=st.sampled_from(CHANNELS))
    def drop(self, channel: bytes) -> None:
        self.interest.drop(channel)

    @rule()
    def send(self) -> None:
        self.server.inbox.extend(self.interest.changes())

    @precondition(lambda self: self.server.inbox)
    @rule()
    def serve(self) -> None:
        self.server.serve_one()

    @precondition(lambda self: self.server.inbox)
    @rule()
    def refuse(self) -> None:
        self.server.refuse_one()

    @precondition(lambda self: self.server.subscribed and not self.server.inbox)
    @rule(data=st.data())
    def forget(self, data: st.DataObject) -> None:
        self.server.forget(data.draw(st.sampled_from(sorted(self.server.subscribed))))

    @precondition(lambda self: self.server.outbox)
    @rule()
    def hear(self) -> None:
        answer = self.server.outbox.popleft()
        if answer is None:
            self.interest.refused()
        else:
            self.interest.confirmed(*answer)

    @rule()
    def reconnect(self) -> None:
        self.server = Server()
        self.interest.restart()

    @rule()
    def again(self) -> None:
        self.interest.again()

    @invariant()
    def what_is_settled_is_heard(self) -> None:
        if not hasattr(self, "interest"):
            return
        told_later = {channel for answer in self.server.outbox if answer for channel in answer[1:]}
        for channel in CHANNELS:
            if self.interest.is_settled(channel) and channel not in told_later:
                assert channel in self.server.subscribed
                assert all(channel not in words for words in self.server.inbox)

    def teardown(self) -> None:
        """Left alone, both agree in the end."""
        if not hasattr(self, "interest"):
            return
        for _ in range(3):
            self.interest.again()
            self.send()
            while self.server.inbox:
                self.serve()
            while self.server.outbox:
                self.hear()
        assert self.server.subscribed == self.interest.wanted
        assert all(self.interest.is_settled(channel) for channel in self.interest.wanted)


TestInterest = Machine.TestCase
TestInterest.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)


def test_what_changes_to_and_fro_before_it_is_sent_costs_no_command() -> None:
    interest = Interest(sharded=False)
    interest.want(b"a")
    interest.drop(b"a")
    assert interest.changes() == []


def test_channels_that_come_and_go_during_an_outage_leave_nothing_behind() -> None:
    interest = Interest(sharded=False)
    for number in range(100):
        interest.want(b"%d" % number)
        interest.drop(b"%d" % number)
    assert not interest._changed


def test_many_channels_share_commands() -> None:
    interest = Interest(sharded=False)
    for number in range(CHUNK + 1):
        interest.want(b"%d" % number)
    assert [len(words) for words in interest.changes()] == [CHUNK + 1, 2]


def test_shards_take_one_channel_per_command() -> None:
    interest = Interest(sharded=True)
    for channel in (b"a", b"b"):
        interest.want(channel)
    assert interest.changes() == [("SSUBSCRIBE", b"a"), ("SSUBSCRIBE", b"b")]


def test_a_subscription_is_settled_by_its_own_confirmation_only() -> None:
    interest = Interest(sharded=False)
    interest.want(b"a")
    interest.changes()
    interest.drop(b"a")
    interest.changes()
    interest.want(b"a")
    assert interest.changes() == [("SUBSCRIBE", b"a")]
    settled = []
    for subscribes in (True, False, True):
        assert interest.confirmed(subscribes, b"a")
        settled.append(interest.is_settled(b"a"))
    assert settled == [False, False, True]


@pytest.mark.parametrize("sharded", [False, True])
def test_an_end_that_nobody_asked_for_is_told(sharded: bool) -> None:
    interest = Interest(sharded)
    interest.want(b"a")
    interest.changes()
    assert interest.confirmed(True, b"a")
    assert not interest.confirmed(False, b"a")
    assert not interest.is_settled(b"a")
    assert interest.changes() == [], "not at once, or it would be refused for ever"
    interest.again()
    assert len(interest.changes()) == 1
