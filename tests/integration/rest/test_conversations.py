"""Conversations and messages over HTTP: the socket's own, by the same keys, in pages."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from tests.integration.conftest import Join
from tests.integration.peer import Peer
from tests.integration.rest.client import Rest
from tests.integration.rest.conftest import Call
from tests.support.server import ServerProcess

UNKNOWN = "conv:01JCN3V7Q2K8Z5W4X9Y6T1R0SA"
NOT_FOUND, FORBIDDEN, CONFLICT = (404, "not_found"), (403, "forbidden"), (409, "conflict")


async def socket_of(join: Join, server: ServerProcess, rest: Rest) -> Peer:
    """The same user over the socket."""
    peer: Peer = await join(server, token=rest.token)
    return peer


# ------------------------------------------------------------------ the same conversations


async def test_both_roads_lead_to_one_conversation(strict_server: ServerProcess, call: Call, join: Join) -> None:
    carl = call("customer")
    channel = await carl.open()
    phone = await socket_of(join, strict_server, carl)
    subscribed = await phone.ask("subscribe", channel=channel)
    ack = await carl.send(channel, "where is my parcel", key="m1")
    pushed = await phone.push("message", message_id=ack["message_id"])
    assert (pushed["text"], pushed["key"], pushed["offset"]) == ("where is my parcel", "m1", 1)
    answer = await phone.bot_reply(ack["message_id"])
    by_socket = await phone.ask("send", channel=channel, key="m2", text="thank you")
    await phone.bot_reply(by_socket["message_id"])
    page = await carl.does("GET", f"/v1/conversations/{channel}/messages")
    over_socket = await phone.ask("history", channel=channel)
    assert page == {name: over_socket[name] for name in ("channel", "epoch", "messages", "more")}
    assert page["epoch"] == subscribed["epoch"]
    assert page["messages"][1] == answer
    assert set(answer["turn"]) == {"decision_id", "persona"}  # explain is off here, over both roads


async def test_a_key_is_one_over_both_roads(strict_server: ServerProcess, call: Call, join: Join) -> None:
    carl = call("customer")
    phone = await socket_of(join, strict_server, carl)
    opened = await phone.ask("open", key="once", metadata={"a": 1})
    again = await carl.call("POST", "/v1/conversations", {"metadata": {"a": 1}}, headers={"idempotency-key": "once"})
    assert (again.status_code, again.json()["channel"], again.json()["duplicate"]) == (200, opened["channel"], True)
    channel = opened["channel"]
    assert await carl.refused("POST", "/v1/conversations", {"key": "once", "metadata": {"a": 2}}) == CONFLICT
    ack = await phone.ask("send", channel=channel, key="k", text="cafe\u0301")
    same = await carl.call("POST", f"/v1/conversations/{channel}/messages", {"key": "k", "text": "caf\u00e9"})
    assert same.status_code == 200
    assert same.json() == {**{name: ack[name] for name in same.json()}, "duplicate": True}
    other = {"key": "k", "text": "tea"}
    assert await carl.refused("POST", f"/v1/conversations/{channel}/messages", other) == CONFLICT


async def test_the_same_key_at_once_is_one_message(call: Call) -> None:
    carl = call("customer")
    channel = await carl.open()
    path, body = f"/v1/conversations/{channel}/messages", {"key": "k", "text": "hello"}
    answers = await asyncio.gather(*(carl.call("POST", path, body) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [201]
    assert len({answer.json()["message_id"] for answer in answers}) == 1


async def test_pages_lead_through_the_whole_conversation(call: Call) -> None:
    ann = call("agent")  # whom the bot doesn't answer
    channel = await ann.open()
    for number in range(7):
        await ann.send(channel, f"{number}")
    for first, seen in ((f"/v1/conversations/{channel}/messages?limit=3", [4, 5, 6, 1, 2, 3, 0]),
                        (f"/v1/conversations/{channel}/messages?after=0&limit=3", [0, 1, 2, 3, 4, 5, 6])):  # fmt: skip
        texts: list[str] = []
        path: str | None = first
        while path:
            page = await ann.call("GET", path)
            texts += [message["text"] for message in page.json()["messages"]]
            assert page.json()["more"] == ("next" in page.links)
            path = page.links["next"]["url"] if page.json()["more"] else None
        assert texts == [str(number) for number in seen]
    both = f"/v1/conversations/{channel}/messages?after=0&before=9"
    assert await ann.refused("GET", both) == (400, "bad_frame")


async def test_conversations_come_newest_first_in_pages(call: Call) -> None:
    carl = call("customer")
    channels = []
    for number in range(3):
        channels.append((await carl.does("POST", "/v1/conversations", {"key": f"k{number}"}))["channel"])
        await asyncio.sleep(0.003)  # pages are told apart by at_ms
    seen: list[str] = []
    path: str | None = "/v1/conversations?limit=2"
    while path:
        page = await carl.call("GET", path)
        seen += [item["channel"] for item in page.json()["items"]]
        path = page.links.get("next", {}).get("url")
    assert seen == channels[::-1]
    one = await carl.does("GET", f"/v1/conversations/{channels[0].removeprefix('conv:')}")
    assert (one["channel"], one["state"], one["resolved"], one["unread"]) == (channels[0], "bot", False, 0)


async def test_receipts_count_what_is_unread(strict_server: ServerProcess, call: Call, join: Join) -> None:
    carl, ann = call("customer"), call("agent")
    channel = await carl.open()
    for number in range(3):
        await ann.send(channel, f"{number}")
    watcher = await socket_of(join, strict_server, ann)
    await watcher.ask("subscribe", channel=channel)
    assert (await carl.does("GET", f"/v1/conversations/{channel}"))["unread"] == 3
    await carl.does("POST", f"/v1/conversations/{channel}/receipts", {"kind": "read", "offset": 2})
    moved = await watcher.push("receipt", channel=channel)
    assert (moved["user"]["id"], moved["kind"], moved["offset"]) == (carl.user_id, "read", 2)
    found = await carl.does("GET", f"/v1/conversations/{channel}")
    assert (found["read_offset"], found["unread"]) == (2, 1)
    beyond = {"kind": "read", "offset": 99}
    assert await carl.refused("POST", f"/v1/conversations/{channel}/receipts", beyond) == (422, "invalid")


async def test_answers_and_conversations_are_rated_and_resolved(call: Call) -> None:
    carl = call("customer")
    channel = await carl.open()
    await carl.send(channel, "where is my parcel")
    while len(messages := await carl.history(channel)) < 2:
        await asyncio.sleep(0.02)
    answer = messages[1]["message_id"]
    rated = await carl.does("POST", f"/v1/messages/{answer}/feedback", {"rating": 1, "comment": "good"})
    assert rated == {"message_id": answer, "accepted": True}
    too_much = {"rating": 1.5}
    assert await carl.refused("POST", f"/v1/messages/{answer}/feedback", too_much) == (422, "invalid")
    own = messages[0]["message_id"]
    assert await carl.refused("POST", f"/v1/messages/{own}/feedback", {"rating": 1}) == NOT_FOUND
    body = {"rating": 0.8, "comment": "quick", "categories": ["delivery"]}
    assert await carl.does("POST", f"/v1/conversations/{channel}/rating", body) == {
        "channel": channel,
        "accepted": True,
    }
    resolved = await carl.does("POST", f"/v1/conversations/{channel}/resolve")
    assert resolved == {"channel": channel, "resolved": True}
    assert (await carl.does("GET", f"/v1/conversations/{channel}"))["resolved"] is True
    await carl.does("POST", f"/v1/conversations/{channel}/resolve", {"resolved": False})
    events = [message["data"]["event"] for message in (await carl.history(channel))[2:]]
    assert events == ["resolved", "reopened"]


async def test_bodies_are_bounded(call: Call) -> None:
    carl = call("customer")
    channel = await carl.open()
    body = {"key": "k", "text": "x" * 140_000}
    assert await carl.refused("POST", f"/v1/conversations/{channel}/messages", body) == (413, "too_large")
    data = {"key": "k", "text": "t", "data": {"x": "y" * 9_000}}
    assert await carl.refused("POST", f"/v1/conversations/{channel}/messages", data) == (413, "too_large")


async def test_a_body_without_length_is_read_and_bounded(call: Call) -> None:
    carl = call("customer")
    path = f"/v1/conversations/{await carl.open()}/messages"

    async def pieces(text: str) -> Any:
        content = json.dumps({"key": "k", "text": text}).encode()
        for start in range(0, len(content), 8_192):
            yield content[start : start + 8_192]

    headers = {"content-type": "application/json"}
    assert (await carl.http.post(path, content=pieces("short"), headers=headers)).status_code == 201
    assert (await carl.http.post(path, content=pieces("x" * 140_000), headers=headers)).status_code == 413
