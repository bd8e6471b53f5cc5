"""The mood bends who answers, staff sees why, and what it was can be asked for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.conftest import STRICT, Join, signed
from tests.integration.peer import Peer
from tests.integration.rest.client import Rest
from tests.support.server import ServerProcess

FURIOUS = "This is a disgrace, I have waited three weeks and I am furious!!"
PLAIN = "where is my parcel?"


async def test_an_angry_customer_is_answered_by_a_bent_persona(strict_server: ServerProcess, join: Join) -> None:
    customer: Peer = await join(strict_server, token=signed())
    agent: Peer = await join(strict_server, token=signed(kind="agent"))
    channel = await customer.open()
    await agent.ask("subscribe", channel=channel)
    ack = await customer.send(channel, FURIOUS)
    seen = await agent.bot_reply(ack["message_id"])
    mood = seen["turn"]["mood"]
    fired = {rule["name"]: rule for rule in mood["rules"]}
    assert fired["very negative"]["strength"] == 1.0
    assert fired["very negative"]["because"].endswith("(sentiment <= -0.7)")
    assert "negative" not in fired, "the stronger level stands for the weaker"
    assert 0.15 <= mood["traits"]["empathy"] <= 0.25
    assert all(abs(change) <= 0.25 for change in mood["traits"].values())
    own = await customer.bot_reply(ack["message_id"])
    assert own["turn"].keys() == {"decision_id", "persona"}
    assert own["turn"]["persona"] == seen["turn"]["persona"]

    later = await customer.send(channel, PLAIN)
    fading = {rule["name"]: rule for rule in (await agent.bot_reply(later["message_id"]))["turn"]["mood"]["rules"]}
    assert 0.5 < fading["very negative"]["strength"] < 1.0
    page = await agent.ask("history", channel=channel)
    assert page["messages"][1]["turn"]["mood"] == mood, "it stays with the message"

    staff = Rest(strict_server, signed(kind="agent"))
    try:
        for path in (f"/v1/users/{customer.user['id']}/mood", f"/v1/conversations/{channel}/mood"):
            told = await staff.does("GET", path)
            assert (told["turns"], told["direction"]) == (2, "rising")
            assert told["messages"][0]["score"] < -0.7 < told["messages"][1]["score"]
    finally:
        await staff.http.aclose()
    nobody = Rest(strict_server, signed())
    assert await nobody.refused("GET", f"/v1/conversations/{channel}/mood") == (403, "forbidden")
    await nobody.http.aclose()


async def test_a_calm_customer_is_answered_by_the_persona_itself(strict_server: ServerProcess, join: Join) -> None:
    customer: Peer = await join(strict_server, token=signed())
    agent: Peer = await join(strict_server, token=signed(kind="agent"))
    channel = await customer.open()
    await agent.ask("subscribe", channel=channel)
    ack = await customer.send(channel, PLAIN)
    assert "mood" not in (await agent.bot_reply(ack["message_id"]))["turn"]


async def test_personas_and_conversations_that_are_alike(strict_server: ServerProcess, join: Join) -> None:
    channels = []
    for text in (FURIOUS, FURIOUS, PLAIN):
        customer: Peer = await join(strict_server, token=signed())
        channels.append(await customer.open())
        await customer.bot_reply((await customer.send(channels[-1], text))["message_id"])
    staff = Rest(strict_server, signed(kind="admin"))
    try:
        near = (await staff.does("GET", f"/v1/conversations/{channels[0]}/similar?limit=50"))["items"]
        order = [one["channel"] for one in near]
        assert order.index(channels[1]) < order.index(channels[2])
        personas = [one["name"] for one in (await staff.does("GET", "/v1/personas"))["items"]]
        like = (await staff.does("GET", f"/v1/personas/{personas[0]}/similar?limit=50"))["items"]
        assert {one["name"] for one in like} == set(personas[1:])
        assert await staff.refused("GET", "/v1/personas/nobody/similar") == (404, "not_found")
    finally:
        await staff.http.aclose()


@pytest.fixture
def quiet_server(tmp_path: Path) -> Iterator[ServerProcess]:
    rules = tmp_path / "quiet.yaml"
    rules.write_text("rules: []\n")
    with ServerProcess(tmp_path / "data", env={**STRICT, "PARLANCE_MOOD_FILE": str(rules)}) as running:
        yield running


async def test_without_rules_nobody_is_bent(quiet_server: ServerProcess, join: Join) -> None:
    customer: Peer = await join(quiet_server, token=signed())
    agent: Peer = await join(quiet_server, token=signed(kind="agent"))
    channel = await customer.open()
    await agent.ask("subscribe", channel=channel)
    ack = await customer.send(channel, FURIOUS)
    assert "mood" not in (await agent.bot_reply(ack["message_id"]))["turn"]
