"""``agent:queue`` and the claim that lapses, over real connections (PROTOCOL §4, §5, §7)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.conftest import STRICT, Join, signed
from tests.integration.peer import ENCODINGS, Encoding, Frame, Peer
from tests.support.server import ServerProcess

QUEUE = "agent:queue"
FIELDS = {"channel", "waiting_since_ms", "reason", "urgency", "sentiment_score", "last_text"}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server on which claims lapse soon."""
    env = {**STRICT, "PARLANCE_CLAIM_ABSENCE_MS": "1000"}
    with ServerProcess(tmp_path_factory.mktemp("desk") / "data", env=env) as running:
        yield running


async def agent_of(server: ServerProcess, join: Join, encoding: Encoding = "json") -> Peer:
    """An agent who watches the queue and has read its snapshot."""
    agent = await join(server, encoding, signed(kind="agent"))
    assert (await agent.ask("subscribe", channel=QUEUE))["type"] == "subscribed"
    await agent.push("event", channel=QUEUE, name="snapshot")
    return agent


async def customer_of(server: ServerProcess, join: Join) -> tuple[Peer, str]:
    customer = await join(server, "json", signed())
    return customer, await customer.open()


async def upserted(agent: Peer, channel: str, **fields: object) -> Frame:
    """The next ``upsert`` of a conversation with these values."""

    def is_it(frame: Frame) -> bool:
        if frame.get("type") != "event" or frame["name"] != "upsert" or frame["channel"] != QUEUE:
            return False
        item = frame["data"]["item"]
        return item["channel"] == channel and all(item[name] == value for name, value in fields.items())

    item: Frame = (await agent.hear(is_it))["data"]["item"]
    return item


async def removed(agent: Peer, channel: str) -> None:
    await agent.push("event", channel=QUEUE, name="remove", data={"channel": channel})


async def snapshot(server: ServerProcess, join: Join) -> list[Frame]:
    agent = await join(server, "json", signed(kind="agent"))
    await agent.ask("subscribe", channel=QUEUE)
    items: list[Frame] = (await agent.push("event", channel=QUEUE, name="snapshot"))["data"]["items"]
    return items


@pytest.mark.parametrize("encoding", ENCODINGS)
async def test_a_conversation_comes_into_the_queue_changes_and_leaves(
    desk: ServerProcess, join: Join, encoding: Encoding
) -> None:
    agent = await agent_of(desk, join, encoding)
    customer, channel = await customer_of(desk, join)
    await customer.ask("handoff", channel=channel, reason="card declined")
    item = await upserted(agent, channel)
    assert item.keys() == FIELDS
    assert (item["reason"], item["last_text"], item["urgency"]) == ("card declined", None, None)
    assert type(item["waiting_since_ms"]) is int

    text = "This is unacceptable, my card was declined again!"
    await customer.send(channel, text)
    understood = await agent.hear(
        lambda frame: (
            frame.get("type") == "event"
            and frame["name"] == "upsert"
            and frame["data"]["item"]["channel"] == channel
            and frame["data"]["item"]["urgency"] is not None
        )
    )
    item = understood["data"]["item"]
    assert (item["last_text"], item["reason"]) == (text, "card declined")
    assert 0 <= item["urgency"] <= 1
    assert -1 <= item["sentiment_score"] < 0

    await agent.ask("claim", channel=channel)
    await removed(agent, channel)
    assert channel not in [item["channel"] for item in await snapshot(desk, join)]


async def test_the_snapshot_begins_with_who_waits_longest(desk: ServerProcess, join: Join) -> None:
    channels = []
    for _ in range(3):
        customer, channel = await customer_of(desk, join)
        await customer.ask("handoff", channel=channel)
        channels.append(channel)
    items = await snapshot(desk, join)
    assert [item["channel"] for item in items if item["channel"] in channels] == channels
    assert [item["waiting_since_ms"] for item in items] == sorted(item["waiting_since_ms"] for item in items)
    assert all(item.keys() == FIELDS for item in items)


async def test_a_resolved_conversation_does_not_wait(desk: ServerProcess, join: Join) -> None:
    agent = await agent_of(desk, join)
    customer, channel = await customer_of(desk, join)
    await customer.ask("handoff", channel=channel)
    await upserted(agent, channel)
    await customer.ask("resolve", channel=channel, resolved=True)
    await removed(agent, channel)


async def test_the_queue_is_for_agents_and_admins(desk: ServerProcess, join: Join) -> None:
    for kind in ("customer", "service"):
        peer = await join(desk, "json", signed(kind=kind))
        assert (await peer.ask("subscribe", channel=QUEUE))["code"] == 404
    admin = await join(desk, "json", signed(kind="admin"))
    subscribed = await admin.ask("subscribe", channel=QUEUE)
    assert (subscribed["type"], subscribed["offset"], subscribed["recovered"]) == ("subscribed", 0, False)


async def test_who_resumes_the_queue_gets_what_it_holds_after_the_welcome(desk: ServerProcess, join: Join) -> None:
    customer, channel = await customer_of(desk, join)
    await customer.ask("handoff", channel=channel)
    resume = {QUEUE: {"epoch": "", "offset": 0}, "system": {"epoch": "", "offset": 0}}
    agent = await join(desk, "json", signed(kind="agent"), resume=resume)
    assert agent.welcome["channels"] == {
        name: {"recovered": False, "epoch": "", "offset": 0, "messages": []} for name in resume
    }
    held = await agent.push("event", channel=QUEUE, name="snapshot")
    assert channel in [item["channel"] for item in held["data"]["items"]]
    await customer.ask("resolve", channel=channel, resolved=True)
    await removed(agent, channel)


async def test_an_agent_who_goes_away_loses_the_claim_and_who_stays_keeps_it(desk: ServerProcess, join: Join) -> None:
    watcher = await agent_of(desk, join)
    away, stays = [await join(desk, "json", signed(kind="agent")) for _ in range(2)]
    customer, lost = await customer_of(desk, join)
    _, kept = await customer_of(desk, join)
    await customer.ask("handoff", channel=lost, reason="my card")
    await upserted(watcher, lost)
    assert (await away.ask("claim", channel=lost))["type"] == "claimed"
    assert (await stays.ask("claim", channel=kept))["type"] == "claimed"
    await removed(watcher, lost)
    await away.socket.close()

    item = await upserted(watcher, lost)
    assert item["reason"] == "my card"
    page = await customer.ask("history", channel=lost)
    events = [message["data"] for message in page["messages"]]
    assert [event["event"] for event in events] == ["waiting", "claimed", "released", "waiting"]
    assert events[2]["agent"] == away.user
    assert (await stays.ask("release", channel=kept))["type"] == "released"
    assert (await watcher.ask("claim", channel=lost))["type"] == "claimed"
