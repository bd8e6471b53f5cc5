"""A stranger's client, written from PROTOCOL.md alone: nothing of ours is imported but the process of the server."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Callable
from typing import Any

import msgpack
import pytest
from websockets.asyncio.client import ClientConnection, connect

from tests.support.server import ServerProcess

Codec = tuple[str, Callable[[Any], Any], Callable[[Any], Any]]
JSON: Codec = ("parlance.v1.json", json.dumps, json.loads)
MSGPACK: Codec = ("parlance.v1.msgpack", msgpack.packb, msgpack.unpackb)
ACTS = {"greeting", "thanks", "goodbye", "question", "request", "complaint", "affirm", "deny", "other"}
LABELS = {"very_negative", "negative", "neutral", "positive", "very_positive"}
EMOTIONS = {"joy", "anger", "fear", "sadness", "surprise", "neutral"}


class Stranger:
    """Reads frames in order; keeps what it was not waiting for."""

    def __init__(self, socket: ClientConnection, codec: Codec) -> None:
        self.socket = socket
        _, self.encode, self.decode = codec
        self.kept: list[dict[str, Any]] = []

    async def tell(self, frame: dict[str, Any]) -> None:
        await self.socket.send(self.encode(frame))

    async def wait_for(self, **wanted: Any) -> dict[str, Any]:
        async with asyncio.timeout(15):
            while True:
                for place, frame in enumerate(self.kept):
                    if wanted.items() <= frame.items():
                        return self.kept.pop(place)
                message = self.decode(await self.socket.recv())
                self.kept += message if isinstance(message, list) else [message]

    async def request(self, frame: dict[str, Any]) -> dict[str, Any]:
        await self.tell(frame)
        return await self.wait_for(id=frame["id"])


@pytest.mark.parametrize("codec", [JSON, MSGPACK], ids=["json", "msgpack"])
async def test_a_stranger_chats(server: ServerProcess, codec: Codec) -> None:
    async with connect(server.ws_url, subprotocols=[codec[0]]) as socket:  # type: ignore[list-item]
        assert socket.subprotocol == codec[0]
        me = Stranger(socket, codec)
        welcome = await me.request({"type": "connect", "id": 1, "client": {"name": "stranger", "version": "0"}})
        check_welcome(welcome)
        opened = await me.request({"type": "open", "id": 2, "key": uuid.uuid4().hex, "metadata": {"page": "/help"}})
        check_opened(opened)
        answer = await say(me, opened, welcome["user"])
        await look_back(me, opened["channel"], answer)
        accepted = await me.request({"type": "feedback", "id": 20, "message_id": answer["message_id"], "rating": 1})
        assert accepted == {"type": "feedback", "id": 20, "message_id": answer["message_id"], "accepted": True}
        pong = await me.request({"type": "ping", "id": "a ping"})
        assert pong["type"] == "pong" and type(pong["time_ms"]) is int
    await come_back(server, codec, welcome, answer)


def check_welcome(welcome: dict[str, Any]) -> None:
    assert welcome["type"] == "welcome"
    assert welcome["user"]["kind"] == "customer" and welcome["user"]["id"] and "name" in welcome["user"]
    assert isinstance(welcome["token"], str) and isinstance(welcome["session"], str)
    assert welcome["ping_interval_ms"] == 25_000
    assert welcome["max_message_bytes"] == 131_072
    assert type(welcome["time_ms"]) is int
    assert welcome["server"]["name"] == "parlance" and welcome["server"]["version"]
    assert (welcome["notifications"], welcome["unread"], welcome["channels"]) == ([], 0, {})


def check_opened(opened: dict[str, Any]) -> None:
    assert opened["type"] == "opened"
    assert opened["channel"].startswith("conv:")
    assert (opened["offset"], opened["duplicate"]) == (0, False)
    conversation = opened["conversation"]
    assert conversation["channel"] == opened["channel"]
    assert (conversation["state"], conversation["resolved"], conversation["offset"]) == ("bot", False, 0)
    assert (conversation["read_offset"], conversation["unread"]) == (0, 0)
    assert type(conversation["at_ms"]) is int


async def say(me: Stranger, opened: dict[str, Any], user: dict[str, Any]) -> dict[str, Any]:
    """Send a message; its ack, its own push, its analysis and the bot's answer."""
    channel, key = opened["channel"], uuid.uuid4().hex
    text = "My parcel #4711 is late and I am really annoyed!"
    ack = await me.request({"type": "send", "id": 3, "channel": channel, "key": key, "text": text})
    assert ack["type"] == "ack"
    assert (ack["channel"], ack["key"], ack["offset"], ack["duplicate"]) == (channel, key, 1, False)

    own = await me.wait_for(type="message", message_id=ack["message_id"])
    assert (own["channel"], own["epoch"], own["offset"]) == (channel, opened["epoch"], 1)
    assert (own["from"], own["text"], own["key"], own["at_ms"]) == (user, text, key, ack["at_ms"])
    assert "turn" not in own and "id" not in own

    event = await me.wait_for(type="event", name="analysis")
    assert event["channel"] == channel and event["data"]["message_id"] == ack["message_id"]
    check_analysis(event["data"]["analysis"], text)

    answer = await me.wait_for(type="message", reply_to=ack["message_id"])
    assert answer["from"]["kind"] == "bot" and answer["text"]
    assert (answer["offset"], answer["epoch"]) == (2, opened["epoch"])
    turn = answer["turn"]
    assert turn["decision_id"] and turn["persona"] and turn["policy"]
    assert type(turn["version"]) is int and 0 < turn["propensity"] <= 1
    assert all(type(turn[name]) is int and turn[name] >= 0 for name in ("analysis_us", "decide_us", "total_us"))
    return answer


