"""The client against a scripted socket: answers to their requests, pushes to their reader, ends to everybody."""

from __future__ import annotations

import asyncio

import pytest

from parlance_client import Connection, Push
from parlance_client import connection as connection_module
from parlance_client.encoding import EncodingName
from parlance_client.errors import Disconnected, ProtocolViolation, RequestFailed, RequestTimeout
from parlance_client.frames import Ack, Error, Event, Message, Position
from tests.unit.client.fake_socket import (
    CHANNEL,
    FakeNetwork,
    ack,
    client_on,
    message,
    next_push,
    subscribed,
    welcome,
)

ENCODINGS: tuple[EncodingName, ...] = ("json", "msgpack")


@pytest.fixture
def network() -> FakeNetwork:
    return FakeNetwork()


@pytest.mark.parametrize("encoding", ENCODINGS)
async def test_guest_keeps_the_token_of_the_welcome(network: FakeNetwork, encoding: EncodingName) -> None:
    async with client_on(network, encoding) as client:
        assert network.socket.sent[0]["type"] == "connect"
        assert "token" not in network.socket.sent[0]
        assert client.token == "guest-token"
        assert client.welcome is not None
        assert client.welcome.user.name == "Alice"


@pytest.mark.parametrize("encoding", ENCODINGS)
async def test_send_makes_a_key_and_returns_the_ack(network: FakeNetwork, encoding: EncodingName) -> None:
    async with client_on(network, encoding) as client:
        network.socket.replies["send"] = ack(offset=7)
        answer = await client.send(CHANNEL, "hi", data={"a": 1})
        assert answer.offset == 7
        first = network.socket.sent[-1]
        await client.send(CHANNEL, "hi", key="mine")
    assert first["text"] == "hi"
    assert first["data"] == {"a": 1}
    assert 1 <= len(first["key"]) <= 64
    assert network.socket.sent[-1]["key"] == "mine"


async def test_answers_find_their_requests_in_any_order(network: FakeNetwork) -> None:
    async with client_on(network) as client:
        first = asyncio.create_task(client.send(CHANNEL, "one"))
        second = asyncio.create_task(client.send(CHANNEL, "two"))
        await network.socket.sent_in_all(3)
        ids = [frame["id"] for frame in network.socket.sent[1:]]
        network.socket.push(ack(id=ids[1], offset=2), ack(id=ids[0], offset=1))
        assert (await first).offset == 1
        assert (await second).offset == 2


async def test_an_error_frame_fails_its_own_request_only(network: FakeNetwork) -> None:
    async with client_on(network) as client:
        network.socket.replies["ping"] = {
            "type": "error",
            "code": 429,
            "name": "rate_limited",
            "message": "slow down",
            "temporary": True,
            "retry_after_ms": 850,
        }
        network.socket.replies["send"] = ack()
        with pytest.raises(RequestFailed, match="429 rate_limited: slow down") as caught:
            await client.ping()
        assert caught.value.temporary
        assert caught.value.retry_after_ms == 850
        assert (await client.send(CHANNEL, "still works")).message_id == "m1"


async def test_a_refused_token_ends_connect_and_the_socket(network: FakeNetwork) -> None:
    network.next_welcome = {
        "type": "error",
        "temporary": False,
        "code": 401,
        "name": "unauthenticated",
        "message": "no",
    }
    client = client_on(network, token="bad")
    with pytest.raises(RequestFailed) as caught:
        await client.connect()
    assert caught.value.code == 401
    with pytest.raises(Disconnected):
        await client.ping()


async def test_another_kind_of_answer_is_a_violation(network: FakeNetwork) -> None:
    async with client_on(network) as client:
        network.socket.replies["ping"] = ack()
        with pytest.raises(ProtocolViolation, match="expected Pong"):
            await client.ping()


async def test_no_answer_in_time(network: FakeNetwork) -> None:
    async with client_on(network) as client:
        client._request_timeout_s = 0.001
        with pytest.raises(RequestTimeout):
            await client.ping()


