"""The client that stays: it comes back, resumes, reads what is missing, loses nothing of its outbox, and knows when to
stop. Against a scripted network, with a clock that nobody waits for."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from typing import Any

import pytest

from parlance_client import (
    Client,
    Delta,
    Letter,
    Message,
    Notification,
    Offline,
    Online,
    Outbox,
    Position,
    RequestFailed,
    RequestTimeout,
    Reset,
    Stopped,
)
from parlance_client import client as client_module
from parlance_client.client import ClientEvent
from tests.unit.client.fake_socket import CHANNEL, FakeNetwork, FakeSocket, ack, message, subscribed, welcome

LONG_S = 20.0  # what a client sleeps longer than this for (its watch, a token's end) does not come by itself


class Naps:
    """``sleep`` without waiting; ``taken_s`` are the short ones."""

    def __init__(self) -> None:
        self.taken_s: list[float] = []
        self.wake = asyncio.Event()

    async def __call__(self, seconds: float) -> None:
        if seconds > LONG_S:
            await self.wake.wait()
            self.wake.clear()
            return
        self.taken_s.append(seconds)
        await asyncio.sleep(0)


class Rig:
    """A client on a scripted network."""

    def __init__(self, **options: Any) -> None:
        self.network = FakeNetwork()
        self.naps = Naps()
        self.client = Client(
            "ws://fake/ws", dial=self.network, sleep=self.naps, rng=random.Random(1), clock_s=lambda: 0.0, **options
        )
        self._events: AsyncIterator[ClientEvent] | None = None

    async def next(self) -> ClientEvent:
        self._events = self._events or aiter(self.client.events())
        async with asyncio.timeout(10):
            return await anext(self._events)

    async def until(self, kind: type[ClientEvent]) -> ClientEvent:
        while not isinstance(event := await self.next(), kind):
            pass
        return event

    async def offsets(self, count: int) -> list[int]:
        found: list[int] = []
        while len(found) < count:
            event = await self.next()
            if isinstance(event, Message):
                found.append(event.offset)
        return found

    @property
    def socket(self) -> FakeSocket:
        return self.network.socket

    def sent(self, kind: str) -> list[dict[str, Any]]:
        """What all sockets were sent of a type."""
        return [frame for socket in self.network.sockets for frame in socket.sent if frame["type"] == kind]


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    made = Rig()
    async with made.client:
        yield made


def page(*offsets: int, more: bool = False) -> dict[str, Any]:
    messages = [message(offset) for offset in offsets]
    return {"type": "history", "channel": CHANNEL, "epoch": "e1", "messages": messages, "more": more}


async def test_it_comes_back_as_the_same_user_and_hears_each_message_once(rig: Rig) -> None:
    assert isinstance(await rig.next(), Online)
    rig.socket.replies["subscribe"] = subscribed(3)
    await rig.client.subscribe(CHANNEL)
    rig.socket.push(message(4), message(4), message(5))
    assert await rig.offsets(2) == [4, 5]
    entry = {"recovered": True, "epoch": "e1", "offset": 7, "messages": [message(6), message(7)]}
    rig.network.next_welcome = welcome(channels={CHANNEL: entry})
    rig.socket.push({"type": "goodbye", "code": 4500, "after_ms": 1_250})
    rig.socket.drop(4500)
    offline = await rig.until(Offline)
    assert isinstance(offline, Offline) and offline.retry_in_s == 1.25
    assert await rig.offsets(2) == [6, 7]
    assert rig.naps.taken_s == [1.25], "the server named the delay"
    hello = rig.socket.sent[0]
    assert (hello["token"], hello["resume"]) == ("guest-token", {CHANNEL: {"epoch": "e1", "offset": 5}})
    assert rig.client.positions == {CHANNEL: Position("e1", 7)}


async def test_what_a_recovery_refuses_is_read_before_anything_newer(rig: Rig) -> None:
    await rig.next()
    rig.socket.replies["subscribe"] = subscribed(1)
    rig.socket.replies["history"] = page(2, 3)
    await rig.client.subscribe(CHANNEL)
    rig.socket.push(message(4))
    assert await rig.offsets(3) == [2, 3, 4]
    assert [frame["after"] for frame in rig.sent("history")] == [1]


async def test_another_epoch_starts_anew_from_the_newest_page(rig: Rig) -> None:
    await rig.next()
    rig.socket.replies["subscribe"] = subscribed(3)
    rig.socket.replies["history"] = page(8, 9, more=True)
    answer = await rig.client.subscribe(CHANNEL, Position("before the restore", 30))
    assert not answer.recovered
    reset = await rig.next()
    assert not isinstance(reset, Message)
    rig.socket.push(message(10))
    assert await rig.offsets(3) == [8, 9, 10]
    assert isinstance(reset, Reset) and (reset.epoch, reset.offset) == ("e1", 7)


async def test_too_much_is_not_read_page_by_page(rig: Rig) -> None:
    await rig.next()
    rig.socket.replies["subscribe"] = subscribed(5_000)
    rig.socket.replies["history"] = page(4_999, 5_000, more=True)
    await rig.client.subscribe(CHANNEL, Position("e1", 3))
    assert isinstance(await rig.next(), Reset)
    assert await rig.offsets(2) == [4_999, 5_000]
    assert len(rig.sent("history")) == 1


async def test_channels_that_hold_nothing_are_resumed_too_and_what_is_gone_is_not(rig: Rig) -> None:
    await rig.next()
    rig.socket.replies["subscribe"] = {**subscribed(0), "channel": "agent:queue", "epoch": ""}
    await rig.client.subscribe("agent:queue")
    rig.socket.drop(1006)
    gone = {"agent:queue": {"error": {"code": 404, "name": "not_found"}}}
    rig.network.next_welcome = welcome(channels=gone)
    await rig.until(Online)
    assert rig.socket.sent[0]["resume"] == {"agent:queue": {}}
    rig.socket.drop(1006)
    await rig.until(Online)
    assert "resume" not in rig.socket.sent[0]


async def test_a_channel_that_could_not_be_resumed_is_subscribed_again(rig: Rig) -> None:
    await rig.next()
    rig.socket.replies["subscribe"] = subscribed(3)
    await rig.client.subscribe(CHANNEL)
    rig.network.next_welcome = welcome(channels={CHANNEL: {"error": {"code": 503, "name": "unavailable"}}})
    rig.socket.drop(1006)
    await rig.until(Online)
    rig.socket.replies["subscribe"] = subscribed(4, recovered=True, messages=[message(4)])
    assert await rig.offsets(1) == [4]
    assert rig.sent("subscribe")[-1]["offset"] == 3


async def test_the_outbox_leaves_in_order_with_its_keys_over_connections(rig: Rig) -> None:
    await rig.next()
    first, second = rig.client.post(CHANNEL, "one"), rig.client.post(CHANNEL, "two")
    await rig.socket.sent_in_all(2)
    rig.network.next_welcome = welcome()
    rig.socket.drop(1006)
    await rig.until(Online)
    await rig.socket.sent_in_all(2)
    third = rig.client.post(CHANNEL, "three")
    rig.socket.replies["send"] = ack()
    rig.socket.push({**ack(offset=1), "id": rig.socket.sent[1]["id"]})
    for future in (first, second, third):
        assert (await future).offset == 1
    sends = rig.sent("send")
    assert [frame["text"] for frame in sends] == ["one", "one", "two", "three"]
    assert sends[0]["key"] == sends[1]["key"]
    assert len(rig.client.outbox) == 0


async def test_what_was_kept_of_an_earlier_run_is_sent_first() -> None:
    rig = Rig(outbox=Outbox([Letter(CHANNEL, "old", "from before", {"n": 1})]))
    rig.network.next_welcome = welcome()
    waiting = rig.client.post(CHANNEL, "new")
    async with rig.client:
        await rig.until(Online)
        rig.socket.replies["send"] = ack()
        await rig.socket.sent_in_all(2)
        rig.socket.push({**ack(), "id": rig.socket.sent[1]["id"]})
        await waiting
    assert [(frame["text"], frame["key"], frame.get("data")) for frame in rig.sent("send")][:1] == [
        ("from before", "old", {"n": 1})
    ]


async def test_a_refusal_that_passes_is_repeated_and_one_that_does_not_is_told(rig: Rig) -> None:
    await rig.next()
    error = {"type": "error", "code": 429, "name": "rate_limited", "message": "slow", "temporary": True}
    rig.socket.replies["send"] = {**error, "retry_after_ms": 700}
    future = rig.client.post(CHANNEL, "soon")
    while 0.7 not in rig.naps.taken_s:
        await asyncio.sleep(0)
    rig.socket.replies["send"] = ack()
    assert (await future).message_id == "m1"
    rig.socket.replies["send"] = {**error, "code": 422, "name": "invalid", "temporary": False}
    with pytest.raises(RequestFailed, match="422"):
        await rig.client.send(CHANNEL, "")
    assert len(rig.client.outbox) == 0


async def test_signals_without_a_connection_are_lost_and_verbs_wait() -> None:
    rig = Rig(request_timeout_s=0.001)
    await rig.client.typing(CHANNEL)
    with pytest.raises(RequestTimeout, match="no connection"):
        await rig.client.who(CHANNEL)
    assert rig.network.sockets == []


@pytest.mark.parametrize("code", [4403, 4400, 4401, 1009])
async def test_it_stops_where_coming_back_cannot_help(rig: Rig, code: int) -> None:
    await rig.next()
    future = rig.client.post(CHANNEL, "never acked")
    rig.socket.drop(code)
    with pytest.raises(Stopped, match=str(code)):
        while True:
            await rig.next()
    assert rig.client.state == "stopped"
    with pytest.raises(Stopped):
        await future
    with pytest.raises(Stopped):
        await rig.client.ping()
    assert len(rig.client.outbox) == 1, "what is unsent can still be kept"


async def test_a_refused_token_is_asked_for_again() -> None:
    tokens = iter(["first", "second", "third"])
    rig = Rig(token=lambda: next(tokens))
    refused = {"type": "error", "code": 401, "name": "unauthenticated", "message": "no", "temporary": False}
    rig.network.next_welcome = refused
    async with rig.client:
        assert isinstance(await rig.next(), Offline)
        rig.network.next_welcome = welcome()
        await rig.until(Online)
        rig.socket.drop(4401)
        await rig.until(Online)
    assert [frame["token"] for frame in rig.sent("connect")] == ["first", "second", "third"]


async def test_a_token_source_that_fails_ends_it_and_says_why() -> None:
    def broken() -> str:
        raise OSError("the back end is away")

    rig = Rig(token=broken)
    async with rig.client:
        with pytest.raises(Stopped, match="the back end is away"):
            await rig.next()


async def test_a_link_that_answers_nothing_is_left(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "PONG_WITHIN_S", 0.001)
    await rig.next()
    rig.naps.wake.set()
    assert isinstance(await rig.next(), Offline)
    assert rig.sent("ping")
    assert isinstance(await rig.next(), Online)


async def test_nobody_at_home_is_tried_again_with_growing_delays() -> None:
    class Nobody(FakeNetwork):
        async def __call__(self, url: str, encoding: Any) -> FakeSocket:
            from parlance_client import Unreachable

            if len(self.urls) < 6:
                self.urls.append(url)
                raise Unreachable(url, "refused")
            return await super().__call__(url, encoding)

    rig = Rig()
    rig.network = Nobody()
    rig.client._link._dial = rig.network
    async with rig.client:
        await rig.until(Online)
    assert len(rig.naps.taken_s) == 6
    assert all(delay <= 0.5 * 2**attempt for attempt, delay in enumerate(rig.naps.taken_s))


async def test_notifications_of_the_welcome_and_drafts_are_events_too() -> None:
    rig = Rig()
    bell = {
        "type": "notification", "channel": "user:u1", "notification_id": "n1", "priority": "high", "title": "t",
        "body": "b", "at_ms": 1,
    }  # fmt: skip
    rig.network.next_welcome = welcome(notifications=[bell], unread=1)
    async with rig.client:
        assert isinstance(await rig.until(Notification), Notification)
        rig.socket.push({"type": "delta", "channel": CHANNEL, "message_id": "m9", "attempt": 0, "seq": 0, "text": "He"})
        await rig.until(Delta)
        assert rig.client.draft(CHANNEL) == "He"
    assert [event async for event in rig.client.events()] == []


async def test_events_nobody_reads_end_it(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "MAX_UNREAD_EVENTS", 3)
    await rig.next()
    event = {"type": "event", "channel": "system", "name": "status", "data": {}}
    rig.socket.push(*[event] * 5)
    with pytest.raises(Stopped, match="wait unread"):
        while True:
            await rig.next()
