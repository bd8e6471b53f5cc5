"""The demo shop on a real server: questions over the socket are answered from articles, which admins change."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from tests.integration.conftest import STRICT, Join, signed
from tests.integration.peer import Peer
from tests.integration.rest.client import Rest
from tests.support.server import ServerProcess

KNOWLEDGE = "/v1/knowledge"
SHELF = f"{KNOWLEDGE}/articles/assembly"
SOURCE = "---\ntitle: Assembling a shelf\ncategory: service\n---\nWe assemble shelves for 45 euros within the city."
QUESTION = "do you assemble shelves"

Call = Callable[..., Rest]


@pytest.fixture(scope="module")
def demo_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    env = {**STRICT, "PARLANCE_DEMO": "true"}
    with ServerProcess(tmp_path_factory.mktemp("demo") / "data", env=env) as running:
        yield running


@pytest.fixture
async def call(demo_server: ServerProcess) -> AsyncIterator[Call]:
    async with AsyncExitStack() as stack:

        def called(kind: str, **claims: Any) -> Rest:
            rest = Rest(demo_server, signed(kind=kind, **claims))
            stack.push_async_callback(rest.http.aclose)
            return rest

        yield called


async def answered(peer: Peer, text: str) -> dict[str, Any]:
    """The bot's message, in a conversation of its own."""
    ack = await peer.send(await peer.open(), text)
    return await peer.bot_reply(ack["message_id"])


async def test_questions_are_answered_from_articles_that_change_meanwhile(
    demo_server: ServerProcess, join: Join, call: Call
) -> None:
    admin, agent = call("admin", sub="root"), call("agent")
    customer = await join(demo_server, "json", signed())
    first = await answered(customer, "can I pay with paypal")
    assert first["data"]["citations"][0]["article"] == "payment-methods"  # from the first second on
    assert "" not in (await agent.does("GET", f"{KNOWLEDGE}/stats"))["embedded"]
    found = await agent.does("GET", f"{KNOWLEDGE}/search", params={"q": "can I pay with paypal"})
    assert found["items"][0]["article"] == "payment-methods"
    reply = await answered(customer, "can I pay with paypal")
    (citation,) = reply["data"]["citations"]
    assert (citation["article"], citation["version"], citation["title"]) == ("payment-methods", 1, "Ways to pay")
    assert citation["passage"] == "payment-methods" and 0.3 <= citation["score"] <= 1.0
    assert "citations" not in (await answered(customer, "who won the football match yesterday")).get("data", {})
    # An article of one's own, from draft to answer.
    draft = await admin.does("PUT", SHELF, {"source": SOURCE})
    assert (draft["version"], draft["state"], draft["changed_by"]) == (1, "draft", "root")
    assert (await admin.call("PUT", SHELF, {"source": SOURCE})).status_code == 200
    state = f"{SHELF}/versions/1/state"
    assert await admin.refused("PUT", state, {"state": "active"}) == (409, "conflict")
    for to in ("approved", "active"):
        assert (await admin.does("PUT", state, {"state": to}))["state"] == to
    async with asyncio.timeout(30):
        while "45 euros" not in (await answered(customer, QUESTION))["text"]:
            await asyncio.sleep(0.2)
    whole = await agent.does("GET", SHELF)
    assert whole["source"] == SOURCE and [one["state"] for one in whole["changes"]] == ["draft", "approved", "active"]
    await admin.does("PUT", state, {"state": "retired"})
    async with asyncio.timeout(30):
        while "45 euros" in (await answered(customer, QUESTION))["text"]:
            await asyncio.sleep(0.2)


async def test_what_no_article_answers_becomes_a_gap(demo_server: ServerProcess, join: Join, call: Call) -> None:
    admin, agent = call("admin", sub="root"), call("agent")
    for number, text in enumerate(
        ("do you sharpen kitchen knives?", "can you sharpen my kitchen knife, ann@example.org")
    ):
        customer = await join(demo_server, "json", signed(sub=f"cook-{number}"))
        assert "citations" not in (await answered(customer, text)).get("data", {})
    async with asyncio.timeout(60):
        while True:
            page = await agent.does("GET", f"{KNOWLEDGE}/gaps", params={"least": 2})
            if found := [one for one in page["items"] if one["name"].startswith("sharpen kitchen")]:
                break
            await asyncio.sleep(0.5)
    (gap,) = found
    assert (gap["troubled"], gap["people"]) == (2, 2)
    assert "can you sharpen my kitchen knife, [email]" in gap["examples"]
    where = f"{KNOWLEDGE}/gaps/{gap['gap']}"
    assert await agent.refused("POST", f"{where}/draft", {"category": "orders"}) == (403, "forbidden")
    drafted = await admin.does("POST", f"{where}/draft", {"article": "sharpening", "category": "orders"})
    assert (drafted["state"], drafted["article"]) == ("draft_written", "sharpening")
    assert (await agent.does("GET", f"{KNOWLEDGE}/articles/sharpening"))["state"] == "draft"
    versions = f"{KNOWLEDGE}/articles/sharpening/versions/1/state"
    await admin.does("PUT", versions, {"state": "approved"})
    assert await admin.refused("PUT", versions, {"state": "active"}) == (422, "invalid")
    assert (await admin.does("PUT", f"{where}/state", {"state": "resolved"}))["state"] == "resolved"
    coverage = await agent.does("GET", f"{KNOWLEDGE}/coverage")
    assert coverage["questions"] >= 2 and 0.0 <= coverage["coverage"] < 1.0
    assert (await agent.does("GET", f"{KNOWLEDGE}/faq", params={"people": 2}))["items"][0]["people"] == 2
    await agent.does("GET", f"{KNOWLEDGE}/figures")


async def test_articles_come_in_pages_and_only_staff_sees_them(call: Call) -> None:
    agent, admin = call("agent"), call("admin")
    page = await agent.does("GET", f"{KNOWLEDGE}/articles", params={"category": "returns", "limit": 5})
    assert len(page["items"]) == 5 and page["more"]
    assert all(one["category"] == "returns" and one["state"] == "active" for one in page["items"])
    assert await agent.refused("PUT", SHELF, {"source": SOURCE}) == (403, "forbidden")
    assert await admin.refused("PUT", SHELF, {"source": "text"}) == (422, "invalid")
    assert await admin.refused("GET", f"{KNOWLEDGE}/articles/no-such") == (404, "not_found")
    assert await admin.refused("GET", f"{KNOWLEDGE}/articles/No Such") == (400, "bad_frame")
    for kind in ("customer", "service"):
        other = call(kind)
        for path in (
            "/articles",
            "/articles/returns",
            "/search?q=x",
            "/stats",
            "/gaps",
            "/faq",
            "/coverage",
            "/figures",
        ):
            assert await other.refused("GET", f"{KNOWLEDGE}{path}") == (403, "forbidden")
