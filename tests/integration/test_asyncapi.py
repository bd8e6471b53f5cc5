"""A running server's frames are those of its own AsyncAPI document, in both encodings."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

import pytest
from jsonschema import Draft7Validator

from server.wire.asyncapi import asyncapi
from tests.integration.conftest import Join, made_by_cli
from tests.integration.peer import ENCODINGS, Encoding, Frame, Peer
from tests.integration.rest.client import Rest
from tests.support.server import ServerProcess


@pytest.fixture(scope="module")
def document(server: ServerProcess) -> dict[str, Any]:
    """``/asyncapi.json``, which needs no token."""
    with urllib.request.urlopen(f"{server.http_url}/asyncapi.json") as answer:  # noqa: S310
        assert answer.headers["content-type"] == "application/json"
        found: dict[str, Any] = json.load(answer)
    return found


class Watched:
    """Keeps what a peer receives."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self.seen: list[Frame] = [peer.welcome]

    async def ask(self, kind: str, **fields: Any) -> Frame:
        answer = await self.peer.ask(kind, **fields)
        self.seen.append(answer)
        return answer

    async def all_so_far(self) -> list[Frame]:
        self.seen += await self.peer.everything_until_pong()
        return self.seen


def wrong_by(document: dict[str, Any], frame: Frame) -> list[str]:
    """How a frame differs from every message of its type that the server may send."""
    told = document["components"]["messages"].values()
    mine = [one["payload"] for one in told if one["name"] == frame["type"] and "(server)" in one["title"]]
    assert len(mine) == 1, frame["type"]
    validator = Draft7Validator({"allOf": mine, "components": document["components"]})
    known = document["components"]["schemas"][mine[0]["$ref"].rpartition("/")[2]]["properties"]
    strange = [f"{frame['type']} has {name}, which is not documented" for name in frame if name not in known]
    return strange + [f"{frame['type']}: {error.message}" for error in validator.iter_errors(frame)]


def test_it_is_the_document_of_this_release(document: dict[str, Any]) -> None:
    assert document == asyncapi(document["info"]["version"])


@pytest.mark.parametrize("encoding", ENCODINGS)
async def test_what_is_received_is_what_is_documented(
    server: ServerProcess, join: Join, agent_token: str, document: dict[str, Any], encoding: Encoding
) -> None:
    customer = Watched(await join(server, encoding))
    agent = Watched(await join(server, encoding, token=agent_token))
    channel = await customer.peer.open()
    await agent.ask("subscribe", channel="agent:queue")
    await agent.ask("subscribe", channel=channel)
    ack = await customer.ask("send", channel=channel, key="k", text="My card was declined!", data={"a": 1})
    customer.seen.append(answer := await customer.peer.bot_reply(ack["message_id"]))
    await customer.peer.say({"type": "typing", "channel": channel, "on": True})
    agent.seen.append(await agent.peer.push("typing", channel=channel))
    await customer.peer.say({"type": "receipt", "channel": channel, "kind": "read", "offset": 1})
    agent.seen.append(await agent.peer.push("receipt", channel=channel))
    agent.seen.append(await agent.peer.push("presence", channel=channel))
    for kind, fields in (
        ("feedback", {"message_id": answer["message_id"], "rating": 1}),
        ("subscribe", {"channel": channel, "epoch": answer["epoch"], "offset": 1}),
        ("history", {"channel": channel}),
        ("conversations", {}),
        ("who", {"channel": channel}),
        ("presence", {"status": "away"}),
        ("handoff", {"channel": channel}),
        ("rate", {"channel": channel, "rating": 1}),
        ("resolve", {"channel": channel, "resolved": True}),
        ("refresh", {"token": customer.peer.token}),
        ("send", {"channel": channel, "key": "k", "text": "other"}),
        ("claim", {"channel": channel}),
        ("unsubscribe", {"channel": channel}),
        ("ping", {}),
    ):
        await customer.ask(kind, **fields)
    for kind in ("members", "claim", "release"):
        await agent.ask(kind, channel=channel)
    frames = await customer.all_so_far() + await agent.all_so_far()
    assert [found for frame in frames for found in wrong_by(document, frame)] == []
    kinds = {frame["type"] for frame in frames}
    assert kinds >= {
        "welcome", "ack", "message", "event", "error", "typing", "receipt", "presence", "feedback", "subscribed",
        "unsubscribed", "history", "conversations", "who", "handoff", "rate", "resolved", "refreshed", "members",
        "claimed", "released", "pong",
    }  # fmt: skip


async def test_a_notification_and_its_seeing_are_documented(
    server: ServerProcess, join: Join, document: dict[str, Any]
) -> None:
    root = made_by_cli(server, "--kind", "admin", "--sub", "root-of-asyncapi")
    customer = Watched(await join(server))
    await customer.ask("open", key="k")  # a guest is known when it opens a conversation
    body = {"user_id": customer.peer.user["id"], "title": "t", "body": "b"}
    office = Rest(server, root)
    notified = await office.does("POST", "/v1/notifications", body)
    await office.http.aclose()
    customer.seen.append(await customer.peer.push("notification"))
    await customer.ask("seen", notification_id=notified["notification_id"])
    frames = await customer.all_so_far()
    assert [found for frame in frames for found in wrong_by(document, frame)] == []
    assert {"notification", "seen"} <= {frame["type"] for frame in frames}


def test_a_frame_that_is_not_documented_is_noticed(document: dict[str, Any]) -> None:
    pong = {"type": "pong", "id": 1, "time_ms": 5}
    assert wrong_by(document, pong) == []
    assert wrong_by(document, {**pong, "time_ms": "5"}) == ["pong: '5' is not of type 'integer'"]
    assert wrong_by(document, {**pong, "more": 1}) == ["pong has more, which is not documented"]
    assert wrong_by(document, {"type": "pong", "id": 1}) == ["pong: 'time_ms' is a required property"]
