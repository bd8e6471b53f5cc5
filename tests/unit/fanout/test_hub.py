"""The fan-out between a doorbell that loses things and a ledger that does not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence

import pytest

from server.backplane.memory import MemoryBackplane, MemoryHub
from server.backplane.ports import Envelope, Handler
from server.errors import Unavailable
from server.fanout import hub as hub_module
from server.fanout.hub import Fanout
from server.fanout.parcel import message_envelope
from server.wire.frames import Message
from tests.unit.fanout.test_feed import FakePeer, message

CHANNEL = "conv:c"


class FakeLedger:
    """The committed messages of one conversation; ``away`` makes it fail."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.away = False
        self.reads = 0

    def commit(self) -> Message:
        self.messages.append(message(len(self.messages) + 1))
        return self.messages[-1]

    async def messages_after(self, channel: str, offset: int, limit: int) -> list[Message]:
        self.reads += 1
        if self.away:
            raise Unavailable("the database is away")
        return [stored for stored in self.messages if stored.offset > offset][:limit]

    async def heads(self, channels: Sequence[str]) -> dict[str, int]:
        if self.away:
            raise Unavailable("the database is away")
        return {channel: len(self.messages) for channel in channels if channel == CHANNEL}


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop run until something holds; the test's own time-out is the limit."""
    while not condition():
        await asyncio.sleep(0)


@pytest.fixture
def ledger() -> FakeLedger:
    return FakeLedger()


@pytest.fixture
def bells() -> MemoryHub:
    return MemoryHub()


@pytest.fixture
async def fanout(ledger: FakeLedger, bells: MemoryHub, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Fanout]:
    monkeypatch.setattr(hub_module, "GAP_WAIT_S", 0)
    monkeypatch.setattr(hub_module, "RECONCILE_S", 0)
    made = Fanout(ledger, MemoryBackplane(bells), lambda count: None)
    await made.start()
    yield made
    await made.close()


async def join(fanout: Fanout, peer: FakePeer, at: int) -> None:
    fanout.open(await fanout.join(peer, CHANNEL), at)


async def test_a_published_message_reaches_every_subscriber(fanout: Fanout, ledger: FakeLedger) -> None:
    peers = [FakePeer(), FakePeer()]
    for peer in peers:
        await join(fanout, peer, 0)
    await fanout.publish_message(ledger.commit())
    assert [peer.offsets() for peer in peers] == [[1], [1]]


async def test_a_lost_ring_is_read_from_the_ledger(fanout: Fanout, ledger: FakeLedger) -> None:
    peer = FakePeer()
    await join(fanout, peer, 0)
    ledger.commit()  # nobody rings
    await fanout.publish_message(ledger.commit())
    await until(lambda: len(peer.offsets()) == 2)
    assert peer.offsets() == [1, 2]


async def test_the_last_ring_lost_is_found_by_reconciling(fanout: Fanout, ledger: FakeLedger) -> None:
    peer = FakePeer()
    await join(fanout, peer, 0)
    ledger.commit()
    await until(lambda: len(peer.offsets()) == 1)
    assert peer.offsets() == [1]


async def test_a_ledger_that_is_away_delays_and_loses_nothing(fanout: Fanout, ledger: FakeLedger) -> None:
    peer = FakePeer()
    await join(fanout, peer, 0)
    ledger.away = True
    ledger.commit()
    await fanout.publish_message(ledger.commit())
    await until(lambda: ledger.reads > 0)
    assert peer.received == []
    ledger.away = False
    await until(lambda: len(peer.offsets()) == 2)
    assert peer.offsets() == [1, 2]


async def test_a_late_joiner_who_read_less_is_caught_up(fanout: Fanout, ledger: FakeLedger) -> None:
    slow, quick = FakePeer(), FakePeer()
    subscription = await fanout.join(slow, CHANNEL)  # has read offset 0 from the ledger, and is not opened yet
    ledger.commit()
    await join(fanout, quick, 1)
    fanout.open(subscription, 0)
    await until(lambda: len(slow.offsets()) == 1)
    assert slow.offsets() == [1]
    assert quick.received == []


