"""A client that checks nothing by itself and can say anything, rubbish included."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Callable
from typing import Any, Literal

import msgpack
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

Frame = dict[str, Any]
Encoding = Literal["json", "msgpack"]
ENCODINGS: tuple[Encoding, ...] = ("json", "msgpack")
MAX_SERVER_MESSAGE_BYTES = 1_000_000
MAX_RETRIES = 20


class Broken(Exception):
    """The rule does not hold; the text says what was expected and what came."""


class Closed(Broken):
    """The server closed the connection, which nobody expected at this place; ``seen``: frames that came before."""

    def __init__(self, code: int, seen: list[Frame]) -> None:
        last = f", last heard: {short(seen[-1])}" if seen else ""
        super().__init__(f"the server closed with {code}{last}")
        self.code = code
        self.seen = seen


def short(value: object) -> str:
    """For a sentence: one line, not too long."""
    text = json.dumps(value, ensure_ascii=True, default=repr)
    return text if len(text) <= 240 else f"{text[:240]}…"


def need(frame: Frame, type_: str, /, **fields: Any) -> Frame:
    """The frame, where it has this ``type`` and these values. Raises ``Broken``."""
    wrong = [name for name, value in fields.items() if frame.get(name) != value]
    if frame.get("type") != type_ or wrong:
        wanted = {"type": type_, **fields}
        raise Broken(f"expected {short(wanted)}, got {short(frame)}")
    return frame


def need_error(frame: Frame, *codes: int) -> Frame:
    """The frame, where it is an ``error`` of one of these codes and has the shape of section 8. Raises ``Broken``."""
    if frame.get("type") != "error" or frame.get("code") not in codes:
        raise Broken(f"expected error {' or '.join(map(str, codes))}, got {short(frame)}")
    if not isinstance(frame.get("message"), str) or not isinstance(frame.get("temporary"), bool):
        raise Broken(f"an error without message or temporary: {short(frame)}")
    return frame


def agree(got: object, wanted: object, what: str) -> None:
    """Raises ``Broken`` where they differ."""
    if got != wanted:
        raise Broken(f"{what}: expected {short(wanted)}, got {short(got)}")


def true(holds: object, problem: str) -> None:
    """Raises ``Broken`` with the problem where it does not hold."""
    if not holds:
        raise Broken(problem)


class Peer:
    """One WebSocket. ``welcome`` and ``token`` are there after ``connect``."""

    def __init__(self, socket: ClientConnection, encoding: Encoding, within_s: float) -> None:
        self.socket = socket
        self.encoding = encoding
        self.within_s = within_s
        self.welcome: Frame = {}
        self.token: str | None = None
        self._ids = itertools.count(1)
        self._unread: list[Frame] = []

    @property
    def user_id(self) -> str:
        return str(self.welcome["user"]["id"])

    # ----------------------------------------------------------------------- saying

    async def say(self, message: Any) -> None:
        """Send one frame (a map), a batch (a list) or any other value, encoded."""
        as_json = self.encoding == "json"
        await self.say_bytes(json.dumps(message).encode() if as_json else bytes(msgpack.packb(message)))

    async def say_bytes(self, data: bytes, *, text: bool | None = None) -> None:
        """Send bytes as the encoding's kind of message, or as another. Raises ``Closed``."""
        try:
            await self.socket.send(data, text=self.encoding == "json" if text is None else text)
        except ConnectionClosed as closed:
            raise self._ended(closed) from closed

    def new_id(self) -> int:
        return next(self._ids)

    async def ask(self, type_: str, /, **fields: Any) -> Frame:
        """Send a request and return its answer, whatever it is; where that asks to slow down, do."""
        for _ in range(MAX_RETRIES):
            frame_id = self.new_id()
            await self.say({"type": type_, "id": frame_id, **fields})
            answer = await self.answer(frame_id)
            if answer.get("code") != 429 or not answer.get("retry_after_ms"):
                break
            await asyncio.sleep(answer["retry_after_ms"] / 1e3)
        return answer

    async def connect(self, token: str | None = None, **fields: Any) -> Frame:
        """Say connect; the answer."""
        answer = await self.ask("connect", **({"token": token} if token else {}), **fields)
        self.welcome, self.token = answer, answer.get("token", token)
        return answer

    # ----------------------------------------------------------------------- hearing

    async def answer(self, frame_id: int | str) -> Frame:
        """The frame that carries ``frame_id``. Raises ``Broken`` where none comes in time."""
        return await self.hear(
            lambda frame: frame.get("id") == frame_id and type(frame.get("id")) is type(frame_id),
            f"an answer with id {frame_id!r}",
        )

    async def push(self, type_: str, /, *, within_s: float | None = None, **fields: Any) -> Frame:
        """The next push of a type with these values; others stay unread."""

        def wanted(frame: Frame) -> bool:
            pushed = frame.get("type") == type_ and "id" not in frame
            return pushed and all(frame.get(name) == value for name, value in fields.items())

        return await self.hear(wanted, f"a push {short({'type': type_, **fields})}", within_s)

    async def bot_reply(self, message_id: str) -> Frame:
        """The bot's reply to a message."""
        return await self.hear(
            lambda frame: frame.get("type") == "message" and frame.get("reply_to") == message_id, "the bot's reply"
        )

    async def hear(self, wanted: Callable[[Frame], bool], what: str, within_s: float | None = None) -> Frame:
        """The first frame, unread or yet to come, that is ``wanted``. Raises ``Broken``."""
        within_s = within_s or self.within_s
        try:
            async with asyncio.timeout(within_s):
                while True:
                    for place, frame in enumerate(self._unread):
                        if wanted(frame):
                            return self._unread.pop(place)
                    self._unread += await self._next()
        except TimeoutError:
            last = f"; last heard: {short(self._unread[-1])}" if self._unread else ""
            raise Broken(f"{what} did not come within {within_s:g} s{last}") from None

    async def until_pong(self) -> list[Frame]:
        """All unread frames up to now: what the server sent before it answered a ping, in order."""
        need(await self.ask("ping"), "pong")
        seen, self._unread = self._unread, []
        return seen

    async def closed(self, within_s: float | None = None) -> Closed:
        """Wait for the server to close. Raises ``Broken`` where it does not."""
        within_s = within_s or self.within_s
        try:
            async with asyncio.timeout(within_s):
                while True:
                    self._unread += await self._next()
        except Closed as closed:
            return closed
        except TimeoutError:
            raise Broken(f"the server did not close within {within_s:g} s") from None

    async def _next(self) -> list[Frame]:
        try:
            data = await self.socket.recv()
        except ConnectionClosed as closed:
            raise self._ended(closed) from closed
        true(isinstance(data, str) == (self.encoding == "json"), "a message of the wrong kind for the encoding came")
        raw = data.encode() if isinstance(data, str) else data
        true(len(raw) <= MAX_SERVER_MESSAGE_BYTES, f"a message of {len(raw)} bytes came, over 1,000,000")
        try:
            message = json.loads(raw) if isinstance(data, str) else msgpack.unpackb(raw)
        except (ValueError, msgpack.UnpackException) as error:
            raise Broken(f"what came is not {self.encoding}: {error}") from None
        frames = message if isinstance(message, list) else [message]
        true(1 <= len(frames) <= 64, f"a batch of {len(frames)} frames came")
        for frame in frames:
            true(isinstance(frame, dict) and isinstance(frame.get("type"), str), f"no frame: {short(frame)}")
        return frames

    def _ended(self, closed: ConnectionClosed) -> Closed:
        seen, self._unread = self._unread, []
        return Closed(closed.rcvd.code if closed.rcvd else 1006, seen)
