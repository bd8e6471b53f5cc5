"""Membership taken away ends what it allowed: subscriptions, also those in the making, and the opener's repeat."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from server.backplane.memory import MemoryBackplane
from server.chat.connected import Connected
from server.chat.conversations import ConversationVerbs
from server.chat.peer import Caller, ChatPeer
from server.chat.quotas import Doorkeeper, Quotas
from server.chat.service import Chat
from server.clock import ManualClock
from server.errors import NotFound
from server.fanout.hub import Fanout
from server.session.machine import Session
from server.store.ports import Head, Opened, Opening, Store
from server.wire.codec import JSON
from server.wire.frames import Error, ServerFrame
from server.wire.parts import Conversation, User
from server.wire.requests import Open, Subscribe
from tests.unit.chat.loopback import loopback

CHANNEL = "conv:c"
VIEW = Conversation(CHANNEL, "bot", False, 0, 0, 0, 0)


@dataclass
class FakeStore:
    """One conversation and its members; ``while_reading`` runs in the middle of a subscribe."""

    members: set[str] = field(default_factory=set)
    while_reading: Any = None

    async def is_member(self, channel: str, user_id: str) -> bool:
        return user_id in self.members

    async def head(self, channel: str) -> Head:
        return Head("e", 0)

    async def receipts(self, channel: str, limit: int) -> list[Any]:
        return []

    async def conversation(self, channel: str, user_id: str) -> Conversation:
        if self.while_reading is not None:
            await self.while_reading()
        return VIEW

    async def open_conversation(self, opening: Opening) -> Opened:
        return Opened(VIEW, "e", duplicate=True)


class FakePeer:
    """A customer's connection that keeps its answers."""

    codec = JSON
    session_id = "s"
    is_staff = False
    is_agent = False
    sees_all = False

    def __init__(self, user_id: str) -> None:
        self.user_id = user_id
        self.caller = Caller(User(user_id, "customer", user_id))
        self.session = Session(0, 1_000)
        self.answers: list[ServerFrame] = []

    def answer(self, frame: ServerFrame) -> None:
        self.answers.append(frame)

    def push(self, framed: bytes) -> None:
        pass


@dataclass
class House:
    store: FakeStore
    fanout: Fanout
    connected: Connected
    chat: Chat

    def peer(self, user_id: str) -> ChatPeer:
        peer = cast(ChatPeer, FakePeer(user_id))
        self.store.members.add(user_id)
        self.connected.add(peer)
        return peer


@pytest.fixture
async def house() -> House:
    store, connected = FakeStore(), Connected()
    fanout = Fanout(cast(Any, store), MemoryBackplane(), lambda _: None)
    nothing = cast(Any, None)
    chat = Chat(
        store=cast(Store, store), fanout=fanout, connected=connected, messages=nothing, conversations=nothing,
        doorkeeper=nothing, accounts=nothing, presence=nothing, notices=nothing, verbs={}, snapshots={},
        clock=ManualClock(), explain=False, ping_interval_ms=1, max_message_bytes=1,
    )  # fmt: skip
    return House(store, fanout, connected, chat)


def subscribed(house: House) -> list[str]:
    return sorted(cast(FakePeer, peer).user_id for peer in house.fanout.subscribers(CHANNEL))


async def test_a_removed_member_hears_no_more_and_is_told(house: House) -> None:
    ann, bob = house.peer("ann"), house.peer("bob")
    for peer in (ann, bob):
        await house.chat.perform(peer, Subscribe(id=1, channel=CHANNEL))
    house.store.members.discard("bob")
    await house.chat.evict(CHANNEL, ["bob"])
    assert subscribed(house) == ["ann"]
    assert CHANNEL not in bob.session.channels
    told = cast(FakePeer, bob).answers[-1]
    assert isinstance(told, Error)
    assert (told.code, told.id) == (404, None)


async def test_a_removal_in_the_middle_of_a_subscribe_is_seen(house: House) -> None:
    bob = house.peer("bob")

    async def remove() -> None:
        house.store.members.discard("bob")
        await house.chat.evict(CHANNEL, ["bob"])

    house.store.while_reading = remove
    with pytest.raises(NotFound):
        await house.chat.perform(bob, Subscribe(id=1, channel=CHANNEL))
    assert subscribed(house) == []
    assert not bob.session.channels


async def test_who_was_added_again_stays(house: House) -> None:
    bob = house.peer("bob")
    await house.chat.perform(bob, Subscribe(id=1, channel=CHANNEL))
    await house.chat.evict(CHANNEL, ["bob"])
    assert subscribed(house) == ["bob"]


async def test_a_removal_that_nobody_heard_of_is_found(house: House) -> None:
    ann, bob = house.peer("ann"), house.peer("bob")
    for peer in (ann, bob):
        await house.chat.perform(peer, Subscribe(id=1, channel=CHANNEL))
    house.store.members.discard("ann")
    await house.chat.check_members()
    assert subscribed(house) == ["bob"]


async def test_a_removed_opener_learns_nothing_from_opening_again(house: House) -> None:
    verbs = ConversationVerbs(
        store=cast(Store, house.store), signals=loopback()[0], messages=cast(Any, None), reactions=cast(Any, None),
        members_changed=lambda *_: None, doorkeeper=Doorkeeper(cast(Any, None), Quotas(), ManualClock()),
        clock=ManualClock(), new_id=lambda: "id",
    )  # fmt: skip
    with pytest.raises(NotFound):
        await verbs.open(Caller(User("gone", "customer", "Gone")), Open(id=1, key="k"))