async def test_send_many_is_batches_of_at_most_64(network: FakeNetwork) -> None:
    async with client_on(network) as client:
        network.socket.replies["send"] = ack()
        outcomes = await client.send_many(CHANNEL, [f"text {number}" for number in range(65)])
    assert [type(outcome) for outcome in outcomes] == [Ack] * 65
    batch, single = network.socket.sent[1:]
    assert [frame["text"] for frame in batch] == [f"text {number}" for number in range(64)]
    assert single["text"] == "text 64"


async def test_an_error_in_a_batch_stands_in_its_own_place(network: FakeNetwork) -> None:
    async with client_on(network) as client:
        task = asyncio.create_task(client.send_many(CHANNEL, ["a", "", "b"]))
        await network.socket.sent_in_all(2)
        ids = [frame["id"] for frame in network.socket.sent[1]]
        refusal = {
            "type": "error",
            "temporary": False,
            "id": ids[1],
            "code": 422,
            "name": "invalid",
            "message": "empty",
        }
        network.socket.push(ack(id=ids[0], offset=1), refusal, ack(id=ids[2], offset=2))
        first, second, third = await task
    assert isinstance(first, Ack) and first.offset == 1
    assert isinstance(second, RequestFailed) and second.code == 422
    assert isinstance(third, Ack) and third.offset == 2


@pytest.mark.parametrize("encoding", ENCODINGS)
async def test_pushes_come_in_order_unknown_types_are_ignored(network: FakeNetwork, encoding: EncodingName) -> None:
    async with client_on(network, encoding) as client:
        event = {"type": "event", "channel": CHANNEL, "name": "analysis", "data": {"message_id": "m1"}}
        error = {"type": "error", "temporary": False, "code": 400, "name": "bad_frame", "message": "no id"}
        network.socket.push(message(1, data={"x": [1]}), {"type": "of_tomorrow", "n": 1}, event)
        network.socket.push(error)
        first, second, third = [await next_push(client) for _ in range(3)]
    assert isinstance(first, Message) and first.data == {"x": [1]} and first.sender.kind == "bot"
    assert isinstance(second, Event) and second.name == "analysis"
    assert isinstance(third, Error) and third.code == 400


async def test_callback_gets_pushes_at_once(network: FakeNetwork) -> None:
    seen: list[Push] = []
    async with client_on(network, on_push=seen.append) as client:
        network.socket.push(message(1), message(2))
        network.socket.replies["ping"] = {"type": "pong", "time_ms": 5}
        assert (await client.ping()).time_ms == 5
    assert [push.offset for push in seen if isinstance(push, Message)] == [1, 2]


async def test_the_end_of_a_connection_reaches_requests_and_reader(network: FakeNetwork) -> None:
    async with client_on(network) as client:
        pending = asyncio.create_task(client.ping())
        await network.socket.sent_in_all(2)
        network.socket.push({"type": "goodbye", "code": 4500, "after_ms": 120})
        network.socket.drop(4500)
        for lost in (pending, asyncio.create_task(read_to_the_end(client))):
            with pytest.raises(Disconnected) as caught:
                await lost
            assert caught.value.code == 4500
            assert caught.value.after_ms == 120
            assert caught.value.may_reconnect
        with pytest.raises(Disconnected):
            await client.ping()


async def test_pushes_end_after_close_with_what_had_arrived(network: FakeNetwork) -> None:
    client = client_on(network)
    await client.connect()
    network.socket.push(message(1))
    await client.close()
    await client.close()
    assert len([push async for push in client.pushes()]) == 1


@pytest.mark.parametrize("data", [b"{", b'{"type":"message"}', b'[{"id":1}]', b"7"])
async def test_what_is_no_frame_ends_the_connection(network: FakeNetwork, data: bytes) -> None:
    async with client_on(network) as client:
        network.socket.push_bytes(data)
        with pytest.raises(Disconnected) as caught:
            await next_push(client)
        assert caught.value.code == 1002


