"""``agent:queue``: whatever becomes of the word between workers, what is shown comes to be what the ledger says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import cast

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.backplane.memory import MemoryHub
from server.chat import queue as queue_module
from server.chat.access import QUEUE_CHANNEL
from server.chat.queue import MAX_LAST_TEXT_CODE_POINTS, Items, Queue, differences, shown
from server.chat.signals import QueueMoved
from server.clock import ManualClock
from server.errors import Unavailable
from server.store.ports import QueueItem, Store
from server.wire.frames import Message
from server.wire.parts import MAX_SERVER_MESSAGE_BYTES
from tests.unit.chat.house import Worker, caller, event_message, events, text_message


def waiting(channel: str, since_ms: int = 0, last_text: str | None = "help") -> QueueItem:
    return QueueItem(channel, since_ms, "lost", 0.5, -0.25, last_text)


def applied(items: Items, name: str, data: dict[str, object]) -> Items:
    """What a client makes of an event."""
    if name == "remove":
        return {channel: item for channel, item in items.items() if channel != data["channel"]}
    item = cast(dict[str, object], data["item"])
    return {**items, str(item["channel"]): item}


class TestShown:
    def test_an_item_has_the_fields_of_the_contract(self) -> None:
        assert shown([waiting("conv:a", 7)]) == {
            "conv:a": {
                "channel": "conv:a", "waiting_since_ms": 7, "reason": "lost", "urgency": 0.5, "sentiment_score": -0.25,
                "last_text": "help",
            }
        }  # fmt: skip

    def test_a_conversation_in_which_nothing_was_said(self) -> None:
        item = shown([QueueItem("conv:a", 0, None, None, None, None)])["conv:a"]
        assert [item[name] for name in ("reason", "urgency", "sentiment_score", "last_text")] == [None] * 4

    def test_of_a_long_text_the_beginning_is_shown(self) -> None:
        text = shown([waiting("conv:a", last_text="ä" * 8_000)])["conv:a"]["last_text"]
        assert text == "ä" * (MAX_LAST_TEXT_CODE_POINTS - 1) + "…"
        assert shown([waiting("conv:a", last_text="ä" * 500)])["conv:a"]["last_text"] == "ä" * 500

    def test_the_longest_waiting_fit_into_one_message(self) -> None:
        queue = [replace(waiting(f"conv:{n}", n, "\x01" * 8_000), reason="\x01" * 500) for n in range(500)]
        items = shown(queue)
        assert 100 < len(items) < 500
        assert list(items) == [item.channel for item in queue[: len(items)]]
        assert len(msgspec.json.encode(list(items.values()))) < MAX_SERVER_MESSAGE_BYTES


queues = st.lists(
    st.builds(waiting, st.sampled_from([f"conv:{n}" for n in range(6)]), st.integers(0, 3)),
    unique_by=lambda item: item.channel,
).map(shown)


class TestDifferences:
    @given(queues, queues)
    def test_they_make_of_one_queue_the_other(self, before: Items, after: Items) -> None:
        items = before
        for name, data in differences(before, after):
            items = applied(items, name, data)
        assert items == after

    @given(queues, queues)
    def test_what_has_not_changed_is_not_told(self, before: Items, after: Items) -> None:
        told = [data.get("channel") or data["item"]["channel"] for _, data in differences(before, after)]
        assert len(told) == len(set(told))
        assert all(before.get(channel) != after.get(channel) for channel in told)


@dataclass
class FakeStore:
    """The queue as committed. ``gate`` holds reads back, after they have seen what they will say."""

    items: dict[str, QueueItem] = field(default_factory=dict)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    reads: int = 0
    away: bool = False

    def __post_init__(self) -> None:
        self.gate.set()

    async def queue(self, limit: int) -> list[QueueItem]:
        self.reads += 1
        if self.away:
            raise Unavailable("the database is away")
        found = sorted(self.items.values(), key=lambda item: item.waiting_since_ms)[:limit]
        await self.gate.wait()
        return found


class Desk:
    """One worker with its view of the queue."""

    def __init__(self, hub: MemoryHub, store: FakeStore, clock: ManualClock) -> None:
        self.lengths: list[int] = []
        self.worker = Worker(hub, self._published)
        self.queue = Queue(
            store=cast(Store, store),
            fanout=self.worker.fanout,
            signals=self.worker.signals,
            clock=clock,
            on_length=self.lengths.append,
        )

    def _published(self, message: Message) -> None:
        self.queue.on_message(message)


@pytest.fixture
def store() -> FakeStore:
    return FakeStore()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def desks(store: FakeStore, clock: ManualClock) -> list[Desk]:
    hub = MemoryHub()
    made = [Desk(hub, store, clock) for _ in range(2)]
    for desk in made:
        await desk.worker.fanout.start()
        await desk.queue.step()
    return made


async def step(desks: list[Desk]) -> None:
    for desk in desks:
        await desk.queue.step()


async def test_a_hand_off_and_a_claim_reach_the_agents_of_every_worker(desks: list[Desk], store: FakeStore) -> None:
    agents = [await desk.worker.subscribe(QUEUE_CHANNEL) for desk in desks]
    store.items["conv:a"] = waiting("conv:a")
    await desks[0].worker.fanout.publish_message(event_message("conv:a", "waiting"))
    await step(desks)
    for agent in agents:
        [(name, data)] = events(agent)
        assert (name, data["item"]["channel"]) == ("upsert", "conv:a")
    del store.items["conv:a"]
    await desks[1].worker.fanout.publish_message(event_message("conv:a", "claimed"))
    await step(desks[::-1])
    for agent in agents:
        assert events(agent) == [("remove", {"channel": "conv:a"})]


async def test_what_a_waiting_customer_writes_on_any_worker_is_shown(desks: list[Desk], store: FakeStore) -> None:
    agent = await desks[0].worker.subscribe(QUEUE_CHANNEL)
    store.items["conv:a"] = waiting("conv:a")
    await desks[0].worker.fanout.publish_message(event_message("conv:a", "waiting"))
    await step(desks)
    events(agent)
    store.items["conv:a"] = waiting("conv:a", last_text="hello?")
    await desks[1].worker.fanout.publish_message(text_message("conv:a"))
    await step(desks[::-1])
    [(name, data)] = events(agent)
    assert (name, data["item"]["last_text"]) == ("upsert", "hello?")


async def test_other_messages_cost_nothing(desks: list[Desk], store: FakeStore) -> None:
    await desks[0].worker.subscribe(QUEUE_CHANNEL)
    reads = store.reads
    for offset in range(1, 10):
        await desks[1].worker.fanout.publish_message(text_message("conv:a", offset))
    await step(desks)
    assert store.reads == reads


async def test_without_a_subscriber_nothing_is_read_until_it_is_time(
    desks: list[Desk], store: FakeStore, clock: ManualClock
) -> None:
    reads = store.reads
    await desks[0].worker.fanout.publish_message(event_message("conv:a", "waiting"))
    await step(desks)
    assert store.reads == reads
    clock.advance(queue_module.REFRESH_S * 1_000)
    await step(desks)
    assert store.reads == reads + 2


async def test_word_that_is_lost_is_made_up_for(desks: list[Desk], store: FakeStore, clock: ManualClock) -> None:
    agent = await desks[0].worker.subscribe(QUEUE_CHANNEL)
    store.items["conv:a"] = waiting("conv:a")
    await desks[0].queue.step()
    assert events(agent) == []
    clock.advance(queue_module.REFRESH_S * 1_000)
    await desks[0].queue.step()
    assert [name for name, _ in events(agent)] == ["upsert"]
    assert desks[0].lengths[-1] == 1


async def test_the_snapshot_is_the_ledgers_longest_waiting_first(desks: list[Desk], store: FakeStore) -> None:
    store.items = {"conv:b": waiting("conv:b", 2), "conv:a": waiting("conv:a", 1)}
    found = await desks[0].queue.snapshot(caller())
    assert [item["channel"] for item in found["items"]] == ["conv:a", "conv:b"]


async def test_a_snapshot_and_the_events_held_back_meanwhile_agree(desks: list[Desk], store: FakeStore) -> None:
    """As a connection does it: join, read, answer, open."""
    desk = desks[0]
    early = await desk.worker.subscribe(QUEUE_CHANNEL)
    late = type(early)()
    subscription = await desk.worker.fanout.join(late, QUEUE_CHANNEL)
    store.items["conv:a"] = waiting("conv:a")
    snapshot = await desk.queue.snapshot(caller())
    del store.items["conv:a"]
    store.items["conv:b"] = waiting("conv:b")
    await desk.queue.refresh()
    desk.worker.fanout.open(subscription, 0)
    items: Items = {item["channel"]: item for item in snapshot["items"]}
    for name, data in events(late):
        items = applied(items, name, data)
    assert list(items) == ["conv:b"]


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0)


async def test_who_comes_during_a_read_waits_for_the_next_one_and_shares_it(
    desks: list[Desk], store: FakeStore
) -> None:
    reads = store.reads
    store.gate.clear()
    first = asyncio.create_task(desks[0].queue.refresh())
    await until(lambda: store.reads == reads + 1)
    store.items["conv:a"] = waiting("conv:a")
    later = [asyncio.create_task(desks[0].queue.snapshot(caller())) for _ in range(10)]
    await asyncio.sleep(0)
    store.gate.set()
    await first
    for found in await asyncio.gather(*later):
        assert [item["channel"] for item in found["items"]] == ["conv:a"]
    assert store.reads == reads + 2


async def test_a_read_that_fails_is_nobodys_answer(desks: list[Desk], store: FakeStore) -> None:
    agent = await desks[0].worker.subscribe(QUEUE_CHANNEL)
    store.items["conv:a"] = waiting("conv:a")
    store.away = True
    with pytest.raises(Unavailable):
        await desks[0].queue.snapshot(caller())
    store.away = False
    await desks[0].queue.step()
    assert [name for name, _ in events(agent)] == ["upsert"]


async def test_words_of_one_moment_travel_together(desks: list[Desk], store: FakeStore) -> None:
    told: list[list[str]] = []
    desks[1].worker.signals.on(QueueMoved, lambda word: told.append(word.channels))
    for number in range(5):
        await desks[0].worker.fanout.publish_message(event_message(f"conv:{number}", "waiting"))
    await desks[0].queue.step()
    assert told == [[f"conv:{number}" for number in range(5)]]


async def test_the_keeper_outlives_a_store_that_is_away(
    desks: list[Desk], store: FakeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("REFRESH_S", "GATHER_S", "RETRY_S"):
        monkeypatch.setattr(queue_module, name, 0)
    agent = await desks[0].worker.subscribe(QUEUE_CHANNEL)
    store.away = True
    reads = store.reads
    keeper = asyncio.create_task(desks[0].queue.keep())
    await until(lambda: store.reads > reads + 2)
    store.away = False
    store.items["conv:a"] = waiting("conv:a")
    await until(lambda: bool(agent.received))
    keeper.cancel()
    assert [name for name, _ in events(agent)] == ["upsert"]