async def test_giving_up_a_second_join_brings_the_first_back_with_what_it_missed(
    fanout: Fanout, ledger: FakeLedger
) -> None:
    peer = FakePeer()
    await join(fanout, peer, 0)
    second = await fanout.join(peer, CHANNEL)
    await fanout.publish_message(ledger.commit())
    assert peer.received == []
    await fanout.give_up(second)
    await until(lambda: len(peer.offsets()) == 1)
    await fanout.publish_message(ledger.commit())
    assert peer.offsets() == [1, 2]


async def test_giving_up_a_first_join_leaves(fanout: Fanout, ledger: FakeLedger, bells: MemoryHub) -> None:
    peer = FakePeer()
    await fanout.give_up(await fanout.join(peer, CHANNEL))
    assert bells.listeners(CHANNEL) == set()


async def test_after_leaving_nothing_arrives(fanout: Fanout, ledger: FakeLedger, bells: MemoryHub) -> None:
    peer = FakePeer()
    await join(fanout, peer, 0)
    await fanout.leave(peer, CHANNEL)
    await fanout.publish_message(ledger.commit())
    assert peer.received == []
    assert bells.listeners(CHANNEL) == set()


async def test_who_watches_hears_every_envelope_without_subscribing(
    fanout: Fanout, ledger: FakeLedger, bells: MemoryHub
) -> None:
    heard: list[int] = []

    def hear(envelope: Envelope) -> None:
        heard.append(envelope.offset)

    await fanout.watch(CHANNEL, hear)
    assert fanout.channels() == []
    await fanout.publish_message(ledger.commit())
    await fanout.publish(Envelope(CHANNEL, 0, b"{}"))
    await fanout.publish(Envelope(CHANNEL, 0, b"{}", audience="workers"))
    await fanout.publish(Envelope("conv:other", 3, b"{}"))
    assert heard == [1, 0]
    await fanout.unwatch(CHANNEL, hear)
    await fanout.unwatch(CHANNEL, hear)
    await fanout.publish_message(ledger.commit())
    assert heard == [1, 0]
    assert bells.listeners(CHANNEL) == set()


async def test_who_watches_hears_other_nodes(fanout: Fanout, ledger: FakeLedger, bells: MemoryHub) -> None:
    other = Fanout(ledger, MemoryBackplane(bells), lambda count: None)
    await other.start()
    heard: list[int] = []

    def hear(envelope: Envelope) -> None:
        heard.append(envelope.offset)

    await other.watch(CHANNEL, hear)
    await fanout.publish_message(ledger.commit())
    assert heard == [1]
    await other.close()


@pytest.mark.parametrize("watcher_first", [True, False])
async def test_watchers_and_subscribers_do_not_end_each_other(
    fanout: Fanout, ledger: FakeLedger, bells: MemoryHub, watcher_first: bool
) -> None:
    heard: list[int] = []
    peer = FakePeer()

    def hear(envelope: Envelope) -> None:
        heard.append(envelope.offset)

    await fanout.watch(CHANNEL, hear)
    await join(fanout, peer, 0)
    if watcher_first:
        await fanout.unwatch(CHANNEL, hear)
    else:
        await fanout.leave(peer, CHANNEL)
    await fanout.publish_message(ledger.commit())
    assert (peer.offsets(), heard) == (([1], []) if watcher_first else ([], [1]))
    assert bells.listeners(CHANNEL) != set()
    await fanout.unwatch(CHANNEL, hear)
    await fanout.leave(peer, CHANNEL)
    assert bells.listeners(CHANNEL) == set()


async def test_leaving_twice_or_a_foreign_channel_is_no_error(fanout: Fanout) -> None:
    peer = FakePeer()
    await fanout.leave(peer, CHANNEL)
    await join(fanout, peer, 0)
    await fanout.leave(peer, CHANNEL)
    await fanout.leave(peer, CHANNEL)


async def test_another_node_hears(fanout: Fanout, ledger: FakeLedger, bells: MemoryHub) -> None:
    other = Fanout(ledger, MemoryBackplane(bells), lambda count: None)
    await other.start()
    peer = FakePeer()
    await join(other, peer, 0)
    await fanout.publish_message(ledger.commit())
    assert peer.offsets() == [1]
    await other.close()


