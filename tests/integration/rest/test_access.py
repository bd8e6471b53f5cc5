"""Whose conversation it is, who may do what in it, and who is there."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

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


WITHIN: list[tuple[str, str, Any]] = [
    ("GET", "", None),
    ("GET", "/messages", None),
    ("POST", "/messages", {"key": "k", "text": "t"}),
    ("POST", "/receipts", {"kind": "read", "offset": 0}),
    ("POST", "/resolve", None),
    ("POST", "/rating", {"rating": 1}),
    ("POST", "/handoff", None),
    ("GET", "/presence", None),
    ("GET", "/members", None),
    ("PATCH", "/members", {"add": ["x"]}),
    ("PUT", "/members", {"members": []}),
]


@pytest.mark.parametrize(("method", "path", "body"), WITHIN, ids=[f"{row[0]} {row[1]}" for row in WITHIN])
async def test_a_foreign_conversation_looks_like_none(call: Call, method: str, path: str, body: Any) -> None:
    owner, stranger = call("customer"), call("customer")
    foreign = await owner.open()
    real = await stranger.call(method, f"/v1/conversations/{foreign}{path}", body)
    none = await stranger.call(method, f"/v1/conversations/{UNKNOWN}{path}", body)
    assert real.status_code == 404
    assert real.content == none.content
    assert {name: value for name, value in real.headers.items() if name != "date"} == {
        name: value for name, value in none.headers.items() if name != "date"
    }


@pytest.mark.parametrize("channel", ["conv:", "x", "system", "agent:queue", "%00", "conv:%F0%9F%99%82", "a" * 150])
async def test_what_is_no_conversation_is_404(call: Call, channel: str) -> None:
    for kind in ("customer", "admin"):
        assert await call(kind).refused("GET", f"/v1/conversations/{channel}/messages") == NOT_FOUND


async def test_staff_acts_in_every_conversation_and_customers_in_none_of_theirs(call: Call) -> None:
    channel = await call("customer").open()
    for kind in ("agent", "service", "admin"):
        staff = call(kind)
        await staff.send(channel, f"by a {kind}")
        assert len(await staff.history(channel)) >= 1
    kinds = [message["from"]["kind"] for message in await call("admin").history(channel)]
    assert kinds == ["agent", "bot", "agent"]


async def test_members_are_staffs_matter(strict_server: ServerProcess, call: Call, join: Join) -> None:
    carl, dora, ann = call("customer"), call("customer"), call("agent")
    channel = await carl.open()
    members = f"/v1/conversations/{channel}/members"
    await dora.does("GET", "/v1/conversations")  # known from now on
    assert await carl.refused("GET", members) == FORBIDDEN
    assert await carl.refused("PATCH", members, {"add": [dora.user_id]}) == FORBIDDEN
    now = await ann.does("PATCH", members, {"add": [dora.user_id]})
    assert [user["id"] for user in now["members"]] == [carl.user_id, dora.user_id]
    phone = await socket_of(join, strict_server, dora)
    assert (await phone.ask("subscribe", channel=channel))["type"] == "subscribed"
    now = await ann.does("PUT", members, {"members": [carl.user_id]})
    assert [user["id"] for user in now["members"]] == [carl.user_id]
    assert (await dora.refused("GET", f"/v1/conversations/{channel}")) == NOT_FOUND
    while (await phone.ask("unsubscribe", channel=channel))["type"] != "error":  # the word travels to the worker
        await phone.ask("subscribe", channel=channel)
    assert await ann.refused("PATCH", members, {"add": ["nobody-knows"]}) == NOT_FOUND
    assert await ann.refused("PATCH", members, {"add": ["x"], "remove": ["x"]}) == (400, "bad_frame")


async def test_a_conversation_is_handed_over_and_back(strict_server: ServerProcess, call: Call, join: Join) -> None:
    carl, ann, ben, shop, root = (call(kind) for kind in ("customer", "agent", "agent", "service", "admin"))
    channel = await carl.open()
    at = f"/v1/conversations/{channel}"
    await socket_of(join, strict_server, ann)  # a device, so that the claim doesn't lapse
    for somebody in (carl, shop):
        assert await somebody.refused("POST", f"{at}/claim") == FORBIDDEN
        assert await somebody.refused("POST", f"{at}/release") == FORBIDDEN
    assert await ann.refused("POST", f"{at}/release") == CONFLICT
    assert await carl.does("POST", f"{at}/handoff", {"reason": "please"}) == {"channel": channel, "state": "waiting"}
    claimed = await ann.does("POST", f"{at}/claim")
    assert claimed["agent"]["id"] == ann.user_id
    assert await ben.refused("POST", f"{at}/claim") == CONFLICT
    body = {"key": "k", "text": "t"}
    for somebody in (ben, shop, root):
        assert await somebody.refused("POST", f"{at}/messages", body) == CONFLICT
    await ann.send(channel, "I am here")
    assert (await carl.does("GET", at))["agent"]["id"] == ann.user_id
    assert await ben.refused("POST", f"{at}/release") == CONFLICT
    assert await root.does("POST", f"{at}/release") == {"channel": channel}
    told = [message.get("data", {}).get("event") for message in await carl.history(channel)]
    assert told == ["waiting", "claimed", None, "released"]


# ------------------------------------------------------------------ presence


async def test_who_is_there_and_how(strict_server: ServerProcess, call: Call, join: Join) -> None:
    carl, ann = call("customer"), call("agent")
    channel = await carl.open()
    phone = await socket_of(join, strict_server, carl)
    await phone.ask("subscribe", channel=channel)
    await carl.does("PATCH", "/v1/users/me/presence", {"status": "busy", "text": "eating"})
    while not (present := (await ann.does("GET", f"/v1/conversations/{channel}/presence"))["members"]):
        await asyncio.sleep(0.02)
    (shown,) = present
    assert (shown["user"]["id"], shown["status"], shown["text"], shown["devices"]) == (
        carl.user_id,
        "busy",
        "eating",
        1,
    )
    me = await carl.does("GET", "/v1/users/me")
    assert (me["id"], me["status"], me["text"], me["devices"]) == (carl.user_id, "busy", "eating", 1)
    assert await ann.refused("PATCH", f"/v1/users/{carl.user_id}/presence", {"status": "away"}) == FORBIDDEN
    await carl.does("PATCH", "/v1/users/me/presence", {"status": "invisible"})
    seen = await call("admin").does("GET", f"/v1/users/{carl.user_id}")
    assert (seen["status"], seen["devices"]) == ("offline", 0) and "text" not in seen
    assert (await carl.does("GET", "/v1/users/me"))["devices"] == 1