def check_analysis(analysis: dict[str, Any], text: str) -> None:
    assert isinstance(analysis["intent"], str) and isinstance(analysis["model"], str)
    for name in ("intent_confidence", "out_of_scope", "urgency", "toxicity"):
        assert 0 <= analysis[name] <= 1, name
    assert -1 <= analysis["politeness"] <= 1
    assert analysis["act"] in ACTS
    assert analysis["sentiment"]["label"] in LABELS
    assert -1 <= analysis["sentiment"]["score"] <= 1 and 0 <= analysis["sentiment"]["confidence"] <= 1
    assert set(analysis["emotions"]) == EMOTIONS
    assert sum(analysis["emotions"].values()) == pytest.approx(1, abs=1e-3)
    assert analysis["language"] == "en"
    assert type(analysis["cached"]) is bool and type(analysis["latency_us"]) is int
    assert {entity["text"] for entity in analysis["entities"]} >= {"#4711"}
    assert all(text[entity["start"] : entity["end"]] == entity["text"] for entity in analysis["entities"])


async def look_back(me: Stranger, channel: str, answer: dict[str, Any]) -> None:
    history = await me.request({"type": "history", "id": 10, "channel": channel, "limit": 50})
    assert history["type"] == "history" and history["channel"] == channel and history["more"] is False
    assert [message["offset"] for message in history["messages"]] == [1, 2]
    assert history["messages"][1] == answer
    assert history["epoch"] == answer["epoch"]


async def come_back(server: ServerProcess, codec: Codec, welcome: dict[str, Any], answer: dict[str, Any]) -> None:
    """As the same user on a new connection: resubscribe after the first message, and resume with connect."""
    channel, position = answer["channel"], {"epoch": answer["epoch"], "offset": 1}
    async with connect(server.ws_url, subprotocols=[codec[0]]) as socket:  # type: ignore[list-item]
        me = Stranger(socket, codec)
        again = await me.request({"type": "connect", "id": 1, "token": welcome["token"]})
        assert again["user"] == welcome["user"] and "token" not in again
        found = await me.request({"type": "subscribe", "id": 2, "channel": channel, **position})
        assert found["type"] == "subscribed" and found["recovered"] is True and found["offset"] == 2
        assert found["messages"] == [answer]
    async with connect(server.ws_url, subprotocols=[codec[0]]) as socket:  # type: ignore[list-item]
        me = Stranger(socket, codec)
        resume = {channel: position}
        resumed = await me.request({"type": "connect", "id": 1, "token": welcome["token"], "resume": resume})
        entry = resumed["channels"][channel]
        assert (entry["recovered"], entry["epoch"], entry["offset"]) == (True, answer["epoch"], 2)
        assert entry["messages"] == [answer]
        sent = await me.request({"type": "send", "id": 3, "channel": channel, "key": "next", "text": "thank you"})
        pushed = await me.wait_for(type="message", message_id=sent["message_id"])
        assert pushed["offset"] == 3
