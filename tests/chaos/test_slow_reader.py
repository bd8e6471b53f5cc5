"""One who reads nothing hurts nobody else (PROTOCOL §9.6)."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from pathlib import Path
from typing import Any

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from tests.chaos.checker import check_fleet
from tests.chaos.fleet import Fleet, Person, fleet_of, make_token, percentile
from tests.chaos.health import metric
from tests.chaos.ledger import SqliteLedger
from tests.chaos.length import WITHIN_S, pick
from tests.support.server import ServerProcess
from tests.support.workers import SECRET

HEALTHY = pick(20, 500)
# 16 kB each: with the kernel's buffers, which take up to 4 MB, a few hundred pass the limit of 1 MB.
TEXT = "ü" * 7_900
OUTBOX_MAX_BYTES = 1_000_000
# Far below what the kernel would grow it to, yet enough that the rest is read in no time.
RECEIVE_BUFFER_BYTES = 131_072
CLOSED_FOR_SLOWNESS = 4501


async def test_who_reads_nothing_is_closed_and_the_others_hear_everything(tmp_path: Path) -> None:
    env = {"PARLANCE_SECRET": SECRET, "PARLANCE_OUTBOX_MAX_BYTES": str(OUTBOX_MAX_BYTES)}
    with ServerProcess(tmp_path / "data", env=env) as server:
        async with fleet_of([server.ws_url], SqliteLedger(server.data_dir / "parlance.db"), 1, HEALTHY + 1) as fleet:
            agent, channel = fleet.observers[0], fleet.customers[0].channels[0]
            await claim(server, agent, channel)  # it is people who talk here, and the bot has nothing to say
            codes = []
            for _ in range(3):  # on a machine that stands still, the grace for reading the close may be over: once more
                codes.append(await fall_silent(server, fleet, agent, channel))
                if codes[-1] == CLOSED_FOR_SLOWNESS:
                    break
            assert codes[-1] == CLOSED_FOR_SLOWNESS, codes
            await fleet.settle()
            await check_fleet(fleet)
            assert not fleet.closings, "somebody healthy was cut off"


async def fall_silent(server: ServerProcess, fleet: Fleet, agent: Person, channel: str) -> int:
    """Subscribe, read nothing until the server has had enough, then read on to the close, whose code it returns."""
    drops = await asyncio.to_thread(metric, server, "parlance_outbox_drops_total")
    silent = await dial_silent(server)
    took: list[float] = []
    try:
        await subscribe(silent, channel)
        async with asyncio.timeout(WITHIN_S):
            while await asyncio.to_thread(metric, server, "parlance_outbox_drops_total") == drops:
                began = time.monotonic()
                await agent.say(TEXT)
                while any(person.offset(channel) < agent.acks[-1].offset for person in fleet.people):
                    await asyncio.sleep(0.001)
                took.append(time.monotonic() - began)
        print(f"\nbeside a silent reader: p99 {percentile(sorted(took), 0.99) * 1000:.0f} ms for all {HEALTHY}")  # noqa: T201
        async with asyncio.timeout(WITHIN_S):
            with contextlib.suppress(ConnectionClosed):
                while True:
                    await silent.recv()
        return silent.close_code or 1006
    finally:
        await silent.close()


async def dial_silent(server: ServerProcess) -> ClientConnection:
    """A connection that takes next to nothing that is not asked for."""
    small = socket.create_connection(("127.0.0.1", server.port))
    small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
    protocol = [Subprotocol("parlance.v1.json")]
    options: dict[str, Any] = {"max_queue": 1, "max_size": None, "ping_interval": None, "compression": None}
    return await connect(server.ws_url, sock=small, subprotocols=protocol, **options)


async def subscribe(silent: ClientConnection, channel: str) -> None:
    for frame in (
        {"type": "connect", "id": 1, "token": make_token("agent")},
        {"type": "subscribe", "id": 2, "channel": channel},
    ):
        await silent.send(msgspec.json.encode(frame).decode())
    while msgspec.json.decode(await silent.recv()).get("type") != "subscribed":
        pass


async def claim(server: ServerProcess, agent: Person, channel: str) -> None:
    """Over a connection of its own: the fleet's client knows only what a customer says."""
    async with connect(server.ws_url, subprotocols=[Subprotocol("parlance.v1.json")]) as desk:
        for frame in (
            {"type": "connect", "id": 1, "token": agent.client.token},
            {"type": "claim", "id": 2, "channel": channel},
        ):
            await desk.send(msgspec.json.encode(frame).decode())
        async with asyncio.timeout(WITHIN_S):
            while (frame := msgspec.json.decode(await desk.recv())).get("id") != 2:
                pass
        assert frame["type"] == "claimed", frame
