"""The verbs ``presence`` and ``who``, and what subscribers are shown."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from server.backplane.ports import Envelope
from server.chat.onlookers import CROWD_MEMBERS
from server.chat.peer import Caller
from server.errors import Invalid, NotFound, Unavailable
from server.wire.codec import JSON
from server.wire.parts import MAX_PRESENCE_TEXT, MAX_SERVER_MESSAGE_BYTES, User
from server.wire.requests import SetPresence, Who
from tests.unit.chat.town import Node, Phone, Town, account, hang_up, set_status, who

CHANNEL = "conv:1"
SOON_MS = 400


@pytest.fixture
async def town() -> AsyncIterator[Town]:
    town = Town()
    town.people(CHANNEL, "alice", "bob")
    yield town
    await town.close()


@pytest.fixture
async def node(town: Town) -> Node:
    return await town.add_node()


@pytest.fixture
async def bob(town: Town, node: Node) -> Phone:
    bob = await node.watch("bob", CHANNEL)
    await town.go_on(SOON_MS)
    bob.news()
    return bob


# ---------------------------------------------------------------------- presence


async def test_another_status_or_text_is_a_change(town: Town, node: Node, bob: Phone) -> None:
    alice = await node.connect("alice")
    await town.go_on(SOON_MS)
    bob.news()
    await set_status(alice, "away", "at lunch, cafe\u0301")
    await town.go_on(SOON_MS)
    (push,) = bob.news()
    assert (set(push), push["joined"], push["left"]) == ({"type", "channel", "joined", "left", "changed"}, [], [])
    (shown,) = push["changed"]
    assert (shown["status"], shown["text"], shown["devices"]) == ("away", "at lunch, caf\u00e9", 1)
    await set_status(alice, "away", "at lunch, caf\u00e9")
    await town.go_on(SOON_MS)
    assert bob.news() == []
    for clearing in ("", None):
        await set_status(alice, "away", "again")
        await town.go_on(SOON_MS)
        await set_status(alice, "away", clearing)
        await town.go_on(SOON_MS)
        assert "text" not in bob.news()[-1]["changed"][0]
    assert town.store.known["alice"].status_text is None


async def test_changes_of_a_moment_are_one_and_the_newest_counts(town: Town, node: Node, bob: Phone) -> None:
    alice = await node.connect("alice")
    await town.go_on(SOON_MS)
    bob.news()
    await set_status(alice, "away")
    await set_status(alice, "busy")
    await town.go_on(100)
    await set_status(alice, "busy", "a call")
    await town.go_on(SOON_MS)
    (push,) = bob.news()
    assert [(shown["status"], shown["text"]) for shown in push["changed"]] == [("busy", "a call")]
    await set_status(alice, "away")
    await set_status(alice, "busy", "a call")
    await town.go_on(SOON_MS)
    assert bob.news() == []


@pytest.mark.parametrize("text", ["x" * (MAX_PRESENCE_TEXT + 1), "a\0b", "\u0958" * 101])
async def test_a_text_that_is_too_long_or_none_is_refused(node: Node, bob: Phone, text: str) -> None:
    """The third grows under NFC: what counts is the normal form."""
    with pytest.raises(Invalid, match="text"):
        await node.presence.set(bob.caller, SetPresence(id=1, status="online", text=text))
    await set_status(bob, "online", "x" * MAX_PRESENCE_TEXT)


async def test_a_status_holds_over_reconnects(town: Town, node: Node, bob: Phone) -> None:
    alice = await node.connect("alice")
    await set_status(alice, "busy", "in a call")
    await hang_up(alice)
    await town.go_on(6_000)
    bob.news()
    await node.connect("alice")
    await town.go_on(SOON_MS)
    (push,) = bob.news()
    assert [(shown["status"], shown["text"]) for shown in push["joined"]] == [("busy", "in a call")]


async def test_a_guest_who_says_how_they_are_is_remembered(town: Town, node: Node) -> None:
    guest = Caller(User("guest 1", "customer", "Guest"))
    await node.presence.set(guest, SetPresence(id=1, status="away"))
    assert town.store.known["guest 1"].status == "away"


# ---------------------------------------------------------------------- who


async def test_who_knows_a_device_at_once(node: Node, bob: Phone) -> None:
    await node.connect("alice")  # and no round has told the registry yet
    assert {user_id: shown["devices"] for user_id, shown in (await who(bob, CHANNEL)).items()} == {"alice": 1, "bob": 1}


async def test_who_lists_members_only_and_those_who_are_there(town: Town, node: Node, bob: Phone) -> None:
    town.store.known |= {"ann": account("ann", "agent")}
    ann = await node.connect("ann")
    await town.go_on(SOON_MS)
    assert set(await who(ann, CHANNEL)) == {"bob"}
    town.people(CHANNEL, "ann")
    assert list(await who(ann, CHANNEL)) == ["bob", "ann"]  # by the time they joined


async def test_a_foreign_conversation_is_not_found(town: Town, node: Node) -> None:
    town.store.known |= {"eve": account("eve"), "ann": account("ann", "agent")}
    eve, ann = await node.connect("eve"), await node.connect("ann")
    for phone, channel in ((eve, CHANNEL), (eve, "conv:none"), (eve, "system"), (ann, "conv:none"), (ann, "user:ann")):
        with pytest.raises(NotFound, match="no such channel"):
            await node.presence.who(phone.caller, Who(id=1, channel=channel))


async def test_who_says_when_it_can_not_know(node: Node, bob: Phone) -> None:
    node.registry.away = True
    with pytest.raises(Unavailable):
        await node.presence.who(bob.caller, Who(id=1, channel=CHANNEL))


async def test_a_crowd_fits_into_a_message(town: Town, node: Node, bob: Phone) -> None:
    names = [f"user {number:04}" for number in range(1_500)]
    town.people(CHANNEL, *names)
    for name in names:
        await node.connect(name)
        await town.store.set_status(name, "online", "\x01" * MAX_PRESENCE_TEXT)
    answer = await node.presence.who(bob.caller, Who(id=1, channel=CHANNEL))
    assert 500 < len(answer.members) < 1_000
    assert 950_000 < len(JSON.encode(answer)) <= MAX_SERVER_MESSAGE_BYTES
    assert [member.user.id for member in answer.members][:3] == ["bob", "user 0000", "user 0001"]


# ---------------------------------------------------------------------- crowds


async def test_above_200_members_only_the_number_is_pushed(town: Town, node: Node, bob: Phone) -> None:
    town.people(CHANNEL, *(f"user {number}" for number in range(CROWD_MEMBERS - 2)))
    node.presence.members_changed(CHANNEL, ["user 0"], [])
    await node.connect("alice")
    await town.go_on(SOON_MS)
    assert bob.told() == ["+alice"]
    town.people(CHANNEL, "one more")
    node.presence.members_changed(CHANNEL, ["one more"], [])
    phone = await node.connect("user 7")
    await town.go_on(SOON_MS)
    assert bob.told() == ["#3"]
    await set_status(phone, "busy")
    await town.go_on(SOON_MS)
    assert bob.told() == []  # the number is the same
    await set_status(phone, "invisible")
    await town.go_on(SOON_MS)
    assert bob.told() == ["#2"]


async def test_a_size_is_read_once_for_a_while(town: Town, node: Node, bob: Phone) -> None:
    before = town.store.member_reads
    for status in ("away", "busy", "online"):
        await set_status(bob, status)
        await town.go_on(SOON_MS)
    assert town.store.member_reads == before
    await town.go_on(11_000)
    await set_status(bob, "away")
    await town.go_on(SOON_MS)
    assert town.store.member_reads == before + 1


async def test_a_store_that_is_away_holds_no_push_back(town: Town, node: Node, bob: Phone) -> None:
    await town.go_on(11_000)
    await set_status(bob, "away")
    await town.go_on(100)  # it has been told, and gathers
    town.store.away = True
    await town.go_on(SOON_MS)
    assert bob.told() == ["~bob"]


async def test_nobody_looking_costs_nothing(town: Town, node: Node, bob: Phone) -> None:
    await node.fanout.leave(bob, CHANNEL)
    reads = town.store.member_reads
    await node.connect("alice")
    await town.go_on(SOON_MS)
    assert town.store.member_reads == reads
    assert bob.news() == []


async def test_an_idle_worker_asks_only_to_beat_and_to_bury(town: Town, node: Node, bob: Phone) -> None:
    await town.go_on(20_000)
    before = node.registry.calls
    await town.go_on(12_000)
    assert node.registry.calls - before <= 4 + 6 + 1


async def test_a_push_that_fails_does_not_end_the_pushing(
    node: Node, bob: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: Envelope) -> None:
        raise RuntimeError("planted")

    with monkeypatch.context() as patched:
        patched.setattr(node.fanout, "show", broken)
        await node.connect("alice")
        await node.town.go_on(SOON_MS)
    alice = await node.connect("alice")
    await set_status(alice, "away")
    await node.town.go_on(SOON_MS)
    assert [frame["type"] for frame in bob.news()] == ["presence"]
