"""A client that checks nothing and can say anything: what the tests of the protocol's rules speak with."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Callable, Iterator
from typing import Any, Literal

import msgpack
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as websocket_connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Origin, Subprotocol

from tests.support.server import ServerProcess

Frame = dict[str, Any]
Encoding = Literal["json", "msgpack"]
ENCODINGS: tuple[Encoding, ...] = ("json", "msgpack")
WITHIN_S = 60.0  # only so that a hang ends; a loaded machine starts a worker in many seconds


class Closed(Exception):
    """The server closed the connection; ``code`` says why, ``seen`` are the frames that came before."""

    def __init__(self, code: int, seen: list[Frame]) -> None:
        super().__init__(f"closed with {code} after {len(seen)} unread frames, the last of them {seen[-3:]}")
        self.code = code
        self.seen = seen


class Peer:
    """One WebSocket. ``user``, ``welcome`` and ``token`` are there after ``connect``."""

    def __init__(self, socket: ClientConnection, encoding: Encoding) -> None:
        self.socket = socket
        self.encoding = encoding
        self.welcome: Frame = {}
        self.token: str | None = None
        self._ids = itertools.count(1)
        self._unread: list[Frame] = []

    @property
    def user(self) -> Frame:
        user: Frame = self.welcome["user"]
        return user

    # ----------------------------------------------------------------------- saying

    async def say(self, message: Any) -> None:
        """Send one frame (a map), a batch (a list) or any other value, encoded."""
        as_json = self.encoding == "json"
        await self.say_bytes(json.dumps(message, ensure_ascii=False).encode() if as_json else msgpack.packb(message))

    async def say_bytes(self, data: bytes) -> None:
        """Send bytes as the encoding's kind of message. Raises ``Closed``."""
        try:
            await self.socket.send(data, text=self.encoding == "json")
        except ConnectionClosed as closed:
            raise self._ended(closed) from closed

    async def ask(self, kind: str, **fields: Any) -> Frame:
        """Send a request and return its answer, whatever it is."""
        frame_id = self.new_id()
        await self.say({"type": kind, "id": frame_id, **fields})
        return await self.answer(frame_id)

    async def connect(self, token: str | None = None, **fields: Any) -> Frame:
        """Say connect; the answer."""
        answer = await self.ask("connect", **({"token": token} if token else {}), **fields)
        self.welcome, self.token = answer, answer.get("token", token)
        return answer

    def new_id(self) -> int:
        return next(self._ids)

    async def open(self) -> str:
        """A new conversation's channel."""
        opened = await self.ask("open", key=f"open-{self.new_id()}-{id(self)}")
        assert opened["type"] == "opened", opened
        channel: str = opened["channel"]
        return channel

    async def send(self, channel: str, text: str, **fields: Any) -> Frame:
        """Send a message with a key of its own; the answer."""
        return await self.ask("send", **{"channel": channel, "key": f"k-{self.new_id()}", "text": text, **fields})

    # ----------------------------------------------------------------------- hearing

    async def answer(self, frame_id: int | str) -> Frame:
        """The frame that carries ``frame_id``. Raises ``Closed``."""
        return await self.hear(lambda frame: frame.get("id") == frame_id and type(frame.get("id")) is type(frame_id))

    async def push(self, kind: str, **fields: Any) -> Frame:
        """The next push of a type with these values; other frames stay unread."""
        return await self.hear(
            lambda frame: (
                frame.get("type") == kind
                and "id" not in frame
                and all(frame.get(name) == value for name, value in fields.items())
            )
        )

    async def bot_reply(self, message_id: str) -> Frame:
        """The bot's reply to a message."""
        return await self.hear(
            lambda frame: (
                frame.get("type") == "message"
                and frame.get("reply_to") == message_id
                and frame.get("from", {}).get("kind") == "bot"
            )
        )

    async def hear(self, wanted: Callable[[Frame], bool]) -> Frame:
        """The first frame, unread or yet to come, that is ``wanted``. Raises ``Closed``."""
        async with asyncio.timeout(WITHIN_S):
            while True:
                for place, frame in enumerate(self._unread):
                    if wanted(frame):
                        return self._unread.pop(place)
                self._unread += await self._next()

    async def everything_until_pong(self) -> list[Frame]:
        """All unread frames up to now: what the server sent before it answered a ping, in order."""
        frame_id = self.new_id()
        await self.say({"type": "ping", "id": frame_id})
        pong = await self.answer(frame_id)
        assert pong["type"] == "pong"
        seen, self._unread = self._unread, []
        return seen

    async def closed(self) -> Closed:
        """Wait for the server to close."""
        async with asyncio.timeout(WITHIN_S):
            try:
                while True:
                    self._unread += await self._next()
            except Closed as closed:
                return closed

    async def _next(self) -> list[Frame]:
        try:
            data = await self.socket.recv()
        except ConnectionClosed as closed:
            raise self._ended(closed) from closed
        assert isinstance(data, str) == (self.encoding == "json"), "the wrong kind of message for the encoding"
        assert len(data.encode() if isinstance(data, str) else data) <= 1_000_000
        message = json.loads(data) if isinstance(data, str) else msgpack.unpackb(data)
        frames: list[Frame] = message if isinstance(message, list) else [message]
        assert 1 <= len(frames) <= 64
        return frames

    def _ended(self, closed: ConnectionClosed) -> Closed:
        seen, self._unread = self._unread, []
        return Closed(closed.rcvd.code if closed.rcvd else 1006, seen)


async def dial(
    server: ServerProcess,
    encoding: Encoding = "json",
    *,
    origin: str | None = None,
    compress: bool = False,
    headers: dict[str, str] | None = None,
) -> Peer:
    """A WebSocket on which nothing has been said."""
    socket = await websocket_connect(
        server.ws_url,
        subprotocols=[Subprotocol(f"parlance.v1.{encoding}")],
        origin=Origin(origin) if origin is not None else None,
        additional_headers=headers,
        compression="deflate" if compress else None,
        proxy=None,
        max_size=None,
        max_queue=None,  # a peer that does not read for a while must still answer the server's pings
        ping_interval=None,
        close_timeout=2,
    )
    return Peer(socket, encoding)


def messages_of(frames: list[Frame]) -> Iterator[Frame]:
    """The ``message`` pushes among frames."""
    return (frame for frame in frames if frame["type"] == "message")


def without_id(frame: Frame) -> Frame:
    """A frame as it would be for another request."""
    return {name: value for name, value in frame.items() if name != "id"}
