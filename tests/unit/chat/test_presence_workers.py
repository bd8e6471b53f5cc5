"""Who is told what when people come and go, over several workers, also when something is away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from server.chat import announcer, attendance
from server.chat.announcer import MAX_WAITING, Arrived
from tests.unit.chat.town import Node, Phone, Town, account, hang_up, set_status, who

CHANNEL = "conv:1"
SOON_MS = 400  # a round, the telling, and the gathering


@pytest.fixture
async def town() -> AsyncIterator[Town]:
    town = Town()
    town.people(CHANNEL, "alice", "bob")
    yield town
    await town.close()


@pytest.fixture
async def one(town: Town) -> Node:
    return await town.add_node()


@pytest.fixture
async def two(town: Town) -> Node:
    return await town.add_node()


async def settled(town: Town, *phones: Phone) -> None:
    """Everybody has been told of everybody."""
    await town.go_on(SOON_MS)
    for phone in phones:
        phone.news()


async def test_a_first_device_joins_and_others_are_not_seen(town: Town, one: Node, two: Node) -> None:
    bob = await one.watch("bob", CHANNEL)
    await town.go_on(SOON_MS)
    assert bob.told() == ["+bob"]
    await two.connect("alice")
    await town.go_on(SOON_MS)
    (push,) = bob.news()
    assert push == {
        "type": "presence",
        "channel": CHANNEL,
        "joined": [
            {
                "user": {"id": "alice", "kind": "customer", "name": "Alice"},
                "status": "online",
                "last_seen_ms": push["joined"][0]["last_seen_ms"],
                "devices": 1,
            }
        ],
        "left": [],
        "changed": [],
    }
    await two.connect("alice")
    await one.connect("alice")
    await town.go_on(SOON_MS)
    assert bob.news() == []
    assert (await who(bob, CHANNEL))["alice"]["devices"] == 3


async def test_leaving_is_told_after_the_grace_with_its_time(town: Town, one: Node) -> None:
    bob, alice = await one.watch("bob", CHANNEL), await one.watch("alice", CHANNEL)
    await settled(town, bob)
    at_ms = town.clock.now_ms()
    await hang_up(alice)
    await town.go_on(4_950)
    assert bob.news() == []
    assert (await who(bob, CHANNEL))["alice"]["devices"] == 0
    await town.go_on(SOON_MS)
    (push,) = bob.news()
    (left,) = push["left"]
    assert (left["user"]["id"], left["status"], left["devices"], left["last_seen_ms"]) == ("alice", "offline", 0, at_ms)
    assert (push["joined"], push["changed"]) == ([], [])
    assert town.store.known["alice"].last_seen_ms == at_ms
    assert "alice" not in await who(bob, CHANNEL)


@pytest.mark.parametrize("elsewhere", [False, True])
async def test_a_reconnect_within_the_grace_is_not_seen(town: Town, one: Node, two: Node, elsewhere: bool) -> None:
    bob, alice = await one.watch("bob", CHANNEL), await one.watch("alice", CHANNEL)
    await settled(town, bob)
    await hang_up(alice)
    await town.go_on(4_900)
    await (two if elsewhere else one).connect("alice")
    await town.go_on(10_000)
    assert bob.news() == []
    assert (await who(bob, CHANNEL))["alice"]["devices"] == 1


async def test_the_last_of_devices_on_several_workers_counts(town: Town, one: Node, two: Node) -> None:
    bob, alice = await one.watch("bob", CHANNEL), await one.watch("alice", CHANNEL)
    other = await two.watch("alice", CHANNEL)
    await settled(town, bob)
    await hang_up(alice)
    await town.go_on(3_000)
    await hang_up(other)
    await town.go_on(4_900)
    assert bob.news() == []
    await town.go_on(SOON_MS)
    assert bob.told() == ["-alice"]


async def test_two_workers_that_lose_somebody_at_once_tell_it(town: Town, one: Node, two: Node) -> None:
    three = await town.add_node()
    bob = await three.watch("bob", CHANNEL)
    phones = [await one.connect("alice"), await two.connect("alice")]
    await settled(town, bob)
    for phone in phones:
        await hang_up(phone)
    await town.go_on(5_000 + SOON_MS)
    assert bob.told() == ["-alice"]


async def test_a_dead_workers_people_leave_within_20_s(town: Town, one: Node, two: Node) -> None:
    bob = await one.watch("bob", CHANNEL)
    await two.connect("alice")
    town.people(CHANNEL, "carol")
    await two.connect("carol")
    await one.connect("carol")
    await town.go_on(12_000)  # until one has been up for long enough to judge others
    bob.news()
    two.is_running = False
    await town.go_on(19_500)
    assert bob.told() == ["-alice"]  # carol has another device
    assert set(await who(bob, CHANNEL)) == {"bob", "carol"}
    assert town.store.known["alice"].last_seen_ms > 0


async def test_a_worker_that_was_only_frozen_brings_its_people_back(town: Town, one: Node, two: Node) -> None:
    bob = await one.watch("bob", CHANNEL)
    await two.connect("alice")
    await two.connect("alice")
    await town.go_on(12_000)
    two.is_running = False
    await town.go_on(19_500)
    bob.news()
    two.is_running = True
    await town.go_on(SOON_MS)
    assert bob.told() == ["+alice"]
    await town.go_on(20_000)
    assert bob.news() == []


async def test_a_registry_that_was_emptied_heals_with_a_beat_and_tells_nobody(town: Town, one: Node, two: Node) -> None:
    bob = await one.watch("bob", CHANNEL)
    await two.connect("alice")
    await settled(town, bob)
    town.roll.devices.clear()
    town.roll.beats_ms.clear()
    await town.go_on(3_500)
    assert bob.news() == []
    assert set(await who(bob, CHANNEL)) == {"alice", "bob"}


@pytest.mark.parametrize("away_ms", [2_000, 30_000])
async def test_what_happens_while_the_registry_is_away_is_told_when_it_is_back(
    town: Town, one: Node, two: Node, away_ms: float
) -> None:
    town.people(CHANNEL, "carol", "dave", "erin")
    bob = await one.watch("bob", CHANNEL)
    alice = await two.watch("alice", CHANNEL)
    dave = await two.connect("dave")
    await settled(town, bob)
    one.registry.away = two.registry.away = True
    await hang_up(alice)
    await hang_up(dave)
    await two.connect("carol")
    await hang_up(await one.connect("erin"))
    await town.go_on(away_ms)
    assert bob.news() == []
    one.registry.away = two.registry.away = False
    await town.go_on(8_000)
    assert sorted(set(bob.told())) == ["+carol", "-alice", "-dave"]
    assert set(await who(bob, CHANNEL)) == {"bob", "carol"}


async def test_removals_that_did_not_reach_the_registry_hide_nobody(town: Town, one: Node) -> None:
    bob, alice = await one.watch("bob", CHANNEL), await one.watch("alice", CHANNEL)
    await settled(town, bob)
    one.registry.away = True
    await hang_up(alice)
    await town.go_on(1_000)
    one.registry.away = False  # the registry still has alice's connection, and this worker beats
    await town.go_on(5_000)
    assert bob.told() == ["-alice"]
    await one.connect("alice")
    await town.go_on(SOON_MS)
    assert bob.told() == ["+alice"]


async def test_after_an_interruption_for_all_nobody_is_buried(town: Town, one: Node, two: Node) -> None:
    bob = await one.watch("bob", CHANNEL)
    await two.connect("alice")
    await town.go_on(12_000)
    bob.news()
    one.registry.away = two.registry.away = True
    await town.go_on(30_000)
    one.registry.away = False
    await town.go_on(500)
    two.registry.away = False
    await town.go_on(5_000)
    assert bob.told() in ([], ["+alice"])


async def test_a_store_that_is_away_delays_what_is_told(town: Town, one: Node) -> None:
    bob = await one.watch("bob", CHANNEL)
    await settled(town, bob)
    town.store.away = True
    alice = await one.connect("alice")
    await town.go_on(1_000)
    assert bob.news() == []
    town.store.away = False
    await town.go_on(SOON_MS)
    assert bob.told() == ["+alice"]
    assert one.presence.announcer.waiting == 0
    await hang_up(alice)


async def test_what_waits_is_bounded_and_the_newest_is_kept(town: Town, one: Node) -> None:
    bob = await one.watch("bob", CHANNEL)
    await settled(town, bob)
    for _ in range(MAX_WAITING + 10):
        one.presence.announcer.put(Arrived("nobody"))
    await one.connect("alice")
    await town.go_on(SOON_MS)
    assert one.presence.announcer.waiting == 0
    assert bob.told() == ["+alice"]


async def test_guests_without_a_row_come_and_go_unsaid(town: Town, one: Node) -> None:
    bob = await one.watch("bob", CHANNEL)
    town.store.known["guest"] = account("guest")
    guest = await one.connect("guest")
    del town.store.known["guest"]
    await settled(town, bob)
    await hang_up(guest)
    await town.go_on(6_000)
    assert bob.news() == []
    assert one.presence.announcer.waiting == 0


async def test_many_moves_of_a_moment_are_one_push(town: Town, one: Node, two: Node) -> None:
    bob = await one.watch("bob", CHANNEL)
    await settled(town, bob)
    town.people(CHANNEL, *(f"user {number}" for number in range(50)))
    for number in range(50):
        await two.connect(f"user {number}")
    await town.go_on(SOON_MS)
    (push,) = bob.news()
    assert len(push["joined"]) == 50


async def test_new_members_join_and_removed_ones_leave(town: Town, one: Node, two: Node) -> None:
    town.store.known |= {"carol": account("carol", "agent"), "dave": account("dave")}
    bob = await one.watch("bob", CHANNEL)
    carol = await two.connect("carol")
    await settled(town, bob)
    town.people(CHANNEL, "carol", "dave")
    two.presence.members_changed(CHANNEL, ["carol", "dave"], [])
    await town.go_on(SOON_MS)
    assert bob.told() == ["+carol"]  # dave is not there
    town.store.conversations[CHANNEL].remove("carol")
    one.presence.members_changed(CHANNEL, [], ["carol"])
    await town.go_on(SOON_MS)
    (push,) = bob.news()
    assert [(left["user"]["id"], left["status"], left["devices"]) for left in push["left"]] == [("carol", "offline", 0)]
    await hang_up(carol)
    await town.go_on(6_000)
    assert bob.news() == []


async def test_a_stopping_worker_notes_when_its_people_were_seen(town: Town, one: Node) -> None:
    alice = await one.connect("alice")
    await one.connect("bob")
    await town.go_on(SOON_MS)
    left_ms = town.clock.now_ms()
    await hang_up(alice)
    await town.go_on(1_000)
    await one.presence.close()
    assert town.store.known["alice"].last_seen_ms == left_ms
    assert town.store.known["bob"].last_seen_ms == town.clock.now_ms()
    town.store.away = True
    await one.presence.close()


async def test_invisible_people_come_and_go_unseen(town: Town, one: Node, two: Node) -> None:
    bob = await one.watch("bob", CHANNEL)
    alice = await two.connect("alice")
    await settled(town, bob)
    await set_status(alice, "invisible")
    await town.go_on(SOON_MS)
    assert bob.told() == ["-alice"]
    assert "alice" not in await who(bob, CHANNEL)
    assert (await who(alice, CHANNEL))["alice"]["status"] == "offline"
    await hang_up(alice)
    await town.go_on(6_000)
    alice = await two.connect("alice")
    await town.go_on(SOON_MS)
    assert bob.news() == []
    await set_status(alice, "busy", "back")
    await town.go_on(SOON_MS)
    (push,) = bob.news()
    assert [(shown["status"], shown["text"]) for shown in push["joined"]] == [("busy", "back")]


async def test_becoming_invisible_while_arriving_shows_nothing(town: Town, one: Node, two: Node) -> None:
    bob = await one.watch("bob", CHANNEL)
    await settled(town, bob)
    alice = await two.connect("alice")
    await set_status(alice, "invisible")
    await town.go_on(SOON_MS)
    assert bob.news() == []


# ---------------------------------------------------------------------- the loops


async def test_loops_wake_by_themselves_and_survive_what_should_not_happen(
    town: Town, one: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ROUND_S", "RETRY_MS", "BEAT_MS"):
        monkeypatch.setattr(attendance, name, 0.0)
    monkeypatch.setattr(announcer, "GATHER_S", 0.0)
    bob = await one.watch("bob", CHANNEL)
    running = [asyncio.create_task(work) for work in (one.presence.run(), one.typing.run())]
    try:
        with monkeypatch.context() as patched:
            patched.setattr(one.registry, "add", broken)
            await one.connect("alice")
            calls = one.registry.calls
            await until(lambda: one.registry.calls > calls + 5)  # the heart goes on
        with monkeypatch.context() as patched:
            patched.setattr(town.store, "channels_of", broken)
            one.presence.announcer.put(Arrived("alice"))
            await until(lambda: one.presence.announcer.waiting == 0)
        town.clock.advance(250)
        one.presence.members_changed(CHANNEL, ["bob", "alice"], [])
        await until(lambda: one.presence.announcer.waiting == 0)
        town.clock.advance(250)
        await until(lambda: "+alice" in bob.told())
        assert not any(task.done() for task in running)
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop run until something holds; the test's own time-out is the limit."""
    while not condition():
        await asyncio.sleep(0)


async def broken(*_: object) -> None:
    raise ValueError("this should not happen")
