"""What one HTTP connection may cost: time for its requests, size of their heads, time to read the answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from server.transport.arrival import Arrival
from server.transport.guard import LINGER_S, MAX_HEAD_BYTES, READ_WITHIN_S, REQUEST_WITHIN_S
from server.transport.protocol import WireProtocol

GET = b"GET /x HTTP/1.1\r\nhost: chat\r\n\r\n"
UPGRADE = (
    b"GET /ws HTTP/1.1\r\nhost: chat\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
    b"sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


class Timers:
    """A loop whose ``call_later`` waits for the test; all else is the real one's."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.now_s = 0.0
        self.waiting: list[tuple[float, Callable[..., None], tuple[Any, ...], asyncio.TimerHandle]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.loop, name)

    def call_later(self, delay_s: float, call: Callable[..., None], *args: Any) -> asyncio.TimerHandle:
        handle = asyncio.TimerHandle(self.loop.time() + delay_s, call, args, self.loop)
        self.waiting.append((self.now_s + delay_s, call, args, handle))
        return handle

    def go_on(self, seconds: float) -> None:
        self.now_s += seconds
        due = [timer for timer in self.waiting if timer[0] <= self.now_s]
        self.waiting = [timer for timer in self.waiting if timer[0] > self.now_s]
        for _, call, args, handle in due:
            if not handle.cancelled():
                call(*args)


class FakeTransport(asyncio.Transport):
    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.ended = ""
        self.has_eof = False
        self.protocol: asyncio.BaseProtocol | None = None

    def write(self, data: Any) -> None:
        assert not self.ended
        self.written += bytes(data)

    def write_eof(self) -> None:
        self.has_eof = True

    def close(self) -> None:
        self.ended = self.ended or "closed"

    def abort(self) -> None:
        self.ended = "aborted"

    def is_closing(self) -> bool:
        return bool(self.ended)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.protocol = protocol

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


class FakeSocketProtocol:
    """What takes over after an upgrade."""

    def __init__(self, **options: Any) -> None:
        self.got = b""

    def connection_made(self, transport: object) -> None: ...

    def data_received(self, data: bytes) -> None:
        self.got += data


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    body = b""
    while (event := await receive()).get("more_body"):
        body += event["body"]
    body += event.get("body", b"")
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


class Line:
    """One connection."""

    def __init__(self, ws: Any = FakeSocketProtocol, asgi: Any = app) -> None:
        self.timers = Timers()
        self.transport = FakeTransport()
        self.state = ServerState()
        config = uvicorn.Config(asgi, ws=ws, lifespan="off", log_config=None)
        config.load()
        self.arrival = Arrival(config, self.state, {}, cast(asyncio.AbstractEventLoop, self.timers))
        self.arrival.connection_made(self.transport)

    @property
    def protocol(self) -> asyncio.Protocol:
        return cast(asyncio.Protocol, self.transport.protocol or self.arrival)

    async def say(self, data: bytes) -> bytes:
        """The answer so far, taken away."""
        self.protocol.data_received(data)
        for _ in range(10):
            await asyncio.sleep(0)
        written, self.transport.written = self.transport.written, b""
        return written


@pytest.fixture
async def line() -> Line:
    return Line()


async def test_a_connection_that_says_nothing_ends(line: Line) -> None:
    line.timers.go_on(REQUEST_WITHIN_S - 0.1)
    assert line.transport.written == b""
    line.timers.go_on(0.2)
    assert line.transport.written.startswith(b"HTTP/1.1 408 ")
    line.timers.go_on(LINGER_S)
    assert line.transport.ended == "closed"


async def test_a_head_that_trickles_ends_however_often_a_byte_comes(line: Line) -> None:
    for number in range(len(GET) - 4):
        assert await line.say(GET[number : number + 1]) == b""
        line.timers.go_on(1.0)
        if line.transport.has_eof:
            break
    assert line.transport.written.startswith(b"HTTP/1.1 408 ")
    assert line.timers.now_s <= REQUEST_WITHIN_S + 1


async def test_a_body_that_trickles_ends_too(line: Line) -> None:
    assert await line.say(b"POST / HTTP/1.1\r\nhost: chat\r\ncontent-length: 50\r\n\r\n") == b""
    for _ in range(20):
        if not line.transport.ended:
            await line.say(b"x")
            line.timers.go_on(1.0)
    assert line.transport.ended == "closed"


async def test_whoever_is_refused_may_finish_sending_and_is_closed_then(line: Line) -> None:
    """Unread bytes would make the close a reset, which takes the answer away from its reader."""
    assert (await line.say(b"GET / HTTP/1.1\r\nx: " + b"y" * MAX_HEAD_BYTES)).startswith(b"HTTP/1.1 431 ")
    assert (line.transport.has_eof, line.transport.ended) == (True, "")
    assert await line.say(b"y" * 1_000 + b"\r\n\r\n" + GET) == b""
    line.timers.go_on(LINGER_S)
    assert line.transport.ended == "closed"


