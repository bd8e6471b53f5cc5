"""One connection: its outbox, and the order of what it does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from typing import Any, cast

import msgspec
import pytest

from server.chat.peer import Claims
from server.chat.service import Chat
from server.clock import ManualClock
from server.errors import Conflict, Unauthenticated
from server.limits import Quota
from server.session.machine import Phase
from server.telemetry import Metrics
from server.transport.connection import Connection, ConnectionLimits
from server.wire.closing import CloseCode
from server.wire.codec import JSON
from server.wire.frames import Ack, Pong
from server.wire.framing import payload_of
from server.wire.parts import User
from server.wire.requests import ClientFrame, Connect, Send

ALICE = User("alice", "customer", "Alice")


class FakeWire:
    """A socket that keeps what is written; ``buffered_bytes`` is what a slow reader has not taken."""

    def __init__(self) -> None:
        self.writes: list[list[bytes]] = []
        self.buffered_bytes = 0
        self.closed: tuple[int, str] | None = None

    def write(self, framed: list[bytes]) -> None:
        self.writes.append(list(framed))

    def shut(self, code: int, reason: str) -> None:
        self.closed = self.closed or (code, reason)

    def frames(self) -> list[dict[str, Any]]:
        return [msgspec.json.decode(payload_of(framed)[0]) for write in self.writes for framed in write]


class FakeChat:
    """Commits a send when its gate opens; other verbs are answered at once."""

    explain = False

    def __init__(self) -> None:
        self.log: list[str] = []
        self.gate = asyncio.Event()

    async def connect(self, peer: Connection, frame: Connect) -> None:
        self.log.append("connect")

    async def prepare_send(self, peer: Connection, frame: Send) -> Coroutine[Any, Any, None]:
        self.log.append(f"prepare {frame.key}")
        if frame.key == "bad":
            raise Conflict("this key has other content")
        return self._commit(peer, frame)

    async def _commit(self, peer: Connection, frame: Send) -> None:
        await self.gate.wait()
        self.log.append(f"commit {frame.key}")
        if frame.key == "broken":
            raise RuntimeError("a bug")
        peer.answer(Ack(frame.id, frame.channel, frame.key, "m", 1, 0, False))

    async def perform(self, peer: Connection, frame: ClientFrame) -> None:
        self.log.append(type(frame).__name__)
        peer.answer(Pong(id=frame.id, time_ms=0))

    async def disconnect(self, peer: Connection) -> None:
        self.log.append("disconnect")


async def authenticate(frame: Connect) -> Claims:
    if frame.token == "bad":
        raise Unauthenticated("no")
    return Claims(ALICE, None)


@pytest.fixture
def wire() -> FakeWire:
    return FakeWire()


@pytest.fixture
def chat() -> FakeChat:
    return FakeChat()


@pytest.fixture
async def connection(wire: FakeWire, chat: FakeChat) -> AsyncIterator[Connection]:
    made = Connection(
        wire=wire,
        codec=JSON,
        chat=cast(Chat, chat),
        clock=ManualClock(),
        metrics=Metrics(),
        limits=ConnectionLimits(connect_timeout_ms=10_000, outbox_max_bytes=10_000),
        session_id="s",
        authenticate=authenticate,
    )
    yield made
    chat.gate.set()
    await made.finish()


def send(key: str) -> dict[str, object]:
    return {"type": "send", "id": key, "channel": "conv:c", "key": key, "text": "hi"}


def packed(*frames: dict[str, object]) -> str:
    return msgspec.json.encode(frames).decode()


CONNECT = '{"type":"connect","id":1}'
RESOLVE: dict[str, object] = {"type": "resolve", "id": "r", "channel": "conv:c", "resolved": True}


async def drained() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_frames_of_one_tick_are_written_together(connection: Connection, wire: FakeWire) -> None:
    for number in range(5):
        connection.push(b"\x81\x02%2d" % number)
    assert wire.writes == []
    await drained()
    assert [len(write) for write in wire.writes] == [5]


async def test_a_slow_reader_is_closed_with_4501(connection: Connection, wire: FakeWire) -> None:
    wire.buffered_bytes = 10_001
    connection.push(b"\x81\x14" + b"x" * 20)
    await drained()
    assert wire.closed is not None
    assert wire.closed[0] == 4501
    assert wire.writes == []


async def test_a_burst_in_one_tick_is_nobodys_slowness(connection: Connection, wire: FakeWire) -> None:
    for _ in range(100):
        connection.push(b"x" * 10_000)
    await drained()
    assert wire.closed is None
    assert len(wire.writes[0]) == 100


async def test_sends_overlap_and_anything_else_waits_for_them(connection: Connection, chat: FakeChat) -> None:
    await connection.handle(CONNECT)
    handling = asyncio.create_task(connection.handle(packed(send("a"), send("b"), RESOLVE, send("c"))))
    await drained()
    assert chat.log == ["connect", "prepare a", "prepare b"]
    chat.gate.set()
    await handling
    await drained()
    assert chat.log[3:] == ["commit a", "commit b", "Resolve", "prepare c", "commit c"]


async def test_an_error_is_answered_with_the_frames_id(connection: Connection, chat: FakeChat, wire: FakeWire) -> None:
    chat.gate.set()
    await connection.handle(CONNECT)
    await connection.handle(packed(send("bad"), send("broken"), send("good")))
    await drained()
    answers = {frame["id"]: frame for frame in wire.frames()}
    assert (answers["bad"]["code"], answers["broken"]["code"], answers["good"]["type"]) == (409, 500, "ack")
    assert "bug" not in answers["broken"]["message"]


async def test_a_refused_token_closes_after_the_error(connection: Connection, wire: FakeWire) -> None:
    assert not await connection.handle('{"type":"connect","id":1,"token":"bad"}')
    assert wire.frames()[0]["code"] == 401
    assert wire.closed is not None
    assert wire.closed[0] == 4401


@pytest.mark.parametrize("data", [b"binary", "{", ""])
async def test_what_is_no_message_of_the_encoding_closes(
    connection: Connection, wire: FakeWire, data: bytes | str
) -> None:
    assert not await connection.handle(data)
    assert wire.closed is not None
    assert wire.closed[0] == 4400


async def test_after_a_close_in_a_batch_the_rest_has_no_effect(connection: Connection, chat: FakeChat) -> None:
    await connection.handle(CONNECT)
    assert not await connection.handle(packed({"type": "connect", "id": 2}, RESOLVE))
    assert chat.log == ["connect"]


async def test_a_goodbye_comes_before_the_close(connection: Connection, wire: FakeWire) -> None:
    connection.close(CloseCode.DRAINING, "draining", after_ms=250)
    assert wire.frames() == [{"type": "goodbye", "code": 4500, "after_ms": 250}]
    assert wire.closed == (4500, "draining")
    assert connection.session.phase is Phase.CLOSED


async def test_error_frames_are_counted_by_code_whoever_refused(connection: Connection, chat: FakeChat) -> None:
    chat.gate.set()
    await connection.handle(CONNECT)
    await connection.handle('{"type":"nonsense","id":2}')
    await connection.handle(packed(send("bad"), send("broken")))
    await drained()
    value = connection.metrics.registry.get_sample_value
    assert [value("parlance_errors_total", {"code": code}) for code in ("400", "409", "500")] == [1, 1, 1]


async def test_frames_beyond_the_limit_are_counted_as_limited(connection: Connection) -> None:
    connection.session.meter.quota = Quota("frames", burst=2, every_ms=1_000)
    await connection.handle(CONNECT)
    await connection.handle(packed(*({"type": "ping", "id": number} for number in range(4))))
    value = connection.metrics.registry.get_sample_value
    assert value("parlance_rate_limited_total", {"quota": "frames"}) == 3
    assert value("parlance_errors_total", {"code": "429"}) == 3
