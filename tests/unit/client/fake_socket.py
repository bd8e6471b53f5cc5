"""The other end of the client's socket, without a network: what was sent can be looked at, what comes is scripted."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import msgpack

from parlance_client import Connection, Push
from parlance_client.encoding import Encoding, EncodingName
from parlance_client.errors import Disconnected

ALICE = {"id": "u1", "kind": "customer", "name": "Alice"}
BOT = {"id": "bot", "kind": "bot", "name": "Parlance"}
CHANNEL = "conv:01J00000000000000000000000"


class FakeSocket:
    """A ``Socket`` that answers by ``self.replies`` (request type → frame without ``type`` and ``id``)."""

    def __init__(self, encoding: Encoding) -> None:
        self.text = encoding.text
        self.sent: list[Any] = []
        self.replies: dict[str, dict[str, Any]] = {"connect": welcome()}
        self._incoming: asyncio.Queue[bytes | Disconnected] = asyncio.Queue()
        self._arrivals: asyncio.Queue[None] = asyncio.Queue()
        self._closed: Disconnected | None = None

    async def send(self, data: bytes) -> None:
        if self._closed is not None:
            raise self._closed
        message = json.loads(data) if self.text else msgpack.unpackb(data)
        self.sent.append(message)
        self._arrivals.put_nowait(None)
        for frame in message if isinstance(message, list) else [message]:
            reply = self.replies.get(frame["type"])
            if reply is not None:
                self.push({**reply, "id": frame["id"]})

    async def recv(self) -> bytes:
        if self._closed is not None and self._incoming.empty():
            raise self._closed
        item = await self._incoming.get()
        if isinstance(item, Disconnected):
            raise item
        return item

    async def close(self) -> None:
        self.drop(1000)

    async def sent_in_all(self, number: int) -> None:
        """Wait until the client has sent ``number`` messages."""
        while len(self.sent) < number:
            await self._arrivals.get()

    def push(self, *frames: dict[str, Any]) -> None:
        """One WebSocket message from the server: a frame, or a batch of several."""
        message = frames[0] if len(frames) == 1 else list(frames)
        self.push_bytes(json.dumps(message).encode() if self.text else msgpack.packb(message))

    def push_bytes(self, data: bytes) -> None:
        self._incoming.put_nowait(data)

    def drop(self, code: int) -> None:
        """End the connection after what is on its way."""
        if self._closed is None:
            self._closed = Disconnected(code)
            self._incoming.put_nowait(self._closed)


class FakeNetwork:
    """A ``Dial`` whose every call makes a new socket. ``prepare`` fills in replies before the client speaks."""

    def __init__(self) -> None:
        self.sockets: list[FakeSocket] = []
        self.urls: list[str] = []
        self.next_welcome: dict[str, Any] = welcome(token="guest-token")

    async def __call__(self, url: str, encoding: Encoding) -> FakeSocket:
        self.urls.append(url)
        socket = FakeSocket(encoding)
        socket.replies["connect"] = self.next_welcome
        self.sockets.append(socket)
        return socket

    @property
    def socket(self) -> FakeSocket:
        return self.sockets[-1]


def client_on(network: FakeNetwork, encoding: EncodingName = "json", **options: Any) -> Connection:
    return Connection("ws://fake/ws", encoding=encoding, dial=network, **options)


async def next_push(client: Connection) -> Push:
    return await anext(aiter(client.pushes()))


def welcome(**fields: Any) -> dict[str, Any]:
    return {
        "type": "welcome",
        "session": "s1",
        "user": ALICE,
        "ping_interval_ms": 25_000,
        "max_message_bytes": 131_072,
        "time_ms": 1,
        "server": {"name": "parlance", "version": "1"},
        "notifications": [],
        "unread": 0,
        "channels": {},
        **fields,
    }


def message(offset: int, text: str = "hello", **fields: Any) -> dict[str, Any]:
    return {
        "type": "message",
        "channel": CHANNEL,
        "epoch": "e1",
        "offset": offset,
        "message_id": f"m{offset}",
        "at_ms": 1,
        "from": BOT,
        "text": text,
        **fields,
    }


def subscribed(offset: int, **fields: Any) -> dict[str, Any]:
    return {
        "type": "subscribed",
        "channel": CHANNEL,
        "epoch": "e1",
        "offset": offset,
        "recovered": False,
        "messages": [],
        **fields,
    }


def ack(**fields: Any) -> dict[str, Any]:
    return {
        "type": "ack",
        "channel": CHANNEL,
        "key": "k",
        "message_id": "m1",
        "offset": 1,
        "at_ms": 1,
        "duplicate": False,
        **fields,
    }
