"""Routing by push and business hours, on a server of its own that is set so."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import pytest

from tests.integration.conftest import STRICT, Join, signed
from tests.integration.peer import Frame, Peer
from tests.integration.rest.client import Rest
from tests.support.server import ServerProcess

DESK = """
skills: {french: {languages: [fr]}, parcels: {intents: [parcel]}}
agents: {ann: {capacity: 2}}
hours: {timezone: Europe/Berlin, week: {}, holidays: []}
away: {en: "Nobody is here ({zone}), back on {opens}.", de: "Niemand da."}
"""


@pytest.fixture(scope="module")
def pushing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    folder = tmp_path_factory.mktemp("pushing")
    (folder / "desk.yaml").write_text(DESK, encoding="utf-8")
    env = {
        **STRICT,
        "PARLANCE_ROUTING": "push",
        "PARLANCE_OFFER_TIMEOUT_MS": "600000",
        "PARLANCE_DESK_FILE": str(folder / "desk.yaml"),
    }
    with ServerProcess(folder / "data", env=env) as running:
        yield running


async def offered(peer: Peer, channel: str, agent: str) -> Frame:
    """The queue's word that it is offered to that agent."""

    def tells(frame: Frame) -> bool:
        if frame.get("channel") != "agent:queue" or frame.get("name") != "upsert":
            return False
        item = frame["data"]["item"]
        return (item["channel"], item.get("offered_to")) == (channel, agent)

    return await peer.hear(tells)


async def test_an_offer_goes_round_until_somebody_takes_it(pushing: ServerProcess, join: Join) -> None:
    """Refused by one, offered to the next and taken; and nobody who is away is asked."""
    tokens = {name: signed(kind="agent", sub=name, name=name.title()) for name in ("ann", "ben", "cid")}
    rest = {name: Rest(pushing, token, name) for name, token in tokens.items()}
    assert await rest["cid"].does("GET", "/v1/agents") is not None  # slow at first: the document is made for it
    phones = {name: await join(pushing, token=token) for name, token in tokens.items()}
    await phones["cid"].ask("presence", status="away")
    for phone in phones.values():
        await phone.ask("subscribe", channel="agent:queue")
    carl = await join(pushing, token=signed(name="Carl"))
    channel = await carl.open()
    await carl.ask("handoff", channel=channel, reason="asked")
    told = await phones["cid"].hear(
        lambda frame: frame.get("name") == "upsert" and "offered_to" in frame["data"]["item"]
    )
    first: str = told["data"]["item"]["offered_to"]
    second = {"ann": "ben", "ben": "ann"}[first]
    assert told["data"]["item"]["offered_until_ms"] > time.time() * 1000 - 60_000
    assert await rest[second].does("POST", f"/v1/conversations/{channel}/refuse") == {
        "channel": channel, "refused": False,
    }  # fmt: skip
    assert (await rest[first].does("POST", f"/v1/conversations/{channel}/refuse"))["refused"] is True
    await offered(phones["cid"], channel, second)
    assert (await phones[second].ask("claim", channel=channel))["type"] == "claimed"
    assert (await rest["cid"].does("GET", "/v1/agents"))["items"][0]["capacity"] == 2
    await phones["cid"].ask("presence", status="online")
    for one in rest.values():
        await one.http.aclose()


async def test_whoever_asks_while_the_house_is_closed_is_told_once(pushing: ServerProcess, join: Join) -> None:
    carl = await join(pushing, token=signed(name="Carl"))
    channel = await carl.open()
    await carl.ask("handoff", channel=channel)
    away = await carl.hear(lambda frame: (frame.get("data") or {}).get("event") == "away")
    assert away["text"] == "Nobody is here (Europe/Berlin), back on a later day."
    assert (away["from"]["kind"], away["data"]) == ("system", {"event": "away"})
    await carl.ask("handoff", channel=channel)
    sent = await carl.send(channel, "where is my parcel")
    assert (await carl.bot_reply(sent["message_id"]))["from"]["kind"] == "bot"  # the bot goes on
    await asyncio.sleep(0)
    page = await carl.ask("history", channel=channel)
    assert [(one.get("data") or {}).get("event") for one in page["messages"]].count("away") == 1
    customer = Rest(pushing, signed(name="Cleo"))
    assert await customer.does("GET", "/v1/hours") == {"open": False, "timezone": "Europe/Berlin"}
    await customer.http.aclose()
