"""PROTOCOL §6: typing over real connections."""

from __future__ import annotations

import time

import pytest

from tests.integration.conftest import Join, signed
from tests.integration.peer import ENCODINGS, Encoding, Frame, Peer
from tests.support.server import ServerProcess

LAPSE_S = 6.0


async def type_in(peer: Peer, channel: str, on: bool) -> None:
    await peer.say({"type": "typing", "channel": channel, "on": on})


def typing_of(frames: list[Frame]) -> list[Frame]:
    return [frame for frame in frames if frame["type"] == "typing"]


async def pair(server: ServerProcess, join: Join, encoding: Encoding = "json") -> tuple[Peer, Peer, str]:
    """A customer with a conversation, and an agent who watches it."""
    customer = await join(server, encoding, signed())
    channel = await customer.open()
    agent = await join(server, encoding, signed(kind="agent"))
    assert (await agent.ask("subscribe", channel=channel))["type"] == "subscribed"
    return customer, agent, channel


@pytest.mark.parametrize("encoding", ENCODINGS)
async def test_the_others_are_told_of_beginnings_and_ends(
    strict_server: ServerProcess, join: Join, encoding: Encoding
) -> None:
    customer, agent, channel = await pair(strict_server, join, encoding)
    for on in (False, True, True, False, False, True):
        await type_in(customer, channel, on)
    assert typing_of(await customer.everything_until_pong()) == []  # neither answer nor push
    pushes = [await agent.push("typing", channel=channel) for _ in range(3)]
    assert pushes == [
        {"type": "typing", "channel": channel, "user": customer.user, "on": on} for on in (True, False, True)
    ]
    await type_in(agent, channel, True)
    assert (await customer.push("typing", channel=channel))["user"] == agent.user
    assert typing_of(await agent.everything_until_pong()) == []


async def test_it_ends_by_itself_with_time_or_with_the_connection(strict_server: ServerProcess, join: Join) -> None:
    customer, agent, channel = await pair(strict_server, join)
    second = await join(strict_server, "json", customer.token)
    began_s = time.monotonic()
    await type_in(customer, channel, True)
    await agent.push("typing", channel=channel, on=True)
    await second.socket.close()  # one of two connections
    await agent.push("typing", channel=channel, on=False)
    assert time.monotonic() - began_s > LAPSE_S - 0.1
    await type_in(customer, channel, True)
    await agent.push("typing", channel=channel, on=True)
    began_s = time.monotonic()
    await customer.socket.close()
    await agent.push("typing", channel=channel, on=False)
    assert time.monotonic() - began_s < LAPSE_S - 0.5  # not by the lapse


async def test_a_message_does_not_end_it(strict_server: ServerProcess, join: Join) -> None:
    customer, agent, channel = await pair(strict_server, join)
    await type_in(customer, channel, True)
    assert (await customer.send(channel, "hello"))["type"] == "ack"
    await agent.push("message", channel=channel)
    assert [frame["on"] for frame in typing_of(await agent.everything_until_pong())] in ([True], [])


async def test_a_foreign_conversation_is_an_error_without_an_id(strict_server: ServerProcess, join: Join) -> None:
    _, agent, channel = await pair(strict_server, join)
    stranger = await join(strict_server, "json", signed())
    for foreign in (channel, "conv:01J0000000000000000000000", "system"):
        await type_in(stranger, foreign, True)
        error = await stranger.hear(lambda frame: frame["type"] == "error")
        assert (error["code"], error["name"]) == (404, "not_found")
        assert "id" not in error
    assert typing_of(await agent.everything_until_pong()) == []


async def test_a_removed_member_types_no_more(strict_server: ServerProcess, join: Join) -> None:
    customer, agent, channel = await pair(strict_server, join)
    await agent.ask("members", channel=channel, remove=[customer.user["id"]])
    await type_in(customer, channel, True)
    assert (await customer.hear(lambda frame: frame["type"] == "error"))["code"] == 404
