"""A server that is right but for one thing: it passes everything on to a real one, and changes what comes back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

import msgpack
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

Frame = dict[str, Any]
Lie = Callable[[Frame], list[Frame]]
"""What is heard in place of a frame of the server."""


@asynccontextmanager
async def lying(url: str, lie: Lie, closes: Mapping[int, int] | None = None) -> AsyncIterator[str]:
    """The address of a server that lies: ``closes`` are close codes given in place of others."""

    async def handle(customer: ServerConnection) -> None:
        subprotocols = [customer.subprotocol] if customer.subprotocol else None
        options: dict[str, Any] = {"compression": None, "max_size": None, "proxy": None}
        async with connect(url, subprotocols=subprotocols, **options) as behind:
            up = asyncio.create_task(_pump_up(customer, behind))
            code = await _pump_down(behind, customer, lie)
            await customer.close((closes or {}).get(code, code))
            up.cancel()
            with suppress(asyncio.CancelledError):
                await up

    offered: Any = ["parlance.v1.json", "parlance.v1.msgpack"]
    async with serve(handle, "127.0.0.1", 0, subprotocols=offered, compression=None, max_size=None) as server:
        yield f"ws://127.0.0.1:{_port(server)}/ws"


def _port(server: Server) -> int:
    return int(next(iter(server.sockets)).getsockname()[1])


async def _pump_up(customer: ServerConnection, behind: ClientConnection) -> None:
    with suppress(ConnectionClosed):
        async for message in customer:
            await behind.send(message)
    await behind.close()


async def _pump_down(behind: ClientConnection, customer: ServerConnection, lie: Lie) -> int:
    """Until the real server closes; its code."""
    try:
        while True:
            message = await behind.recv()
            plain = json.loads(message) if isinstance(message, str) else msgpack.unpackb(message)
            for frame in lie(plain):
                await customer.send(json.dumps(frame) if isinstance(message, str) else msgpack.packb(frame))
    except ConnectionClosed:
        return behind.close_code or 1011
