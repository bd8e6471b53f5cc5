"""Typing: told on transitions only, and never for longer than 6 s."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.backplane.ports import Envelope
from server.chat.typists import LAPSE_MS, Typists
from server.errors import NotFound
from server.wire.parts import User
from server.wire.requests import SetTyping
from tests.unit.chat.town import Phone, Town, account, hang_up

CHANNEL = "conv:1"
ALICE, BOB = User("alice", "customer", "Alice"), User("bob", "customer", "Bob")


@dataclass(frozen=True)
class Said:
    user: User
    on: bool
    after_ms: int


@given(st.lists(st.builds(Said, st.sampled_from((ALICE, BOB)), st.booleans(), st.integers(0, 4_000)), max_size=40))
def test_what_is_told_alternates_and_is_true(saids: list[Said]) -> None:
    """Somebody is shown as typing exactly while the last word was "on" and is less than 6 s old."""
    typists = Typists()
    shown: dict[str, bool] = {}
    last: dict[str, tuple[bool, float]] = {}
    now_ms = 0.0
    for said in saids:
        now_ms += said.after_ms
        for typing in typists.take_lapsed(now_ms):
            assert shown[typing.user.id]
            shown[typing.user.id] = False
        if typists.heard(CHANNEL, said.user, said.on, now_ms):
            assert shown.get(said.user.id, False) is not said.on
            shown[said.user.id] = said.on
        last[said.user.id] = (said.on, now_ms)
        for user_id, (on, at_ms) in last.items():
            assert shown.get(user_id, False) == (on and now_ms - at_ms < LAPSE_MS)
    assert (typists.due_ms is None) == (not any(shown.values()))


def test_a_table_that_is_full_shows_no_more() -> None:
    typists = Typists(most=1)
    assert typists.heard(CHANNEL, ALICE, True, 0)
    assert not typists.heard(CHANNEL, BOB, True, 0)
    assert not typists.heard(CHANNEL, ALICE, True, 10)
    assert not typists.heard(CHANNEL, BOB, False, 20)
    assert typists.take_lapsed(LAPSE_MS + 10) == [(CHANNEL, ALICE)]


@pytest.fixture
async def town() -> AsyncIterator[Town]:
    town = Town()
    town.people(CHANNEL, "alice", "bob")
    yield town
    await town.close()


async def say(phone: Phone, on: bool, channel: str = CHANNEL) -> None:
    await phone.node.typing.set(phone.caller, SetTyping(channel=channel, on=on))


def typing_of(phone: Phone) -> list[tuple[str, bool]]:
    return [(frame["user"]["id"], frame["on"]) for frame in phone.news() if frame["type"] == "typing"]


async def test_the_others_are_told_on_every_worker_and_the_typer_is_not(town: Town) -> None:
    one, two = await town.add_node(), await town.add_node()
    alice, tablet = await one.watch("alice", CHANNEL), await two.watch("alice", CHANNEL)
    bob, carol = await two.watch("bob", CHANNEL), await one.watch("bob", CHANNEL)
    await town.go_on(400)
    bob.news()
    await say(alice, True)
    assert bob.news() == [
        {
            "type": "typing",
            "channel": CHANNEL,
            "user": {"id": "alice", "kind": "customer", "name": "Alice"},
            "on": True,
        }
    ]
    await say(alice, True)
    await say(alice, False)
    await say(alice, False)
    assert typing_of(bob) == [("alice", False)]
    assert typing_of(carol) == [("alice", True), ("alice", False)]
    assert typing_of(alice) == typing_of(tablet) == []


async def test_it_lapses_6_s_after_the_last_word(town: Town) -> None:
    node = await town.add_node()
    alice, bob = await node.watch("alice", CHANNEL), await node.watch("bob", CHANNEL)
    await say(alice, True)
    await town.go_on(4_000)
    await say(alice, True)
    await town.go_on(5_950)
    assert typing_of(bob) == [("alice", True)]
    await town.go_on(100)
    assert typing_of(bob) == [("alice", False)]
    await say(alice, False)
    assert typing_of(bob) == []


async def test_it_lapses_when_the_typers_worker_is_gone(town: Town) -> None:
    one, two = await town.add_node(), await town.add_node()
    alice, bob = await one.watch("alice", CHANNEL), await two.watch("bob", CHANNEL)
    await say(alice, True)
    one.is_running = False
    await town.go_on(6_050)
    assert typing_of(bob) == [("alice", True), ("alice", False)]


async def test_it_ends_with_the_last_connection(town: Town) -> None:
    one, two = await town.add_node(), await town.add_node()
    alice, tablet = await one.watch("alice", CHANNEL), await one.watch("alice", CHANNEL)
    bob = await two.watch("bob", CHANNEL)
    await town.go_on(400)
    await say(alice, True)
    await hang_up(tablet)
    assert typing_of(bob) == [("alice", True)]
    await hang_up(alice)
    assert typing_of(bob) == [("alice", False)]
    await hang_up(alice)
    assert typing_of(bob) == []


async def test_what_lapsed_long_ago_is_not_ended_again(town: Town) -> None:
    node = await town.add_node()
    alice, bob = await node.watch("alice", CHANNEL), await node.watch("bob", CHANNEL)
    town.people("conv:2", "alice")
    await say(alice, True)
    await town.go_on(7_000)
    await say(alice, True, "conv:2")
    typing_of(bob)
    await hang_up(alice)
    assert typing_of(bob) == []


async def test_a_foreign_conversation_is_not_found(town: Town) -> None:
    town.store.known |= {"eve": account("eve"), "ann": account("ann", "agent")}
    node = await town.add_node()
    eve, ann, bob = await node.connect("eve"), await node.connect("ann"), await node.watch("bob", CHANNEL)
    for phone, channel in ((eve, CHANNEL), (eve, "conv:none"), (eve, "system"), (ann, "conv:none"), (ann, "user:ann")):
        with pytest.raises(NotFound, match="no such channel"):
            await say(phone, True, channel)
    await town.go_on(400)
    assert typing_of(bob) == []
    await say(ann, True)  # agents are at home everywhere
    assert typing_of(bob) == [("ann", True)]


async def test_membership_is_asked_for_each_time(town: Town) -> None:
    node = await town.add_node()
    alice, bob = await node.watch("alice", CHANNEL), await node.watch("bob", CHANNEL)
    await say(alice, True)
    town.store.conversations[CHANNEL].remove("alice")
    with pytest.raises(NotFound):
        await say(alice, True)
    await town.go_on(6_050)
    assert typing_of(bob) == [("alice", True), ("alice", False)]


async def test_nobody_looking_is_nobody_shown(town: Town) -> None:
    node = await town.add_node()
    alice = await node.connect("alice")
    await say(alice, True)
    bob = await node.watch("bob", CHANNEL)
    await say(alice, True)
    assert typing_of(bob) == [("alice", True)]


async def test_one_end_that_can_not_be_shown_costs_no_other(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    town.people("conv:2", "alice", "bob")
    node = await town.add_node()
    alice, bob = await node.watch("alice", CHANNEL), await node.watch("bob", CHANNEL)
    node.fanout.open(await node.fanout.join(bob, "conv:2"), 0)
    await say(alice, True)
    await say(alice, True, "conv:2")
    bob.news()
    show = node.fanout.show

    def broken(envelope: Envelope) -> None:
        if envelope.channel == CHANNEL:
            raise RuntimeError("planted")
        show(envelope)

    monkeypatch.setattr(node.fanout, "show", broken)
    await town.go_on(LAPSE_MS + 100)
    assert [frame["channel"] for frame in bob.news() if frame["type"] == "typing"] == ["conv:2"]
