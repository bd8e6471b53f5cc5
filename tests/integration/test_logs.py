"""What a running server logs: JSON lines that can be found together, without what people wrote."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from tests.integration.conftest import Join, signed
from tests.support.server import ServerProcess


def lines(server: ServerProcess) -> list[dict[str, Any]]:
    """All but the announcement, which is for people and goes to standard output."""
    return [json.loads(line) for line in server.log().splitlines() if not line.startswith("Parlance ")]


async def test_lines_of_a_connection_share_its_session_and_those_of_a_turn_its_turn(
    strict_server: ServerProcess, join: Join
) -> None:
    customer = await join(strict_server, "json", signed())
    channel = await customer.open()
    ack = await customer.send(channel, "Where is my order?")
    await customer.bot_reply(ack["message_id"])
    await customer.socket.close()

    found: list[dict[str, Any]] = []
    while len(found) < 2:
        await asyncio.sleep(0.02)
        found = [line for line in lines(strict_server) if line.get("session") == customer.welcome["session"]]
    assert [line["event"] for line in found] == ["connected", "disconnected"]
    assert found[0]["user"] == customer.user["id"]
    [answered] = [line for line in lines(strict_server) if line.get("turn") == ack["message_id"]]
    assert (answered["event"], answered["channel"], "session" in answered) == ("answered", channel, False)


async def test_neither_texts_nor_tokens_nor_reasons_are_logged(strict_server: ServerProcess, join: Join) -> None:
    token = signed(kind="agent")
    agent = await join(strict_server, "json", token)
    customer = await join(strict_server, "json", signed())
    channel = await customer.open()
    secrets = ["zebra-4711 is my pin", "zebra reason", "zebra comment", "zebra-data"]
    ack = await customer.send(channel, secrets[0], data={"note": secrets[3]})
    reply = await customer.bot_reply(ack["message_id"])
    await customer.ask("handoff", channel=channel, reason=secrets[1])
    await customer.ask("feedback", message_id=reply["message_id"], rating=1, comment=secrets[2])
    await agent.ask("claim", channel=channel)
    await agent.send(channel, "zebra answer")
    await customer.say({"type": "send", "id": 1, "channel": channel, "key": "k", "text": {"zebra": 1}})
    await customer.answer(1)
    log = strict_server.log()
    assert "zebra" not in log
    assert token not in log
    assert token.split(".")[2] not in log