async def test_unread_pushes_are_bounded(network: FakeNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_module, "MAX_UNREAD_PUSHES", 3)
    async with client_on(network) as client:
        network.socket.push(*[message(offset) for offset in range(1, 5)])
        with pytest.raises(Disconnected, match="pushes wait unread"):
            await read_to_the_end(client)


async def test_reconnect_resumes_after_the_last_message_seen(network: FakeNetwork) -> None:
    async with client_on(network) as client:
        network.socket.replies["subscribe"] = subscribed(3)
        await client.subscribe(CHANNEL)
        network.socket.push(message(4))
        await next_push(client)
        network.socket.drop(1006)
        with pytest.raises(Disconnected):
            await next_push(client)

        entry = {"recovered": True, "epoch": "e1", "offset": 6, "messages": [message(5), message(6)]}
        network.next_welcome = welcome(channels={CHANNEL: entry})
        await client.reconnect()
        hello = network.socket.sent[0]
        assert hello["token"] == "guest-token"
        assert hello["resume"] == {CHANNEL: {"epoch": "e1", "offset": 4}}
        network.socket.push(message(7))
        assert [await offset_of_next(client) for _ in range(3)] == [5, 6, 7]
        assert client.positions[CHANNEL] == Position(epoch="e1", offset=7)


async def test_reconnect_follows_a_refused_recovery_and_drops_what_is_gone(network: FakeNetwork) -> None:
    gone = "conv:01J00000000000000000000001"
    async with client_on(network) as client:
        client.positions = {CHANNEL: Position("old", 9), gone: Position("e1", 1)}
        refused = {"recovered": False, "epoch": "new", "offset": 2, "messages": []}
        error = {"error": {"code": 404, "name": "not_found"}}
        network.next_welcome = welcome(channels={CHANNEL: refused, gone: error})
        await client.reconnect()
        assert client.positions == {CHANNEL: Position("new", 2)}


async def test_unsubscribed_is_not_resumed(network: FakeNetwork) -> None:
    async with client_on(network) as client:
        network.socket.replies["subscribe"] = subscribed(0)
        network.socket.replies["unsubscribe"] = {"type": "unsubscribed", "channel": CHANNEL}
        await client.subscribe(CHANNEL)
        await client.unsubscribe(CHANNEL)
        assert client.positions == {}


@pytest.mark.parametrize(
    ("codes", "may_reconnect"),
    [((1007, 1009, 4400, 4403), False), ((1006, 1012, 4401, 4408, 4429, 4500, 4501, 4503), True)],
)
def test_who_may_come_back(codes: tuple[int, ...], may_reconnect: bool) -> None:
    assert {Disconnected(code).may_reconnect for code in codes} == {may_reconnect}


async def read_to_the_end(client: Connection) -> None:
    async for _ in client.pushes():
        pass


async def offset_of_next(client: Connection) -> int:
    push = await next_push(client)
    assert isinstance(push, Message)
    return push.offset


async def test_signals_have_no_answer_and_verbs_have(network: FakeNetwork) -> None:
    async with client_on(network) as client:
        network.socket.replies |= {
            "presence": {"type": "presence"},
            "who": {"type": "who", "channel": CHANNEL, "members": []},
        }
        await client.typing(CHANNEL)
        await client.receipt(CHANNEL, 7)
        await client.presence("busy", "in a call")
        assert (await client.who(CHANNEL)).members == []
        typing, receipt, presence, who = network.socket.sent[1:]
        assert typing == {"type": "typing", "channel": CHANNEL, "on": True}
        assert receipt == {"type": "receipt", "channel": CHANNEL, "kind": "read", "offset": 7}
        assert (presence["status"], presence["text"]) == ("busy", "in a call")
        assert who["channel"] == CHANNEL
    with pytest.raises(Disconnected):
        await client.typing(CHANNEL)
