"""PROTOCOL §4: history pages, and recovery that is whole or refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.integration.conftest import Join, signed
from tests.integration.peer import Frame, Peer
from tests.support.server import ServerProcess

UNKNOWN = "conv:01JCN3V7Q2K8Z5W4X9Y6T1R0SA"


class Filled:
    """A conversation of ``customer`` in which ``agent`` has said everything, so that no bot answers in between."""

    def __init__(self, customer: Peer, agent: Peer, opened: Frame) -> None:
        self.customer, self.agent = customer, agent
        self.channel: str = opened["channel"]
        self.epoch: str = opened["epoch"]

    async def fill(self, count: int, text: str = "t", data: Frame | None = None) -> None:
        """Say ``count`` more messages, in batches as large as the server takes."""
        optional = {} if data is None else {"data": data}
        batch = min(64, 120_000 // (len(text.encode()) + 200))
        for start in range(0, count, batch):
            ids = [f"f{self.agent.new_id()}" for _ in range(min(batch, count - start))]
            fields = {"type": "send", "channel": self.channel, "text": text, **optional}
            await self.agent.say([{**fields, "id": frame_id, "key": frame_id} for frame_id in ids])
            for frame_id in ids:
                assert (await self.agent.answer(frame_id))["type"] == "ack"

    async def page(self, **fields: Any) -> Frame:
        return await self.customer.ask("history", channel=self.channel, **fields)

    async def subscribe(self, offset: int, epoch: str | None = None) -> Frame:
        return await self.customer.ask("subscribe", channel=self.channel, epoch=epoch or self.epoch, offset=offset)


def offsets(frame: Frame) -> list[int]:
    return [message["offset"] for message in frame["messages"]]


@pytest.fixture
async def filled(strict_server: ServerProcess, join: Join) -> Filled:
    customer: Peer = await join(strict_server, token=signed())
    agent: Peer = await join(strict_server, token=signed(kind="agent"))
    opened = await customer.ask("open", key="k")
    return Filled(customer, agent, opened)


# ------------------------------------------------------------------ history


async def test_pages_of_ten_messages(filled: Filled) -> None:
    await filled.fill(10)
    for fields, expected, more in (
        ({}, range(1, 11), False),
        ({"limit": 3}, range(8, 11), True),
        ({"limit": 10}, range(1, 11), False),
        ({"limit": 200}, range(1, 11), False),
        ({"before": 8, "limit": 3}, range(5, 8), True),
        ({"before": 4, "limit": 3}, range(1, 4), False),
        ({"before": 1}, range(0), False),
        ({"before": 999, "limit": 2}, range(9, 11), True),
        ({"after": 0, "limit": 4}, range(1, 5), True),
        ({"after": 6, "limit": 4}, range(7, 11), False),
        ({"after": 7, "limit": 2}, range(8, 10), True),
        ({"after": 10}, range(0), False),
        ({"after": 999}, range(0), False),
    ):
        page = await filled.page(**fields)
        assert (page["type"], page["channel"], page["epoch"]) == ("history", filled.channel, filled.epoch)
        assert (offsets(page), page["more"]) == (list(expected), more), fields


async def test_an_empty_conversation_has_an_empty_page(filled: Filled) -> None:
    for fields in ({}, {"before": 5}, {"after": 0}):
        page = await filled.page(**fields)
        assert (page["messages"], page["more"]) == ([], False)


async def test_before_and_after_together_are_400(filled: Filled) -> None:
    error = await filled.page(before=5, after=1)
    assert (error["type"], error["code"]) == ("error", 400)


async def test_a_page_larger_than_a_server_message_is_cut_and_says_so(filled: Filled) -> None:
    """Every server message is measured by the peer: 1,000,000 bytes at most."""
    await filled.fill(45, text="🙂" * 8000)
    newest = await filled.page(limit=200)
    assert newest["more"] is True
    assert offsets(newest) == list(range(offsets(newest)[0], 46)) and offsets(newest)[0] > 1
    collected = offsets(newest)
    while collected[0] > 1:
        page = await filled.page(limit=200, before=collected[0])
        assert page["messages"]
        collected = offsets(page) + collected
    assert collected == list(range(1, 46))

    forward = await filled.page(limit=200, after=0)
    assert offsets(forward) == list(range(1, len(forward["messages"]) + 1)) and forward["more"] is True


async def test_history_has_what_was_pushed(filled: Filled) -> None:
    await filled.fill(2, data={"x": [1, {"y": None}]})
    pushed = [await filled.customer.push("message", offset=offset) for offset in (1, 2)]
    assert (await filled.page())["messages"] == pushed


# ------------------------------------------------------------------ recovery


async def test_recovery_gives_every_later_message(filled: Filled) -> None:
    await filled.fill(5)
    for seen in range(6):
        found = await filled.subscribe(offset=seen)
        assert (found["type"], found["recovered"], found["offset"]) == ("subscribed", True, 5)
        assert offsets(found) == list(range(seen + 1, 6))
        assert found["messages"] == (await filled.page(after=seen))["messages"]


async def test_recovery_is_refused_whole(filled: Filled) -> None:
    await filled.fill(5)
    for fields in (
        {"epoch": filled.epoch, "offset": 6},
        {"epoch": filled.epoch, "offset": 2**53 - 1},
        {"epoch": "another", "offset": 3},
        {"epoch": "", "offset": 3},
        {"epoch": filled.epoch},
        {"offset": 3},
        {},
    ):
        found = await filled.customer.ask("subscribe", channel=filled.channel, **fields)
        assert (found["recovered"], found["messages"]) == (False, []), fields
        assert (found["offset"], found["epoch"]) == (5, filled.epoch), fields


async def test_at_most_1000_messages_are_recovered(filled: Filled) -> None:
    await filled.fill(1001)
    refused = await filled.subscribe(offset=0)
    assert (refused["recovered"], refused["messages"], refused["offset"]) == (False, [], 1001)
    whole = await filled.subscribe(offset=1)
    assert whole["recovered"] is True
    assert offsets(whole) == list(range(2, 1002))


async def test_a_recovery_of_too_many_bytes_is_refused(filled: Filled) -> None:
    await filled.fill(40, text="🙂" * 8000)
    refused = await filled.subscribe(offset=0)
    assert (refused["recovered"], refused["messages"], refused["offset"]) == (False, [], 40)
    near = await filled.subscribe(offset=35)
    assert near["recovered"] is True and offsets(near) == [36, 37, 38, 39, 40]
    assert len(json.dumps(near, ensure_ascii=False).encode()) <= 1_000_000


async def test_pushes_go_on_where_the_answer_ends(filled: Filled) -> None:
    await filled.fill(3)
    later: Peer = filled.agent
    await filled.customer.ask("unsubscribe", channel=filled.channel)
    await filled.customer.everything_until_pong()
    await filled.fill(2)
    assert await filled.customer.everything_until_pong() == []
    found = await filled.subscribe(offset=3)
    assert offsets(found) == [4, 5]
    await later.send(filled.channel, "six")
    assert (await filled.customer.push("message"))["offset"] == 6


async def test_a_conversation_that_fills_while_it_is_subscribed_has_no_gap_and_no_repeat(
    strict_server: ServerProcess, filled: Filled, join: Join
) -> None:
    """Subscribe again and again under a stream of messages: answer and pushes together are 1, 2, 3 …"""
    watcher: Peer = await join(strict_server, "msgpack", token=signed(kind="agent"))
    seen: list[int] = []
    for _ in range(12):
        ids = [f"w{filled.agent.new_id()}" for _ in range(25)]
        sends = [{"type": "send", "channel": filled.channel, "text": "t", "id": key, "key": key} for key in ids]
        await filled.agent.say(sends)
        found = await watcher.ask("subscribe", channel=filled.channel, epoch=filled.epoch, offset=len(seen))
        assert found["recovered"] is True
        seen += offsets(found)
        for frame_id in ids:
            await filled.agent.answer(frame_id)
        await watcher.ask("unsubscribe", channel=filled.channel)
        seen += [frame["offset"] for frame in await watcher.everything_until_pong() if frame["type"] == "message"]
        assert seen == list(range(1, len(seen) + 1))
    found = await watcher.ask("subscribe", channel=filled.channel, epoch=filled.epoch, offset=len(seen))
    assert seen + offsets(found) == list(range(1, 301))


# ------------------------------------------------------------------ resume


async def test_resume_is_answered_entry_by_entry(strict_server: ServerProcess, filled: Filled, join: Join) -> None:
    await filled.fill(4)
    customer = filled.customer
    second = await customer.ask("open", key="second")
    third = await customer.ask("open", key="third")
    foreign = await filled.agent.ask("open", key="foreign")
    resume = {
        filled.channel: {"epoch": filled.epoch, "offset": 2},
        third["channel"]: {},
        second["channel"]: {"epoch": "another", "offset": 0},
        foreign["channel"]: {"epoch": foreign["epoch"], "offset": 0},
        UNKNOWN: {"epoch": "e", "offset": 0},
        "nonsense": {"epoch": "e", "offset": 0},
    }
    again: Peer = await join(strict_server, token=customer.token, resume=resume)
    entries = again.welcome["channels"]
    assert set(entries) == set(resume)
    recovered = entries[filled.channel]
    assert (recovered["recovered"], recovered["epoch"], recovered["offset"]) == (True, filled.epoch, 4)
    assert offsets(recovered) == [3, 4]
    refused = entries[second["channel"]]
    assert (refused["recovered"], refused["messages"], refused["epoch"]) == (False, [], second["epoch"])
    without_position = entries[third["channel"]]
    assert (without_position["recovered"], without_position["messages"], without_position["offset"]) == (False, [], 0)
    for channel in (foreign["channel"], UNKNOWN, "nonsense"):
        assert entries[channel] == {"error": {"code": 404, "name": "not_found"}}

    await filled.fill(1)
    await again.send(second["channel"], "in the second")
    assert (await again.push("message", channel=filled.channel))["offset"] == 5
    assert (await again.push("message", channel=second["channel"]))["offset"] == 1
    await filled.agent.send(foreign["channel"], "not for you")
    assert all(frame.get("channel") != foreign["channel"] for frame in await again.everything_until_pong())


# ------------------------------------------------------------------ channels without messages


async def test_the_own_channels_are_subscribed_and_not_durable(filled: Filled) -> None:
    customer = filled.customer
    for channel in ("system", f"user:{customer.user['id']}"):
        found = await customer.ask("subscribe", channel=channel, epoch="e", offset=3)
        assert (found["type"], found["offset"], found["recovered"]) == ("subscribed", 0, False)
        assert (await customer.push("event", channel=channel))["name"] == "snapshot"


async def test_unsubscribed_means_silence_and_subscribing_again_is_allowed(filled: Filled) -> None:
    customer = filled.customer
    gone = await customer.ask("unsubscribe", channel=filled.channel)
    assert gone == {"type": "unsubscribed", "id": gone["id"], "channel": filled.channel}
    await filled.fill(1)
    assert await customer.everything_until_pong() == []
    for _ in range(2):
        assert (await filled.subscribe(offset=1))["recovered"] is True
    await filled.fill(1)
    pushed = [frame for frame in await customer.everything_until_pong() if frame["type"] == "message"]
    assert [frame["offset"] for frame in pushed] == [2]


async def test_at_most_100_channels_a_connection(strict_server: ServerProcess, join: Join) -> None:
    owner: Peer = await join(strict_server, token=signed())
    await owner.say([{"type": "open", "id": f"o{number}", "key": f"{number}"} for number in range(60)])
    channels = [(await owner.answer(f"o{number}"))["channel"] for number in range(60)]
    other: Peer = await join(strict_server, token=owner.token)
    await other.say([{"type": "open", "id": f"o{number}", "key": f"more {number}"} for number in range(41)])
    channels += [(await other.answer(f"o{number}"))["channel"] for number in range(41)]

    agent: Peer = await join(strict_server, token=signed(kind="agent"))
    errors: list[Frame] = []
    for channel in channels:
        answer = await agent.ask("subscribe", channel=channel)
        if answer["type"] == "error":
            errors.append(answer)
    assert errors, "101 conversations beside the own channels were subscribed"
    assert {(error["code"], error["name"]) for error in errors} == {(429, "rate_limited")}
    assert (await agent.ask("subscribe", channel=channels[0]))["type"] == "subscribed", "one subscribed already"
    await agent.ask("unsubscribe", channel=channels[0])
    assert (await agent.ask("subscribe", channel=channels[-1]))["type"] == "subscribed", "a place became free"


async def test_opening_does_not_lead_past_100_channels(strict_server: ServerProcess, join: Join) -> None:
    peer: Peer = await join(strict_server, token=signed())
    answers = [await peer.ask("open", key=str(number)) for number in range(101)]
    refused = [answer for answer in answers if answer["type"] == "error"]
    assert refused and {answer["code"] for answer in refused} == {429}
