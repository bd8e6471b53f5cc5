"""PROTOCOL §5: opening, resolving, rating, and one order for everybody."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from tests.integration.conftest import Join
from tests.integration.peer import ENCODINGS, Encoding, Frame, Peer, messages_of, without_id
from tests.support.server import ServerProcess

UNKNOWN = "01JCN3V7Q2K8Z5W4X9Y6T1R0SA"


@pytest.fixture(params=ENCODINGS)
async def peer(request: pytest.FixtureRequest, server: ServerProcess, join: Join) -> Peer:
    encoding: Encoding = request.param
    return await join(server, encoding)


@pytest.fixture
async def agent(server: ServerProcess, join: Join, agent_token: str) -> Peer:
    connected: Peer = await join(server, token=agent_token)
    return connected


# ------------------------------------------------------------------ open


async def test_the_same_key_opens_the_same_conversation(peer: Peer) -> None:
    first = await peer.ask("open", key="k", metadata={"page": "/help", "n": [1]})
    await peer.send(first["channel"], "hello")
    again = await peer.ask("open", key="k", metadata={"n": [1], "page": "/help"})
    assert (again["channel"], again["epoch"], again["duplicate"]) == (first["channel"], first["epoch"], True)
    assert again["offset"] >= 1
    other = await peer.ask("open", key="l")
    assert other["channel"] != first["channel"] and other["duplicate"] is False


@pytest.mark.parametrize("metadata", [{"page": "/other"}, {}, None], ids=repr)
async def test_the_same_key_with_other_metadata_is_409(peer: Peer, metadata: Frame | None) -> None:
    await peer.ask("open", key="k", metadata={"page": "/help"})
    fields = {} if metadata is None else {"metadata": metadata}
    error = await peer.ask("open", key="k", **fields)
    assert (error["type"], error["code"]) == ("error", 409)


async def test_opened_twice_at_once_is_one_conversation(server: ServerProcess, join: Join) -> None:
    phone: Peer = await join(server)
    laptop: Peer = await join(server, token=phone.token)
    opened = await asyncio.gather(*(device.ask("open", key="k") for device in (phone, laptop)))
    assert opened[0]["channel"] == opened[1]["channel"]
    assert sorted(answer["duplicate"] for answer in opened) == [False, True]


async def test_a_key_of_open_is_its_users_own(server: ServerProcess, join: Join) -> None:
    opened = [await (await join(server)).ask("open", key="same") for _ in range(2)]
    assert opened[0]["channel"] != opened[1]["channel"]
    assert [answer["duplicate"] for answer in opened] == [False, False]


async def test_the_opener_is_subscribed_and_sees_where_it_stands(peer: Peer) -> None:
    channel = await peer.open()
    ack = await peer.send(channel, "hello")
    await peer.bot_reply(ack["message_id"])
    found = await peer.ask("subscribe", channel=channel)
    conversation = found["conversation"]
    assert (conversation["channel"], conversation["state"], conversation["offset"]) == (channel, "bot", 2)
    assert conversation["last"]["offset"] == 2 and conversation["last"]["from"]["kind"] == "bot"
    assert conversation["last"]["text"] and type(conversation["last"]["at_ms"]) is int


# ------------------------------------------------------------------ resolve


async def test_resolve_and_reopen_are_told_in_order(peer: Peer) -> None:
    channel = await peer.open()
    first = await peer.send(channel, "hello")
    await peer.bot_reply(first["message_id"])
    for resolved, event in ((True, "resolved"), (False, "reopened")):
        answer = await peer.ask("resolve", channel=channel, resolved=resolved)
        assert without_id(answer) == {"type": "resolved", "channel": channel, "resolved": resolved}
        told = await peer.hear(is_system)
        assert told["data"]["event"] == event
        found = await peer.ask("subscribe", channel=channel)
        assert found["conversation"]["resolved"] is resolved
    page = await peer.ask("history", channel=channel)
    assert [message["from"]["kind"] for message in page["messages"]] == ["customer", "bot", "system", "system"]


async def test_resolving_twice_is_told_once(peer: Peer) -> None:
    channel = await peer.open()
    for _ in range(3):
        answer = await peer.ask("resolve", channel=channel, resolved=True)
        assert (answer["type"], answer["resolved"]) == ("resolved", True)
    page = await peer.ask("history", channel=channel)
    assert [message["data"]["event"] for message in page["messages"]] == ["resolved"]


async def test_a_customers_message_reopens(peer: Peer, agent: Peer) -> None:
    channel = await peer.open()
    await agent.ask("resolve", channel=channel, resolved=True)
    by_agent = await agent.send(channel, "a note after the end")
    assert (await agent.ask("subscribe", channel=channel))["conversation"]["resolved"] is True
    ack = await peer.send(channel, "it broke again")
    await peer.bot_reply(ack["message_id"])
    page = await peer.ask("history", channel=channel)
    events = [message.get("data", {}).get("event") for message in page["messages"]]
    assert events[0] == "resolved"
    assert [message["message_id"] for message in page["messages"]][1] == by_agent["message_id"]
    assert events[2] == "reopened"
    assert page["messages"][3]["message_id"] == ack["message_id"]
    assert (await peer.ask("subscribe", channel=channel))["conversation"]["resolved"] is False


async def test_a_duplicate_does_not_reopen(peer: Peer) -> None:
    channel = await peer.open()
    ack = await peer.send(channel, "hello", key="once")
    await peer.bot_reply(ack["message_id"])
    await peer.ask("resolve", channel=channel, resolved=True)
    assert (await peer.send(channel, "hello", key="once"))["duplicate"] is True
    assert (await peer.ask("subscribe", channel=channel))["conversation"]["resolved"] is True


def is_system(frame: Frame) -> bool:
    return frame["type"] == "message" and bool(frame["from"]["kind"] == "system")


# ------------------------------------------------------------------ feedback


@pytest.mark.parametrize("rating", [0, 1, 0.5, 0.0, 1.0, 1e-9], ids=repr)
async def test_ratings_from_0_to_1_are_accepted(peer: Peer, rating: float) -> None:
    answer = await answered(peer)
    accepted = await peer.ask("feedback", message_id=answer["message_id"], rating=rating, comment="as rated")
    assert without_id(accepted) == {"type": "feedback", "message_id": answer["message_id"], "accepted": True}


@pytest.mark.parametrize("rating", [-0.01, 1.01, 5, -1, 1e300], ids=repr)
async def test_other_ratings_are_422(peer: Peer, rating: float) -> None:
    answer = await answered(peer)
    error = await peer.ask("feedback", message_id=answer["message_id"], rating=rating)
    assert (error["type"], error["code"], error["name"]) == ("error", 422, "invalid")


async def test_a_rating_that_is_no_number_in_messagepack_is_422(server: ServerProcess, join: Join) -> None:
    peer: Peer = await join(server, "msgpack")
    answer = await answered(peer)
    for rating in (float("nan"), float("inf")):
        assert (await peer.ask("feedback", message_id=answer["message_id"], rating=rating))["code"] == 422


async def test_a_rating_can_be_changed_and_repeated(peer: Peer) -> None:
    answer = await answered(peer)
    for rating in (1, 0, 0, 0.5):
        accepted = await peer.ask("feedback", message_id=answer["message_id"], rating=rating)
        assert accepted["accepted"] is True


async def test_only_bot_messages_of_own_conversations_can_be_rated(server: ServerProcess, join: Join) -> None:
    owner, stranger = await join(server), await join(server)
    answer = await answered(owner)
    unknown = await stranger.ask("feedback", message_id=UNKNOWN, rating=1)
    foreign = await stranger.ask("feedback", message_id=answer["message_id"], rating=1)
    own = await owner.ask("feedback", message_id=answer["reply_to"], rating=1)
    for error in (unknown, foreign, own):
        assert (error["type"], error["code"], error["name"]) == ("error", 404, "not_found")
    assert foreign["message"].replace(answer["message_id"], "") == unknown["message"].replace(UNKNOWN, "")


async def answered(peer: Peer) -> Frame:
    """The bot's reply to a first message."""
    channel = await peer.open()
    ack = await peer.send(channel, "where is my order #4711?")
    return await peer.bot_reply(ack["message_id"])


