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
from server.errors import Banned, Conflict, Unauthenticated
from server.limits import Quota
from server.session.machine import Phase
from server.telemetry import Metrics
from server.transport.connection import (
    MAX_ITEMS_WAITING,
    MAX_SENDS_IN_FLIGHT,
    Connection,
    ConnectionLimits,
    Services,
)
from server.wire.closing import CloseCode
from server.wire.codec import JSON
from server.wire.frames import Ack, Pong
from server.wire.framing import messages_of
from server.wire.parts import User
from server.wire.requests import ClientFrame, Connect, Send

ALICE = User("alice", "customer", "Alice")


class FakeWire:
    """A socket that keeps what is written; ``buffered_bytes`` is what a slow reader has not taken."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []
        self.buffered_bytes = 0
        self.closed: tuple[int, str] | None = None
        self.connection: Connection | None = None
        self.reading = True
        self.alarms = 0

    def write(self, framed: bytes) -> None:
        self.writes.append(framed)

    def shut(self, code: int, reason: str) -> None:
        if self.closed is None:
            self.closed = (code, reason)
            self.lose()

    def lose(self) -> None:
        connection, self.connection = self.connection, None
        if connection is not None:
            connection.ended()

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def rearm(self) -> None:
        self.alarms += 1

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        return asyncio.create_task(work)

    def frames(self) -> list[dict[str, Any]]:
        return [msgspec.json.decode(payload) for write in self.writes for payload, _ in messages_of(write)]


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

    async def readmit(self, claims: Claims) -> None: ...

    async def perform(self, peer: Connection, frame: ClientFrame) -> None:
        self.log.append(type(frame).__name__)
        peer.answer(Pong(id=frame.id, time_ms=0))

    async def disconnect(self, peer: Connection) -> None:
        self.log.append("disconnect")


async def authenticate(frame: Connect, address: str) -> Claims:
    if frame.token == "bad":
        raise Unauthenticated("no")
    return Claims(ALICE, 1_700_000_090_000 if frame.token else None)


@pytest.fixture
def wire() -> FakeWire:
    return FakeWire()


@pytest.fixture
def chat() -> FakeChat:
    return FakeChat()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def ended() -> list[Connection]:
    """The connections that said that they are over."""
    return []


@pytest.fixture
async def connection(
    wire: FakeWire, chat: FakeChat, clock: ManualClock, ended: list[Connection]
) -> AsyncIterator[Connection]:
    limits = ConnectionLimits(connect_timeout_ms=10_000, outbox_max_bytes=10_000)
    services = Services(cast(Chat, chat), clock, Metrics(), limits, authenticate)
    wire.connection = made = Connection(wire, JSON, services, session_id="s", address="192.0.2.1", on_end=ended.append)
    yield made
    chat.gate.set()
    wire.lose()
    await drained()


def send(key: str) -> dict[str, object]:
    return {"type": "send", "id": key, "channel": "conv:c", "key": key, "text": "hi"}


def packed(*frames: dict[str, object]) -> str:
    return msgspec.json.encode(frames).decode()


CONNECT = '{"type":"connect","id":1}'
RESOLVE: dict[str, object] = {"type": "resolve", "id": "r", "channel": "conv:c", "resolved": True}


async def drained() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_what_is_pushed_goes_to_the_socket_at_once(connection: Connection, wire: FakeWire) -> None:
    connection.push(b"one")
    connection.push(b"two")
    assert wire.writes == [b"one", b"two"]


async def test_sends_overlap_and_anything_else_waits_for_them(connection: Connection, chat: FakeChat) -> None:
    connection.received(CONNECT)
    await drained()
    connection.received(packed(send("a"), send("b"), RESOLVE, send("c")))
    await drained()
    assert chat.log == ["connect", "prepare a", "prepare b"]
    chat.gate.set()
    await drained()
    assert chat.log[3:] == ["commit a", "commit b", "Resolve", "prepare c", "commit c"]


async def test_messages_keep_their_order_while_one_is_in_work(connection: Connection, chat: FakeChat) -> None:
    connection.received(CONNECT)
    await drained()
    for message in (packed(send("a")), packed(RESOLVE), packed(send("b"))):
        connection.received(message)
    await drained()
    assert chat.log == ["connect", "prepare a"]
    chat.gate.set()
    await drained()
    assert chat.log[2:] == ["commit a", "Resolve", "prepare b", "commit b"]


async def test_no_more_sends_are_in_flight_than_allowed(connection: Connection, chat: FakeChat) -> None:
    connection.received(CONNECT)
    await drained()
    for number in range(MAX_SENDS_IN_FLIGHT + 3):
        connection.received(packed(send(f"{number}")))
    await drained()
    assert len(chat.log) == 1 + MAX_SENDS_IN_FLIGHT
    chat.gate.set()
    await drained()
    assert sum(line.startswith("commit") for line in chat.log) == MAX_SENDS_IN_FLIGHT + 3


async def test_a_client_that_does_not_wait_is_read_no_more_until_its_frames_are_done(
    connection: Connection, chat: FakeChat, wire: FakeWire
) -> None:
    connection.received(CONNECT)
    await drained()
    connection.received(packed(send("a")))
    reading = []
    for _ in range(MAX_ITEMS_WAITING):
        reading.append(wire.reading)
        connection.received(packed(RESOLVE))
    assert all(reading)
    reading = [wire.reading]
    chat.gate.set()
    await drained()
    assert [*reading, wire.reading] == [False, True]
    assert chat.log.count("Resolve") == MAX_ITEMS_WAITING


async def test_an_error_is_answered_with_the_frames_id(connection: Connection, chat: FakeChat, wire: FakeWire) -> None:
    chat.gate.set()
    connection.received(CONNECT)
    connection.received(packed(send("bad"), send("broken"), send("good")))
    await drained()
    answers = {frame["id"]: frame for frame in wire.frames()}
    assert (answers["bad"]["code"], answers["broken"]["code"], answers["good"]["type"]) == (409, 500, "ack")
    assert "bug" not in answers["broken"]["message"]


async def test_a_refused_token_closes_after_the_error(connection: Connection, wire: FakeWire) -> None:
    connection.received('{"type":"connect","id":1,"token":"bad"}')
    await drained()
    assert wire.frames()[0]["code"] == 401
    assert wire.closed is not None
    assert wire.closed[0] == 4401


class Waiting(FakeChat):
    """Does not welcome before its gate opens, and then finds that the token was revoked."""

    async def connect(self, peer: Connection, frame: Connect) -> None:
        await self.gate.wait()
        raise REVOKED


REVOKED = Unauthenticated("the token was revoked")


@pytest.mark.parametrize(("error", "code"), [(REVOKED, 4401), (Banned("go away"), 4403)])
class TestTurnedAway:
    @pytest.fixture
    def chat(self) -> FakeChat:
        return Waiting()

    async def test_before_the_welcome_it_reads_why_once(
        self, connection: Connection, chat: FakeChat, wire: FakeWire, error: Banned | Unauthenticated, code: int
    ) -> None:
        connection.received(CONNECT)
        await drained()
        connection.turn_away(error)
        assert wire.closed == (code, error.name)
        chat.gate.set()
        await drained()
        assert [(frame["type"], frame["id"], frame["code"]) for frame in wire.frames()] == [("error", 1, error.code)]


async def test_who_is_thrown_out_later_is_only_closed(connection: Connection, wire: FakeWire) -> None:
    connection.received(CONNECT)
    await drained()
    connection.turn_away(REVOKED)
    assert (wire.closed, wire.frames()) == ((4401, REVOKED.name), [])


@pytest.mark.parametrize("data", [b"binary", "{", ""])
async def test_what_is_no_message_of_the_encoding_closes(
    connection: Connection, wire: FakeWire, data: bytes | str
) -> None:
    connection.received(data)
    assert wire.closed is not None
    assert wire.closed[0] == 4400


async def test_a_message_of_the_wrong_kind_waits_for_its_turn(
    connection: Connection, chat: FakeChat, wire: FakeWire
) -> None:
    connection.received(CONNECT)
    connection.received(b"binary")
    assert wire.closed is None
    await drained()
    assert chat.log[0] == "connect"
    assert wire.closed is not None


async def test_after_a_close_in_a_batch_the_rest_has_no_effect(connection: Connection, chat: FakeChat) -> None:
    connection.received(CONNECT)
    await drained()
    connection.received(packed({"type": "connect", "id": 2}, RESOLVE))
    await drained()
    assert chat.log == ["connect", "disconnect"]


async def test_a_bug_below_costs_its_own_connection_only(
    connection: Connection, wire: FakeWire, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(connection.session.__class__, "receive", broken)
    connection.received(CONNECT)
    assert wire.closed == (4503, "internal failure")


async def test_a_goodbye_comes_before_the_close(connection: Connection, wire: FakeWire) -> None:
    connection.close(CloseCode.DRAINING, "draining", after_ms=250)
    assert wire.frames() == [{"type": "goodbye", "code": 4500, "after_ms": 250}]
    assert wire.closed == (4500, "draining")
    assert connection.session.phase is Phase.CLOSED


async def test_error_frames_are_counted_by_code_whoever_refused(connection: Connection, chat: FakeChat) -> None:
    chat.gate.set()
    connection.received(CONNECT)
    connection.received('{"type":"nonsense","id":2}')
    connection.received(packed(send("bad"), send("broken")))
    await drained()
    value = connection.metrics.registry.get_sample_value
    assert [value("parlance_errors_total", {"code": code}) for code in ("400", "409", "500")] == [1, 1, 1]


async def test_frames_beyond_the_limit_are_counted_as_limited(connection: Connection) -> None:
    connection.session.meter.quota = Quota("frames", burst=2, every_ms=1_000)
    connection.received(CONNECT)
    connection.received(packed(*({"type": "ping", "id": number} for number in range(4))))
    await drained()
    value = connection.metrics.registry.get_sample_value
    assert value("parlance_rate_limited_total", {"quota": "frames"}) == 3
    assert value("parlance_errors_total", {"code": "429"}) == 3


class TestTheEnd:
    async def test_every_channel_is_left_once(
        self, connection: Connection, chat: FakeChat, wire: FakeWire, ended: list[Connection]
    ) -> None:
        connection.received(CONNECT)
        await drained()
        connection.close(CloseCode.DRAINING, "draining")
        wire.lose()
        await drained()
        assert (chat.log, ended) == (["connect", "disconnect"], [connection])

    async def test_it_waits_for_the_frame_in_work(self, connection: Connection, chat: FakeChat, wire: FakeWire) -> None:
        connection.received(CONNECT)
        await drained()
        connection.received(packed(send("a"), RESOLVE))
        await drained()
        wire.lose()
        await drained()
        assert "disconnect" not in chat.log
        chat.gate.set()
        await drained()
        assert chat.log[-2:] == ["Resolve", "disconnect"]

    async def test_who_never_connected_has_nothing_to_leave(
        self, connection: Connection, chat: FakeChat, wire: FakeWire
    ) -> None:
        wire.lose()
        await drained()
        assert chat.log == []

    async def test_nothing_is_written_and_nothing_is_read_afterwards(
        self, connection: Connection, chat: FakeChat, wire: FakeWire
    ) -> None:
        wire.lose()
        connection.push(b"late")
        connection.answer(Pong(id=1, time_ms=0))
        connection.received(CONNECT)
        await drained()
        assert (wire.writes, chat.log) == ([], [])


class TestAlarms:
    async def test_without_a_connect_in_time_it_closes(
        self, connection: Connection, clock: ManualClock, wire: FakeWire
    ) -> None:
        assert connection.tick() == 10.0
        clock.advance(9_000)
        assert connection.tick() == 1.0
        clock.advance(1_000)
        assert connection.tick() is None
        assert wire.closed is not None
        assert wire.closed[0] == 4408

    async def test_a_session_without_an_end_needs_no_alarm(self, connection: Connection, wire: FakeWire) -> None:
        connection.received(CONNECT)
        await drained()
        assert connection.tick() is None
        assert wire.alarms == 1

    async def test_a_token_ends_and_the_wall_clock_is_looked_at_every_minute(
        self, connection: Connection, clock: ManualClock, wire: FakeWire
    ) -> None:
        connection.received('{"type":"connect","id":1,"token":"a minute and a half"}')
        await drained()
        assert connection.tick() == 60.0
        clock.advance(60_000)
        assert connection.tick() == 30.0
        clock.advance(30_000)
        assert connection.tick() is None
        assert wire.closed is not None
        assert wire.closed[0] == 4401
