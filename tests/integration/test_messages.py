"""PROTOCOL §5: what a message may be, that it is stored once, and who may send where."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.integration.conftest import Join
from tests.integration.peer import ENCODINGS, Encoding, Frame, Peer, messages_of, without_id
from tests.support.server import ServerProcess

COMPOSED, DECOMPOSED = "caf\u00e9", "cafe\u0301"


@pytest.fixture(params=ENCODINGS)
async def peer(request: pytest.FixtureRequest, server: ServerProcess, join: Join) -> Peer:
    encoding: Encoding = request.param
    return await join(server, encoding)


async def own_messages(peer: Peer, channel: str) -> list[Frame]:
    """The user's own messages as the history has them."""
    page = await peer.ask("history", channel=channel, limit=200)
    return [message for message in page["messages"] if message["from"]["id"] == peer.user["id"]]


# ------------------------------------------------------------------ texts


@pytest.mark.parametrize(
    "text", ["x", " ", "\n", "x" * 8000, "🙂" * 8000, DECOMPOSED * 1600], ids=lambda text: f"{text[:5]!r}×{len(text)}"
)
async def test_texts_that_are_taken(peer: Peer, text: str) -> None:
    channel = await peer.open()
    assert (await peer.send(channel, text))["type"] == "ack"


@pytest.mark.parametrize(
    "text",
    ["", "x" * 8001, "🙂" * 8001, DECOMPOSED * 2001, "nul \0 inside", "\0"],
    ids=["empty", "8001", "8001 emoji", "8004 after NFC", "NUL inside", "NUL"],
)
async def test_texts_that_are_422(peer: Peer, text: str) -> None:
    channel = await peer.open()
    error = await peer.send(channel, text)
    assert (error["type"], error["code"], error["name"]) == ("error", 422, "invalid")
    assert (await peer.ask("history", channel=channel))["messages"] == []


async def test_texts_are_nfc_normalised(peer: Peer) -> None:
    channel = await peer.open()
    ack = await peer.send(channel, DECOMPOSED)
    assert (await peer.push("message", message_id=ack["message_id"]))["text"] == COMPOSED
    assert [message["text"] for message in await own_messages(peer, channel)] == [COMPOSED]


@pytest.mark.parametrize("text", ["<b>&amp;</b>", "'; drop table messages; --", "\u202eright to left", "a\tb\r\nc"])
async def test_texts_come_back_as_they_were(peer: Peer, text: str) -> None:
    channel = await peer.open()
    ack = await peer.send(channel, text)
    assert (await peer.push("message", message_id=ack["message_id"]))["text"] == text


# ------------------------------------------------------------------ data and reply_to


async def test_data_and_reply_to_come_back_as_they_were(peer: Peer) -> None:
    channel = await peer.open()
    data = {"form": {"size": 42, "colors": ["blue", None, True], "weight": 1.5, "é🙂": "ü"}, "": {}}
    first = await peer.send(channel, "first", data=data)
    second = await peer.send(channel, "second", reply_to=first["message_id"])
    assert (await peer.push("message", message_id=first["message_id"]))["data"] == data
    assert (await peer.push("message", message_id=second["message_id"]))["reply_to"] == first["message_id"]
    stored = await own_messages(peer, channel)
    assert stored[0]["data"] == data and "reply_to" not in stored[0]
    assert stored[1]["reply_to"] == first["message_id"] and "data" not in stored[1]


async def test_data_of_8192_bytes_as_json_is_taken_one_more_is_not(peer: Peer) -> None:
    channel = await peer.open()
    envelope = len('{"x":""}')
    assert (await peer.send(channel, "t", data={"x": "y" * (8192 - envelope)}))["type"] == "ack"
    error = await peer.send(channel, "t", data={"x": "y" * (8193 - envelope)})
    assert error["type"] == "error" and error["code"] in {413, 422}
    # Two bytes each in UTF-8: bytes count, not characters.
    error = await peer.send(channel, "t", data={"x": "é" * 4100})
    assert error["code"] in {413, 422}


@pytest.mark.parametrize("value", [b"bytes", float("nan"), float("inf")], ids=repr)
async def test_data_that_json_does_not_have_is_422(server: ServerProcess, join: Join, value: Any) -> None:
    peer: Peer = await join(server, "msgpack")
    channel = await peer.open()
    error = await peer.send(channel, "t", data={"x": value})
    assert (error["type"], error["code"]) == ("error", 422)


# ------------------------------------------------------------------ stored once


async def test_the_same_key_and_content_again_is_one_message(peer: Peer) -> None:
    channel = await peer.open()
    frame = {"channel": channel, "key": "once", "text": COMPOSED, "data": {"a": 1, "b": [2]}}
    first = await peer.ask("send", **frame)
    assert first["duplicate"] is False
    answer = await peer.bot_reply(first["message_id"])
    again = [
        await peer.ask("send", **frame),
        await peer.ask("send", **{**frame, "text": DECOMPOSED}),
        await peer.ask("send", **{**frame, "data": {"b": [2], "a": 1}}),
    ]
    for ack in again:
        assert without_id(ack) == {**without_id(first), "duplicate": True}
    assert len(await own_messages(peer, channel)) == 1
    pushed = [message["message_id"] for message in messages_of(await peer.everything_until_pong())]
    assert pushed.count(first["message_id"]) == 1
    page = await peer.ask("history", channel=channel)
    assert [message["message_id"] for message in page["messages"]] == [first["message_id"], answer["message_id"]]


