"""The Python client that stays, and the two examples of clients/python, against a real server."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from parlance_client import Backoff, Client, EncodingName, Message, Offline, Online, Position
from parlance_client.client import ClientEvent
from tests.integration.conftest import made_by_cli
from tests.support.proxy import TcpProxy
from tests.support.server import ServerProcess

ROOT = Path(__file__).resolve().parents[2]
CLIENT = ROOT / "clients" / "python"
WITHIN_S = 60.0


async def heard(events: AsyncIterator[ClientEvent], reply_to: str) -> list[Message]:
    """The messages up to the reply to one."""
    seen: list[Message] = []
    async with asyncio.timeout(WITHIN_S):
        async for event in events:
            if isinstance(event, Message):
                seen.append(event)
                if event.reply_to == reply_to and event.sender.kind != "system":
                    return seen
    raise AssertionError("the events ended")


@asynccontextmanager
async def running(script: str, *arguments: str) -> AsyncIterator[None]:
    """An example as a process of its own, once it has said that it is ready."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(CLIENT / "examples" / script), *arguments,
        stdout=asyncio.subprocess.PIPE, env={"PYTHONPATH": str(CLIENT)},
    )  # fmt: skip
    try:
        assert process.stdout is not None
        async with asyncio.timeout(WITHIN_S):
            assert await process.stdout.readline() == b"ready\n"
        yield
    finally:
        process.terminate()
        await process.wait()


@pytest.mark.parametrize("encoding", ["json", "msgpack"])
async def test_it_outlives_a_lost_network(server: ServerProcess, encoding: EncodingName) -> None:
    with TcpProxy(server.port) as proxy:
        url = f"ws://127.0.0.1:{proxy.port}/ws"
        backoff = Backoff(base_s=0.05, cap_s=0.2)
        async with Client(url, encoding=encoding, backoff=backoff) as client, Client(server.ws_url) as elsewhere:
            events = aiter(client.events())
            opened = await client.open()
            before = await client.send(opened.channel, "hello")
            assert [message.offset for message in await heard(events, before.message_id)] == [1, 2]
            proxy.refuse()
            while not isinstance(await anext(events), Offline):
                pass
            unsent = client.post(opened.channel, "written while the network was away")
            await elsewhere.close()
            elsewhere.token = client.token
            elsewhere.start()
            missed = await elsewhere.send(opened.channel, "said on another device")
            proxy.heal()
            ack = await asyncio.wait_for(unsent, WITHIN_S)
            assert missed.offset == 3 and ack.offset > 3
            offsets = [message.offset for message in await heard(events, ack.message_id)]
            assert offsets == list(range(3, 3 + len(offsets)))
            assert client.positions[opened.channel] == Position(opened.epoch, offsets[-1])


async def test_a_later_client_hears_what_was_missed(server: ServerProcess) -> None:
    async with Client(server.ws_url) as first:
        opened = await first.open()
        events = aiter(first.events())
        ack = await first.send(opened.channel, "hello")
        await heard(events, ack.message_id)
        token = first.token
    async with Client(server.ws_url, token=token, encoding="msgpack") as second:
        events = aiter(second.events())
        assert isinstance(await anext(events), Online)
        await second.subscribe(opened.channel, Position(opened.epoch, 0))
        assert [message.offset for message in await heard(events, ack.message_id)] == [1, 2]
        assert [item.channel for item in (await second.conversations()).items] == [opened.channel]
        assert (await second.rate(opened.channel, 1, "quick", ["delivery"])).accepted
        assert {one.user.id for one in (await second.who(opened.channel)).members} == {opened_by(second)}


def opened_by(client: Client) -> str:
    assert client.user is not None
    return client.user.id


async def test_the_bot_of_twenty_lines_answers(server: ServerProcess) -> None:
    source = (CLIENT / "examples" / "bot.py").read_text(encoding="utf-8")
    code = source.rpartition('"""')[2]
    assert sum(1 for line in code.splitlines() if line.strip() and not line.strip().startswith("#")) <= 20
    token = await asyncio.to_thread(made_by_cli, server, "--kind", "service", "--sub", "price-bot")
    async with Client(server.ws_url) as customer:
        opened = await customer.open()
        events = aiter(customer.events())
        async with running("bot.py", server.ws_url, token, opened.channel):
            ack = await customer.send(opened.channel, "/price Tea")
            answers: list[Message] = []
            while "price-bot" not in [message.sender.id for message in answers]:
                answers += await heard(events, ack.message_id)
    (answer,) = (message for message in answers if message.sender.id == "price-bot")
    assert (answer.text, answer.sender.kind) == ("4.20 €", "bot")


async def test_the_echo_agent_takes_over_and_gives_back(server: ServerProcess) -> None:
    token = await asyncio.to_thread(made_by_cli, server, "--kind", "agent", "--sub", "echo", "--name", "Echo")
    async with running("echo_agent.py", server.ws_url, token), Client(server.ws_url) as customer:
        opened = await customer.open()
        events = aiter(customer.events())
        assert (await customer.handoff(opened.channel, "I want a human")).state in ("waiting", "claimed")
        async with asyncio.timeout(WITHIN_S):
            while not (isinstance(event := await anext(events), Message) and event.sender.id == "echo"):
                pass
        ack = await customer.send(opened.channel, "is anybody there?")
        assert (await heard(events, ack.message_id))[-1].text == "is anybody there?"
        await customer.send(opened.channel, "stop")
        async with asyncio.timeout(WITHIN_S):
            while not (
                isinstance(event := await anext(events), Message) and (event.data or {}).get("event") == "released"
            ):
                pass