async def test_a_long_head_is_431_in_one_piece_or_in_many(line: Line) -> None:
    await line.say(b"GET / HTTP/1.1\r\nhost: chat\r\n")
    piece = b"x-filler: " + b"y" * 1_000 + b"\r\n"
    answer = b""
    for _ in range(MAX_HEAD_BYTES // len(piece) + 2):
        answer += await line.say(piece)
    assert answer.startswith(b"HTTP/1.1 431 ")
    assert answer.count(b"HTTP/1.1") == 1
    other = Line()
    assert (await other.say(b"GET / HTTP/1.1\r\nx: " + b"y" * MAX_HEAD_BYTES)).startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize("size", [10, 200_000])
async def test_a_body_in_one_piece_with_its_head_is_no_long_head(line: Line, size: int) -> None:
    answer = await line.say(b"POST / HTTP/1.1\r\nhost: chat\r\ncontent-length: %d\r\n\r\n" % size + b"b" * size)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.endswith(b"b" * size)
    assert not line.transport.ended


@pytest.mark.parametrize("pieces", [1, 2, 4])
async def test_a_body_in_pieces_is_no_long_head(line: Line, pieces: int) -> None:
    await line.say(b"POST / HTTP/1.1\r\nhost: chat\r\ncontent-length: 200000\r\n\r\n")
    answers = [await line.say(b"b" * (200_000 // pieces)) for _ in range(pieces)]
    assert answers[-1].startswith(b"HTTP/1.1 200 ")


async def test_many_requests_on_one_connection_each_have_their_own_time_and_size(line: Line) -> None:
    big = b"GET / HTTP/1.1\r\nhost: chat\r\nx: " + b"y" * (MAX_HEAD_BYTES - 100)
    for _ in range(4):
        assert await line.say(big) == b""
        assert (await line.say(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
        line.timers.go_on(REQUEST_WITHIN_S * 0.1)  # less than keep-alive's own limit
    assert not line.transport.ended
    await line.say(b"GET / HT")
    line.timers.go_on(REQUEST_WITHIN_S)
    assert line.transport.written.startswith(b"HTTP/1.1 408 ")


async def test_requests_in_one_piece_are_answered_in_order(line: Line) -> None:
    posts = b"".join(b"POST / HTTP/1.1\r\nhost: c\r\ncontent-length: 1\r\n\r\n%d" % number for number in range(5))
    answer = await line.say(posts)
    for _ in range(20):
        answer += await line.say(b"")
    assert [part[-1:] for part in answer.split(b"HTTP/1.1 200 OK")[1:]] == [b"0", b"1", b"2", b"3", b"4"]


async def test_after_an_upgrade_the_deadlines_are_the_sockets_own(line: Line) -> None:
    await line.say(UPGRADE)
    taken = cast(FakeSocketProtocol, line.transport.protocol)
    assert taken.got.startswith(b"GET /ws HTTP/1.1\r\n")
    line.timers.go_on(3_600)
    assert not line.transport.ended


@pytest.mark.parametrize("pieces", [[UPGRADE], [UPGRADE[:30], UPGRADE[30:]]], ids=["one piece", "two"])
async def test_a_websocket_reaches_the_application_however_its_request_comes(pieces: list[bytes]) -> None:
    asked: list[Scope] = []

    async def refusing(scope: Scope, receive: Receive, send: Send) -> None:
        asked.append(scope)
        await send({"type": "websocket.close"})

    line = Line(WireProtocol, refusing)
    first, *others = pieces
    answer = await line.say(first)
    for piece in others:
        answer += await line.say(piece)
    assert answer.startswith(b"HTTP/1.1 403 ")
    assert [(scope["path"], dict(scope["headers"])[b"host"]) for scope in asked] == [("/ws", b"chat")]
    assert isinstance(line.transport.protocol, WireProtocol)
    assert [type(connection).__name__ for connection in line.state.connections] == ["WireProtocol"]
    line.timers.go_on(3_600)
    assert line.transport.ended == "closed"


async def test_whoever_does_not_read_the_answer_is_cut_off(line: Line) -> None:
    await line.say(GET)
    line.protocol.pause_writing()
    line.timers.go_on(READ_WITHIN_S - 0.1)
    line.protocol.resume_writing()
    line.timers.go_on(READ_WITHIN_S)
    assert line.transport.ended != "aborted"
    slow = Line()
    await slow.say(GET)
    slow.protocol.pause_writing()
    slow.timers.go_on(READ_WITHIN_S + 0.1)
    assert slow.transport.ended == "aborted"


async def test_a_lost_connection_leaves_no_timer(line: Line) -> None:
    line.protocol.pause_writing()
    line.protocol.connection_lost(ConnectionResetError())
    line.timers.go_on(3_600)
    assert line.transport.written + line.transport.ended.encode() == b""


async def test_what_is_no_http_is_400(line: Line) -> None:
    assert (await line.say(b"\x16\x03\x01\x02\x00\x01")).startswith(b"HTTP/1.1 400 ")
    assert line.transport.ended
