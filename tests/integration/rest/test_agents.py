"""The agents' desk over HTTP: notes, transfers, search, customers, colleagues."""

from __future__ import annotations

import asyncio

from tests.integration.conftest import Join
from tests.integration.peer import Peer
from tests.integration.rest.client import Rest
from tests.integration.rest.conftest import Call
from tests.support.server import ServerProcess

NOT_FOUND, FORBIDDEN, CONFLICT, INVALID = (404, "not_found"), (403, "forbidden"), (409, "conflict"), (422, "invalid")
BAD = (400, "bad_frame")


async def online(join: Join, server: ServerProcess, rest: Rest) -> Peer:
    """The same user over the socket."""
    peer: Peer = await join(server, token=rest.token)
    return peer


def names_of(frames: list[dict[str, object]]) -> list[object]:
    return [frame["name"] for frame in frames if frame["type"] == "event"]


async def test_notes_are_for_agents_alone(strict_server: ServerProcess, call: Call, join: Join) -> None:
    carl, ann, ada, shop = call("customer"), call("agent", name="Ann"), call("admin"), call("service")
    channel = await carl.open()
    at = f"/v1/conversations/{channel}/notes"
    phones = [await online(join, strict_server, rest) for rest in (carl, ann, shop)]
    for phone in phones:
        await phone.ask("subscribe", channel=channel)
    note = await ann.does("POST", at, {"text": "pays late", "key": "n1"})
    assert (note["author"]["name"], note["text"], note["channel"]) == ("Ann", "pays late", channel)
    told = await phones[1].push("event", name="note")
    assert (told["channel"], told["data"]) == (channel, note)
    again = await ann.call("POST", at, {"text": "pays late"}, headers={"idempotency-key": "n1"})
    assert (again.status_code, again.json()) == (200, note)
    assert await ann.refused("POST", at, {"text": "else", "key": "n1"}) == CONFLICT
    assert await ann.refused("POST", at, {"text": "", "key": "n2"}) == INVALID
    assert await ann.refused("POST", at, {"text": "x"}) == BAD
    for stranger, error in ((carl, FORBIDDEN), (shop, FORBIDDEN), (call("customer"), NOT_FOUND)):
        assert await stranger.refused("GET", at) == error
        assert await stranger.refused("POST", at, {"text": "x", "key": "n"}) == error
    await ada.does("POST", at, {"text": "is insured", "key": "n1"})
    page = await ann.does("GET", at, params={"limit": 1})
    assert ([one["text"] for one in page["items"]], page["more"]) == (["is insured"], True)
    older = await ann.call("GET", at, params={"before": page["items"][0]["note_id"]})
    assert [one["text"] for one in older.json()["items"]] == ["pays late"]
    # the customer and the service have seen nothing of it, on no road
    for phone in (phones[0], phones[2]):
        assert "note" not in names_of(await phone.everything_until_pong())
    assert await carl.history(channel) == []


async def test_a_conversation_is_passed_on(strict_server: ServerProcess, call: Call, join: Join) -> None:
    carl, ann, ben = call("customer"), call("agent", name="Ann"), call("agent", name="Ben")
    bens = await online(join, strict_server, ben)
    channel = await carl.open()
    at = f"/v1/conversations/{channel}"
    transfer = f"{at}/transfer"
    assert await ann.refused("POST", transfer, {"agent": ben.user_id}) == CONFLICT
    await ann.does("POST", f"{at}/claim")
    assert await ann.refused("POST", transfer, {}) == INVALID
    assert await ann.refused("POST", transfer, {"agent": carl.user_id}) == NOT_FOUND
    assert await ben.refused("POST", transfer, {"agent": ben.user_id}) == CONFLICT
    assert await carl.refused("POST", transfer, {"agent": ben.user_id}) == FORBIDDEN
    done = await ann.does("POST", transfer, {"agent": ben.user_id, "reason": "speaks French"})
    assert (done["state"], done["agent"]["name"]) == ("claimed", "Ben")
    notice = await bens.push("notification")
    assert (notice["data"], notice["body"]) == ({"transfer": channel}, "speaks French")
    await carl.send(channel, "hello?")
    await ben.send(channel, "bonjour")
    (note,) = (await ben.does("GET", f"{at}/notes"))["items"]
    assert note["text"] == "Passed on to Ben: speaks French"
    back = await ben.does("POST", transfer, {"reason": "needs a lawyer"})
    assert back["state"] == "waiting"
    told = await carl.history(channel)
    assert [one.get("data", {}).get("event") for one in told] == [
        "claimed", "released", "claimed", None, None, "released", "waiting",
    ]  # fmt: skip
    assert "French" not in str(told) and "lawyer" not in str(told)
    await ben.does("POST", f"{at}/claim")
    admin = call("admin")
    assert (await admin.does("POST", transfer, {"agent": ann.user_id}))["agent"]["id"] == ann.user_id