# ------------------------------------------------------------------ one order


async def test_everybody_sees_one_order_without_gaps_or_repeats(
    server: ServerProcess, join: Join, agent: Peer, agent_token: str
) -> None:
    """Two devices of a customer and two of an agent talk at once, in both encodings."""
    phone: Peer = await join(server)
    channel = await phone.open()
    everybody = [phone, agent, await join(server, "msgpack", token=phone.token)]
    everybody.append(await join(server, "msgpack", token=agent_token))
    for device in everybody[1:]:
        assert (await device.ask("subscribe", channel=channel))["offset"] == 0
    rng = random.Random(3)

    async def talk(device: Peer) -> list[Frame]:
        acks = []
        for number in range(15):
            acks.append(await device.send(channel, f"{number}", key=f"{id(device)}-{number}"))
            await asyncio.sleep(rng.random() / 100)
        return acks

    said = await asyncio.gather(*(talk(device) for device in everybody))
    for device, acks in zip(everybody, said, strict=True):
        offsets = [ack["offset"] for ack in acks]
        assert offsets == sorted(offsets), "sent one after the other on one connection"
        if device.user["kind"] == "customer":
            await asyncio.gather(*(device.bot_reply(ack["message_id"]) for ack in acks[-1:]))
    await agree(everybody, channel)