async def test_the_same_key_at_once_and_from_other_devices_is_one_message(server: ServerProcess, join: Join) -> None:
    phone: Peer = await join(server)
    channel = await phone.open()
    laptop: Peer = await join(server, "msgpack", token=phone.token)
    frame = {"channel": channel, "key": "at once", "text": "hello"}
    acks = await asyncio.gather(*(device.ask("send", **frame) for device in (phone, laptop)))
    batch = [{"type": "send", "id": f"b{number}", **frame} for number in range(10)]
    await phone.say(batch)
    acks += [await phone.answer(f"b{number}") for number in range(10)]
    assert {ack["message_id"] for ack in acks} == {acks[0]["message_id"]}
    assert sorted(ack["duplicate"] for ack in acks) == [False] + [True] * 11
    assert len(await own_messages(phone, channel)) == 1


@pytest.mark.parametrize(
    "change",
    [{"text": "other"}, {"data": {"a": 2}}, {"data": None}, {"reply_to": "01JCN3V7Q2K8Z5W4X9Y6T1R0SA"}],
    ids=["text", "data", "no data", "reply_to"],
)
async def test_the_same_key_with_other_content_is_409(peer: Peer, change: Frame) -> None:
    channel = await peer.open()
    frame = {"channel": channel, "key": "once", "text": "hello", "data": {"a": 1}}
    assert (await peer.ask("send", **frame))["type"] == "ack"
    error = await peer.ask("send", **{**frame, **change})
    assert (error["type"], error["code"], error["name"]) == ("error", 409, "conflict")
    assert [message["text"] for message in await own_messages(peer, channel)] == ["hello"]


async def test_a_key_is_its_users_and_its_channels_own(server: ServerProcess, join: Join, agent_token: str) -> None:
    customer: Peer = await join(server)
    agent: Peer = await join(server, token=agent_token)
    first, second = await customer.open(), await customer.open()
    acks = [
        await customer.send(first, "in the first", key="same"),
        await customer.send(second, "in the second", key="same"),
        await agent.send(first, "of the agent", key="same"),
    ]
    assert [ack["duplicate"] for ack in acks] == [False] * 3
    assert len({ack["message_id"] for ack in acks}) == 3


async def test_keys_of_any_64_characters(peer: Peer) -> None:
    channel = await peer.open()
    for key in ("k", "k" * 64, "é🙂" * 32, " ", "a/b'\"%\\"):
        ack = await peer.send(channel, "t", key=key)
        assert (ack["type"], ack["key"]) == ("ack", key)


# ------------------------------------------------------------------ who may send where


async def test_a_foreign_conversation_looks_like_none(server: ServerProcess, join: Join) -> None:
    owner, stranger = await join(server), await join(server)
    foreign, unknown = await owner.open(), "conv:01JCN3V7Q2K8Z5W4X9Y6T1R0SA"
    for kind, fields in (
        ("send", {"key": "k", "text": "t"}),
        ("subscribe", {}),
        ("subscribe", {"epoch": "e", "offset": 0}),
        ("unsubscribe", {}),
        ("history", {}),
        ("resolve", {"resolved": True}),
    ):
        real = await stranger.ask(kind, channel=foreign, **fields)
        none = await stranger.ask(kind, channel=unknown, **fields)
        assert (real["type"], real["code"], real["name"]) == ("error", 404, "not_found"), kind
        assert without_id(real) == without_id(none), kind
    page = await owner.ask("history", channel=foreign)
    assert page["messages"] == []
    await owner.send(foreign, "a secret")
    assert await stranger.everything_until_pong() == []


@pytest.mark.parametrize(
    "channel", ["conv:", "conv:x", "nonsense", "user:somebody", "conv:01JCN3V7Q2K8Z5W4X9Y6T1R0S\0"]
)
async def test_what_is_no_channel_is_404(peer: Peer, channel: str) -> None:
    for kind, fields in (("send", {"key": "k", "text": "t"}), ("subscribe", {}), ("history", {})):
        error = await peer.ask(kind, channel=channel, **fields)
        assert (error["type"], error["code"]) == ("error", 404), kind


@pytest.mark.parametrize("channel", ["admin:metrics", "admin:alerts", "agent:queue"])
async def test_channels_of_staff_are_closed_to_customers(peer: Peer, channel: str) -> None:
    error = await peer.ask("subscribe", channel=channel)
    assert error["type"] == "error" and error["code"] in {403, 404}


async def test_nobody_sends_to_what_is_no_conversation(peer: Peer) -> None:
    for channel in ("system", f"user:{peer.user['id']}"):
        assert (await peer.send(channel, "t"))["code"] == 404


async def test_staff_speaks_in_every_conversation_and_the_bot_answers_only_customers(
    server: ServerProcess, join: Join, agent_token: str
) -> None:
    customer: Peer = await join(server)
    channel = await customer.open()
    agent: Peer = await join(server, token=agent_token)
    ack = await agent.send(channel, "Hello, Ann here. How can I help?")
    said = await customer.push("message", message_id=ack["message_id"])
    assert said["from"] == {"id": "ann", "kind": "agent", "name": "Ann"}
    asked = await customer.send(channel, "where is my parcel")
    answer = await customer.bot_reply(asked["message_id"])
    assert [ack["offset"], asked["offset"], answer["offset"]] == [1, 2, 3]
    assert (await customer.ask("history", channel=channel))["messages"][-1]["offset"] == 3