async def test_search_and_a_customers_profile(strict_server: ServerProcess, call: Call) -> None:
    carl, ann = call("customer", name="Carl Zeisig"), call("agent", name="Ann")
    opened = await carl.does("POST", "/v1/conversations", {"key": "one", "metadata": {"plan": "gold"}})
    channel = opened["channel"]
    await carl.send(channel, "my xylophone is broken")
    await ann.does("POST", f"/v1/conversations/{channel}/claim")
    await carl.send(channel, "the xylophones are loud")
    await carl.does("POST", f"/v1/conversations/{channel}/rating", {"rating": 0.75})

    async def found(**query: object) -> list[dict[str, object]]:
        for _ in range(50):  # entered by another worker's side, or a moment later
            page = await ann.does("GET", "/v1/search", params=query)
            if page["items"]:
                break
            await asyncio.sleep(0.1)
        items: list[dict[str, object]] = page["items"]
        return items

    (hit,) = await found(text="Xylophone")
    assert (hit["channel"], hit["hits"], hit["state"]) == (channel, 2, "claimed")
    assert hit["message"]["text"] == "the xylophones are loud"  # type: ignore[index]
    assert [one["channel"] for one in await found(customer="carl zeisig", state="claimed", agent=ann.user_id)] == [
        channel
    ]
    page = await ann.call("GET", "/v1/search", params={"limit": 1})
    assert page.json()["more"] is (page.headers.get("link") is not None)
    assert await ann.refused("GET", "/v1/search", params={"text": "?!"}) == INVALID
    assert await ann.refused("GET", "/v1/search", params={"before": "x"}) == INVALID
    assert await ann.refused("GET", "/v1/search", params={"state": "odd"}) == BAD
    profile = await ann.does("GET", f"/v1/conversations/{channel}/customer")
    assert (profile["user"]["name"], profile["conversations"], profile["mean_rating"]) == ("Carl Zeisig", 1, 0.75)
    assert (profile["metadata"], profile["past"][0]["first_text"]) == ({"plan": "gold"}, "my xylophone is broken")
    assert profile == await ann.does("GET", f"/v1/users/{carl.user_id}/profile")
    assert await ann.refused("GET", "/v1/users/nobody/profile") == NOT_FOUND
    for path in (
        "/v1/search",
        f"/v1/users/{carl.user_id}/profile",
        f"/v1/conversations/{channel}/customer",
        "/v1/agents",
    ):
        assert await carl.refused("GET", path) == FORBIDDEN
        assert await call("service").refused("GET", path) == FORBIDDEN


async def test_colleagues_and_what_they_take_on(strict_server: ServerProcess, call: Call, join: Join) -> None:
    ann, ben, ada = call("agent", name="Ann"), call("agent", name="Ben"), call("admin", name="Ada")

    async def of(rest: Rest) -> dict[str, object]:
        items = (await ada.does("GET", "/v1/agents"))["items"]
        found: dict[str, object] = next(one for one in items if one["user"]["id"] == rest.user_id)
        return found

    await online(join, strict_server, ann)
    await ben.does("GET", "/v1/agents")
    assert ((await of(ann))["status"], (await of(ben))["status"]) == ("online", "offline")
    assert ((await of(ann))["available"], (await of(ben))["available"]) == (True, False)
    channel = await call("customer").open()
    await ann.does("POST", f"/v1/conversations/{channel}/claim")
    shown = await ann.does("PUT", "/v1/agents/me/capacity", {"capacity": 1})
    assert (shown["capacity"], shown["claimed"], shown["free"], shown["available"]) == (1, 1, 0, False)
    assert await ann.refused("PUT", f"/v1/agents/{ben.user_id}/capacity", {"capacity": 1}) == FORBIDDEN
    assert await ann.refused("PUT", "/v1/agents/me/capacity", {"capacity": -1}) == BAD
    assert await ada.refused("PUT", "/v1/agents/nobody/capacity", {"capacity": 1}) == NOT_FOUND
    house = await ada.does("PUT", f"/v1/agents/{ann.user_id}/capacity", {})
    assert (house["capacity"], house["available"]) == (5, True)
    await ann.does("PATCH", "/v1/users/me/presence", {"status": "busy"})
    assert (await of(ann))["available"] is False


