"""Claims lapse when their agents have been away for long enough, and never otherwise."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import cast

import pytest

from server.backplane.memory import MemoryRegistry, MemoryRoll
from server.backplane.ports import Device, Registry
from server.chat import claims as claims_module
from server.chat.claims import ClaimKeeper
from server.chat.connected import Connected
from server.chat.messages import Messages
from server.chat.peer import ChatPeer
from server.chat.presence import PresenceVerbs
from server.chat.signals import Signals
from server.clock import ManualClock
from server.errors import Conflict, Unavailable
from server.fanout.hub import Fanout
from server.store.ports import Changed, ClaimRow, Release, Store
from server.telemetry import Metrics
from server.wire.frames import Message
from server.wire.parts import Kind, User
from tests.unit.chat.house import ANN, event_message
from tests.unit.fanout.test_feed import FakePeer

ABSENCE_MS = 120_000
BOB = User("bob", "agent", "Bob")


@dataclass
class FakeStore:
    """Claims, and since when their agents have been away, by the database's own clock."""

    clock: ManualClock = field(default_factory=ManualClock)
    held: dict[str, ClaimRow] = field(default_factory=dict)
    since_ms: dict[str, float] = field(default_factory=dict)
    releases: list[Release] = field(default_factory=list)
    notes: list[tuple[list[str], list[str]]] = field(default_factory=list)

    def claim(self, channel: str, agent: User = ANN) -> None:
        before = self.held.get(channel)
        self.held[channel] = ClaimRow(channel, agent, 1 if before is None else before.claim_number + 1, None)

    async def claims(self) -> list[ClaimRow]:
        now_ms = self.clock.mono_ms()
        return [
            replace(row, absent_ms=int(now_ms - self.since_ms[row.agent.id]) if row.agent.id in self.since_ms else None)
            for row in self.held.values()
        ]

    async def note_agents(self, absent: Sequence[str], present: Sequence[str]) -> None:
        self.notes.append((list(absent), list(present)))
        for user_id in absent:
            self.since_ms.setdefault(user_id, self.clock.mono_ms())
        for user_id in present:
            self.since_ms.pop(user_id, None)

    async def release(self, release: Release) -> Changed:
        row = self.held.get(release.channel)
        if row is None or row.claim_number != release.claim_number:
            raise Conflict("the claim has ended")
        del self.held[release.channel]
        self.releases.append(release)
        messages = (event_message(release.channel, "released", 1), event_message(release.channel, "waiting", 2))
        return Changed("waiting", None, messages[0], messages)


class AwayRegistry(MemoryRegistry):
    """Fails while it is ``away``."""

    away = False

    async def devices(self, user_ids: Sequence[str]) -> dict[str, list[Device]]:
        if self.away:
            raise Unavailable("the registry is away")
        return await super().devices(user_ids)


class Worker:
    """A keeper among its fakes; many may share a store and a roll."""

    def __init__(self, name: str, store: FakeStore, roll: MemoryRoll) -> None:
        ids = count()
        self.published: list[Message] = []
        self.connected = Connected()
        self.registry = AwayRegistry(name, clock=store.clock, roll=roll, dead_after_ms=1e9)
        self.metrics = Metrics()
        self.keeper = ClaimKeeper(
            store=cast(Store, store),
            registry=cast(Registry, self.registry),
            connected=self.connected,
            messages=cast(Messages, self),
            metrics=self.metrics,
            clock=store.clock,
            new_id=lambda: f"{name}-{next(ids)}",
            absence_ms=ABSENCE_MS,
        )

    async def publish(self, message: Message) -> None:
        self.published.append(message)