async def test_a_failing_doorbell_is_no_error_for_the_sender(
    fanout: Fanout, ledger: FakeLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(self: MemoryBackplane, envelope: object) -> None:
        raise Unavailable("nobody hears")

    peer = FakePeer()
    await join(fanout, peer, 0)
    monkeypatch.setattr(MemoryBackplane, "publish", broken)
    await fanout.publish(message_envelope(ledger.commit()))
    await until(lambda: len(peer.offsets()) == 1)
    assert peer.offsets() == [1]


async def test_each_committed_message_is_told_once_and_other_envelopes_are_not(
    ledger: FakeLedger, bells: MemoryHub
) -> None:
    told: list[Message] = []
    made = Fanout(ledger, MemoryBackplane(bells), lambda count: None, on_message=told.append)
    await made.start()
    committed = ledger.commit()
    await made.publish_message(committed)
    await made.publish(Envelope("system", 0, b"{}"))
    await made.close()
    assert told == [committed]


async def test_a_healed_interruption_is_told_and_makes_up_for_what_was_lost(ledger: FakeLedger) -> None:
    class Breaking(MemoryBackplane):
        async def start(self, handler: Handler, on_reconnect: Callable[[], None]) -> None:
            self.healed = on_reconnect
            await super().start(handler, on_reconnect)

    backplane, reconnects, peer = Breaking(), [], FakePeer()
    made = Fanout(ledger, backplane, lambda count: None, on_reconnect=lambda: reconnects.append(1))
    await made.start()
    await join(made, peer, 0)
    ledger.commit()
    backplane.healed()
    await until(lambda: bool(peer.received))
    await made.close()
    assert (reconnects, peer.offsets()) == ([1], [1])


async def test_channels_are_those_somebody_has_joined(fanout: Fanout) -> None:
    peer = FakePeer()
    await join(fanout, peer, 0)
    assert fanout.channels() == [CHANNEL]
    await fanout.leave(peer, CHANNEL)
    assert fanout.channels() == []


async def test_a_large_channel_lets_a_small_one_go_first(
    fanout: Fanout, ledger: FakeLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "PEERS_PER_TURN", 20)
    crowd, other = [FakePeer() for _ in range(100)], FakePeer()
    for peer in crowd:
        await join(fanout, peer, 0)
    fanout.open(await fanout.join(other, "conv:other"), 0)
    await fanout.publish_message(ledger.commit())
    await asyncio.sleep(0)
    await fanout.publish(Envelope("conv:other", 0, b'{"offset":0}'))
    assert other.offsets() == [0]
    assert 0 < sum(len(peer.received) for peer in crowd) < 100
    await until(lambda: all(peer.offsets() == [1] for peer in crowd))


async def test_every_delivery_is_counted(ledger: FakeLedger, bells: MemoryHub) -> None:
    counted: list[int] = []
    fanout = Fanout(ledger, MemoryBackplane(bells), counted.append)
    await fanout.start()
    crowd = [FakePeer() for _ in range(100)]
    for peer in crowd:
        await join(fanout, peer, 0)
    await fanout.publish_message(ledger.commit())
    await fanout.publish_message(ledger.commit())
    await fanout.leave(crowd[0], CHANNEL)
    await until(lambda: sum(counted) >= 200)
    await fanout.publish_message(ledger.commit())
    await until(lambda: sum(counted) >= 299)
    assert sum(counted) == sum(len(peer.offsets()) for peer in crowd) == 299
    await fanout.close()


async def test_giving_up_brings_nothing_back_to_who_has_left_meanwhile(fanout: Fanout, ledger: FakeLedger) -> None:
    peer = FakePeer()
    await join(fanout, peer, 0)
    second = await fanout.join(peer, CHANNEL)
    assert fanout.holds(second)
    await fanout.leave(peer, CHANNEL)  # evicted while the ledger was read
    assert not fanout.holds(second)
    await fanout.give_up(second)
    await fanout.publish_message(ledger.commit())
    assert peer.offsets() == []
    assert fanout.subscribers(CHANNEL) == []