async def test_satisfaction_counts_for_who_resolved(strict_server: ServerProcess, call: Call) -> None:
    ann, ben, ada = call("agent", name="Ann"), call("agent", name="Ben"), call("admin")
    for agent, rating in ((ann, 1.0), (ann, 0.5), (ben, 0.25)):
        carl = call("customer")
        at = f"/v1/conversations/{await carl.open()}"
        await agent.does("POST", f"{at}/claim")
        await agent.does("POST", f"{at}/resolve")
        assert (await carl.history(at.rpartition("/")[2]))[-1]["data"]["agent"]["id"] == agent.user_id
        await carl.does("POST", f"{at}/rating", {"rating": rating})
    seen = await ann.does("GET", "/v1/satisfaction")
    assert [(one["agent_id"], one["count"], one["mean"], one["satisfied"]) for one in seen["agents"]] == [
        (ann.user_id, 2, 0.75, 0.5)
    ]
    assert (seen["overall"], len(seen["days"])) == ({"count": 2, "mean": 0.75, "satisfied": 0.5}, 1)
    everybody = await ada.does("GET", "/v1/satisfaction")
    assert {ann.user_id, ben.user_id} <= {one["agent_id"] for one in everybody["agents"]}
    assert (await ada.does("GET", "/v1/satisfaction", params={"from_ms": 0, "to_ms": 5}))["agents"] == []
    assert await ada.refused("GET", "/v1/satisfaction", params={"from_ms": 5, "to_ms": 0}) == INVALID
    assert await call("customer").refused("GET", "/v1/satisfaction") == FORBIDDEN


async def test_what_might_be_answered(strict_server: ServerProcess, call: Call, join: Join) -> None:
    carl, ann, ada = call("customer"), call("agent"), call("admin")
    channel = await carl.open()
    at = f"/v1/conversations/{channel}/suggestions"
    assert await ann.does("GET", at) == {"items": []}
    source = """---
id: glockenspiel-tuning
title: Tuning a glockenspiel
category: instruments
---
A glockenspiel cannot be tuned at home. Send it to the workshop in Basel, and it comes back within two weeks.
"""
    saved = await ada.call("PUT", "/v1/knowledge/articles/glockenspiel-tuning", {"source": source})
    assert saved.is_success, saved.text
    for state in ("approved", "active"):
        await ada.does("PUT", "/v1/knowledge/articles/glockenspiel-tuning/versions/1/state", {"state": state})
    phone = await online(join, strict_server, carl)
    await phone.ask("subscribe", channel=channel)
    sent = await phone.send(channel, "how do I tune my glockenspiel?")
    await phone.bot_reply(sent["message_id"])
    for _ in range(50):  # until this worker has read what is new
        found = await ann.does("GET", at, params={"persona": "calm"})
        if len(found["items"]) > 1:
            break
        await asyncio.sleep(0.1)
    written, article = found["items"][:2]
    assert (written["kind"], written["persona"], found["message_id"]) == ("written", "calm", sent["message_id"])
    assert (article["article"], article["title"]) == ("glockenspiel-tuning", "Tuning a glockenspiel")
    assert "workshop in Basel" in article["text"]
    assert (await ann.does("GET", article["link"]))["title"] == "Tuning a glockenspiel"
    assert len(await carl.history(channel)) == 2  # nothing was sent
    assert await ann.refused("GET", at, params={"persona": "nobody"}) == NOT_FOUND
    assert await carl.refused("GET", at) == FORBIDDEN