@dataclass
class World:
    store: FakeStore = field(default_factory=FakeStore)
    roll: MemoryRoll = field(default_factory=MemoryRoll)

    def __post_init__(self) -> None:
        self.one, self.other = Worker("one", self.store, self.roll), Worker("other", self.store, self.roll)

    async def comes(self, user: User, worker: Worker, session: str = "s") -> None:
        await worker.registry.add(Device(user.id, session, worker.registry._worker, 0))

    async def passes(self, ms: float, *workers: Worker) -> None:
        """Time, with a look every 5 s."""
        for _ in range(int(ms // 5_000)):
            self.store.clock.advance(5_000)
            for worker in workers or (self.one, self.other):
                await worker.keeper.look()


@pytest.fixture
def world() -> World:
    return World()


async def test_an_agent_who_is_away_too_long_loses_the_claim_once(world: World) -> None:
    world.store.claim("conv:a")
    await world.passes(ABSENCE_MS)
    assert world.store.releases == []
    await world.passes(10_000)
    [release] = world.store.releases
    assert (release.channel, release.to, release.claim_number, release.by) == ("conv:a", "waiting", 1, ANN)
    published = world.one.published + world.other.published
    assert [message.data for message in published] == [{"event": "released"}, {"event": "waiting"}]
    registries = [worker.metrics.registry for worker in (world.one, world.other)]
    assert sum(found.get_sample_value("parlance_claims_lapsed_total") or 0 for found in registries) == 1


async def test_an_agent_with_a_device_on_any_worker_keeps_it(world: World) -> None:
    world.store.claim("conv:a")
    await world.comes(ANN, world.other)
    await world.passes(3 * ABSENCE_MS)
    assert world.store.releases == []
    assert world.store.notes == []


async def test_coming_back_begins_anew(world: World) -> None:
    world.store.claim("conv:a")
    await world.passes(ABSENCE_MS - 10_000)
    await world.comes(ANN, world.one)
    await world.passes(5_000)
    await world.one.registry.remove(ANN.id, "s")
    await world.passes(ABSENCE_MS)
    assert world.store.releases == []
    await world.passes(10_000)
    assert len(world.store.releases) == 1


async def test_the_grace_after_the_last_device_is_no_device(world: World) -> None:
    world.store.claim("conv:a")
    await world.comes(ANN, world.one, session="~one")
    await world.passes(ABSENCE_MS + 10_000)
    assert len(world.store.releases) == 1


async def test_all_of_an_agents_claims_lapse_and_nobody_elses(world: World) -> None:
    world.store.claim("conv:a")
    world.store.claim("conv:b")
    world.store.claim("conv:c", BOB)
    await world.comes(BOB, world.other)
    await world.passes(ABSENCE_MS + 10_000)
    assert sorted(release.channel for release in world.store.releases) == ["conv:a", "conv:b"]


async def test_without_a_registry_nobody_lapses(world: World) -> None:
    world.store.claim("conv:a")
    await world.passes(ABSENCE_MS)
    world.one.registry.away = world.other.registry.away = True
    for worker in (world.one, world.other):
        world.store.clock.advance(ABSENCE_MS)
        with pytest.raises(Unavailable):
            await worker.keeper.look()
    assert world.store.releases == []


async def test_an_agent_whose_worker_is_cut_off_from_the_registry_keeps_the_claim(world: World) -> None:
    world.store.claim("conv:a")
    world.one.connected.add(cast(ChatPeer, FakePeer(user_id=ANN.id)))
    world.one.registry.away = True
    for _ in range(100):
        await world.passes(5_000, world.other)
        with pytest.raises(Unavailable):
            await world.one.keeper.look()
    assert world.store.releases == []


async def test_a_connection_that_the_registry_has_not_heard_of_counts(world: World) -> None:
    world.store.claim("conv:a")
    world.one.connected.add(cast(ChatPeer, FakePeer(user_id=ANN.id)))
    await world.passes(3 * ABSENCE_MS, world.one)
    assert world.store.releases == []


async def test_a_claim_made_anew_meanwhile_is_another_one(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.store.claim("conv:a")
    await world.passes(ABSENCE_MS)
    stale = await world.store.claims()
    world.store.claim("conv:a", BOB)

    async def as_read_before() -> list[ClaimRow]:
        return [replace(row, absent_ms=ABSENCE_MS) for row in stale]

    monkeypatch.setattr(world.store, "claims", as_read_before)
    await world.one.keeper.look()
    assert world.store.held["conv:a"].agent == BOB
    assert world.one.published == []


async def test_nobody_lapses_for_the_time_without_a_server(world: World) -> None:
    """The last one before the stop has seen everybody go; nobody could come back until the start."""
    world.store.claim("conv:a")
    await world.passes(5_000)
    world.store.clock.advance(10 * ABSENCE_MS)
    started = Worker("new", world.store, world.roll)
    await world.passes(ABSENCE_MS, started)
    assert world.store.releases == []
    await world.passes(5_000, started)
    assert len(world.store.releases) == 1


async def test_nobody_lapses_for_the_time_without_a_registry(world: World) -> None:
    world.store.claim("conv:a")
    await world.passes(ABSENCE_MS, world.one)
    world.one.registry.away = True
    with pytest.raises(Unavailable):
        await world.passes(5_000, world.one)
    world.one.registry.away = False
    await world.passes(ABSENCE_MS, world.one)
    assert world.store.releases == []
    await world.passes(5_000, world.one)
    assert len(world.store.releases) == 1


def presence_of(world: World) -> PresenceVerbs:
    async def on_absent(user_id: str) -> None:
        """Nobody types."""

    return PresenceVerbs(
        store=cast(Store, world.store),
        registry=cast(Registry, world.one.registry),
        fanout=cast(Fanout, None),
        signals=Signals(),
        clock=world.store.clock,
        worker="one",
        on_absent=on_absent,
    )


@dataclass
class Phone:
    is_staff: bool
    user_id: str = ANN.id
    session_id: str = "s"


def phone(kind: Kind) -> ChatPeer:
    return cast(ChatPeer, Phone(is_staff=kind != "customer"))


async def test_who_was_here_between_two_looks_begins_anew(world: World) -> None:
    world.store.claim("conv:a")
    await world.passes(ABSENCE_MS)
    presence = presence_of(world)
    await presence.arrived(phone("agent"))
    await presence.left(phone("agent"))
    await world.passes(ABSENCE_MS)
    assert world.store.releases == []
    await world.passes(5_000)
    assert len(world.store.releases) == 1


async def test_a_customer_who_goes_is_nobodys_agent(world: World) -> None:
    presence = presence_of(world)
    await presence.arrived(phone("customer"))
    await presence.left(phone("customer"))
    assert world.store.notes == []


async def test_leaving_goes_on_without_a_store(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(absent: Sequence[str], present: Sequence[str]) -> None:
        raise Unavailable("the database is away")

    monkeypatch.setattr(world.store, "note_agents", away)
    presence = presence_of(world)
    await presence.arrived(phone("agent"))
    await presence.left(phone("agent"))
    assert presence.roll.connected() == []


async def test_no_claims_cost_one_read(world: World) -> None:
    world.one.registry.away = True
    await world.one.keeper.look()
    assert world.store.notes == []


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0)


async def test_the_keeper_goes_on_after_a_failure(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims_module, "LOOK_EVERY_MS", 0)
    looks: list[Exception | None] = [Unavailable("away"), RuntimeError("a bug"), None]
    seen = 0

    async def look() -> None:
        nonlocal seen
        failure = looks[min(seen, 2)]
        seen += 1
        if failure is not None:
            raise failure

    monkeypatch.setattr(world.one.keeper, "look", look)
    keeping = asyncio.create_task(world.one.keeper.keep())
    await until(lambda: seen > 3)
    keeping.cancel()