async def agree(everybody: list[Peer], channel: str) -> None:
    """What was pushed to each, and the history, are one list."""
    history = await complete_history(everybody[0], channel, minimum=90)
    order = [message["message_id"] for message in history]
    assert [message["offset"] for message in history] == list(range(1, len(order) + 1))
    answers = [message["reply_to"] for message in history if message["from"]["kind"] == "bot"]
    asked = [message["message_id"] for message in history if message["from"]["kind"] == "customer"]
    assert answers == asked, "one answer per message, in the order of the messages"
    for device in everybody[1:]:
        pushed = list(messages_of(await device.everything_until_pong()))
        assert [message["offset"] for message in pushed] == sorted({message["offset"] for message in pushed})
        places = {message["offset"]: message["message_id"] for message in pushed}
        assert all(order[offset - 1] == message_id for offset, message_id in places.items())


async def complete_history(peer: Peer, channel: str, minimum: int) -> list[Frame]:
    """All messages once there are ``minimum`` of them."""
    async with asyncio.timeout(20):
        while True:
            page: dict[str, Any] = await peer.ask("history", channel=channel, limit=200)
            messages: list[Frame] = page["messages"]
            if len(messages) >= minimum:
                assert page["more"] is False
                return messages
            await peer.push("message")


async def paged(peer: Peer, limit: int) -> list[str]:
    """All channels, page by page. Every server message is measured by the peer: 1,000,000 bytes at most."""
    listed: list[str] = []
    before: dict[str, int] = {}
    more = True
    while more:
        page = await peer.ask("conversations", limit=limit, **before)
        listed += [item["channel"] for item in page["items"]]
        before, more = {"before": page["items"][-1]["at_ms"]}, page["more"]
    return listed


async def test_pages_of_long_last_messages_are_cut_and_lose_none(agent: Peer) -> None:
    channels = [(await agent.ask("open", key=f"long {number}"))["channel"] for number in range(34)]
    for channel in channels:
        await agent.send(channel, "🙂" * 8000)
    assert (await agent.ask("conversations", limit=100))["more"] is True
    assert set(channels) <= set(await paged(agent, 100))


async def test_pages_lose_no_conversation_of_the_same_millisecond(agent: Peer) -> None:
    channels = [(await agent.ask("open", key=f"busy {number}"))["channel"] for number in range(30)]
    sends = [{"type": "send", "id": channel, "channel": channel, "key": "k", "text": "t"} for channel in channels]
    await agent.say(sends)
    for channel in channels:
        assert (await agent.answer(channel))["type"] == "ack"
    listed = await paged(agent, 29)
    assert set(channels) <= set(listed) and len(set(listed)) == len(listed)
