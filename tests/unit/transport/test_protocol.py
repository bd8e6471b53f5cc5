"""The protocol between uvicorn and a receiver, on a transport without a socket."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

import pytest
import uvicorn
from uvicorn.server import ServerState
from websockets.client import ClientProtocol
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.typing import Subprotocol
from websockets.uri import parse_uri

from server.transport.protocol import (
    BARE_FRAMES_BURST,
    BARE_FRAMES_PER_S,
    CLOSE_GRACE_S,
    EXTENSION,
    MAX_PONGS_BYTES,
    WireProtocol,
)
from server.transport.wheel import Wheel
from server.wire.framing import frame_message

App = Callable[[Any, Any, Any], Any]


class FakeTransport(asyncio.Transport):
    """Keeps what is written; ``unsent`` is what a slow kernel has not taken."""

    def __init__(self) -> None:
        super().__init__({"peername": ("192.0.2.1", 50_000), "sockname": ("192.0.2.2", 80)})
        self.written = b""
        self.unsent = 0
        self.limits: tuple[int | None, int | None] = (None, None)
        self.closing = self.aborted = self.half_closed = False
        self.reading = True

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += bytes(data)

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self.limits = (high, low)

    def is_closing(self) -> bool:
        return self.closing

    def close(self) -> None:
        self.closing = True

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.half_closed = True

    def abort(self) -> None:
        self.closing = self.aborted = True

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True


class FakeReceiver:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.messages: list[bytes | str] = []
        self.told: list[str] = []
        self.alarm_s: float | None = None

    def received(self, message: bytes | str) -> None:
        self.messages.append(message)

    def congested(self) -> None:
        self.told.append("congested")

    def eased(self) -> None:
        self.told.append("eased")

    def tick(self) -> float | None:
        self.told.append("tick")
        return self.alarm_s

    def ended(self) -> None:
        self.told.append("ended")


class Stage:
    """One connection: a websockets client without a socket, the protocol, and an application."""

    def __init__(self, app: App, *subprotocols: str, compression: bool = False) -> None:
        self.state = ServerState()
        config = uvicorn.Config(
            app, log_config=None, ws_max_size=1_000, ws_ping_interval=10.0, ws_per_message_deflate=compression
        )
        config.load()
        self.now_s = 0.0
        self.alarms: list[tuple[float, Callable[[], None]]] = []
        self.transport = FakeTransport()
        self.protocol = WireProtocol(config, self.state, {})
        extensions = [ClientPerMessageDeflateFactory()] if compression else None
        offered = [Subprotocol(name) for name in subprotocols]
        self.client = ClientProtocol(
            parse_uri("ws://192.0.2.2/ws"), subprotocols=offered or None, extensions=extensions
        )
        self.response: Response | None = None

    async def shake_hands(self, **headers: str) -> None:
        request = self.client.connect()
        request.headers.update(headers)
        self.client.send_request(request)
        self.protocol.connection_made(self.transport)
        self.say()
        await settled()
        self.response = cast(Response, self.hear()[0])

    def say(self) -> None:
        """Give the server what the client has to send."""
        for data in self.client.data_to_send():
            if data:
                self.protocol.data_received(data)

    def hear(self) -> list[Any]:
        """What the client makes of what the server has written."""
        data, self.transport.written = self.transport.written, b""
        self.client.receive_data(data)
        return self.client.events_received()

    def wheel(self) -> Wheel:
        """A wheel on the stage's own time."""
        return Wheel(lambda: self.now_s, self._call_later)

    def _call_later(self, delay_s: float, call: Callable[[], None]) -> Any:
        alarm = (self.now_s + delay_s, call)
        self.alarms.append(alarm)

        class Timer:
            def cancel(_) -> None:
                if alarm in self.alarms:
                    self.alarms.remove(alarm)

        return Timer()

    def pass_time(self, seconds: float) -> None:
        until_s = self.now_s + seconds
        while due := [alarm for alarm in self.alarms if alarm[0] <= until_s]:
            alarm = min(due, key=lambda alarm: alarm[0])
            self.alarms.remove(alarm)
            self.now_s = max(self.now_s, alarm[0])
            alarm[1]()
        self.now_s = until_s


async def settled() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def adopted(*, compression: bool = False) -> tuple[Stage, FakeReceiver]:
    receiver = FakeReceiver()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept", "subprotocol": "parlance.v1.json"})
        wire: WireProtocol = scope["extensions"][EXTENSION]
        wire.adopt(receiver, wheel, 5_000)

    stage = Stage(app, "parlance.v1.json", compression=compression)
    wheel = stage.wheel()
    stage.protocol.loop = cast(Any, type("Loop", (), {
        "time": lambda _: stage.now_s,
        "create_task": lambda _, work: asyncio.get_running_loop().create_task(work),
        "call_later": lambda _, delay_s, call: stage._call_later(delay_s, call),
    })())  # fmt: skip
    await stage.shake_hands()
    assert stage.response is not None
    assert stage.response.status_code == 101
    return stage, receiver


class TestHandshake:
    async def test_the_application_sees_an_ordinary_scope(self) -> None:
        seen: dict[str, Any] = {}

        async def app(scope: Any, receive: Any, send: Any) -> None:
            seen.update(scope)
            await send({"type": "websocket.close"})

        stage = Stage(app, "a", "b")
        await stage.shake_hands(Origin="https://shop.example")
        assert (seen["type"], seen["path"], seen["scheme"], seen["client"]) == (
            "websocket", "/ws", "ws", ("192.0.2.1", 50_000),
        )  # fmt: skip
        assert seen["subprotocols"] == ["a", "b"]
        assert (b"origin", b"https://shop.example") in seen["headers"]

    async def test_nothing_of_it_is_left_once_somebody_has_adopted_it(self) -> None:
        stage, _ = await adopted()
        assert stage.protocol._handshake is None
        assert stage.state.tasks == set()
        assert stage.client.subprotocol == "parlance.v1.json"

    async def test_a_close_is_answered_with_403(self) -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            await send({"type": "websocket.close"})

        stage = Stage(app)
        await stage.shake_hands()
        assert stage.response is not None
        assert stage.response.status_code == 403
        assert stage.transport.closing

    async def test_an_http_answer_is_passed_on(self) -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            await send({"type": "websocket.http.response.start", "status": 503, "headers": [(b"x-why", b"draining")]})
            await send({"type": "websocket.http.response.body", "body": b"try ", "more_body": True})
            await send({"type": "websocket.http.response.body", "body": b"later"})

        stage = Stage(app)
        await stage.shake_hands()
        assert stage.response is not None
        assert (stage.response.status_code, stage.response.body) == (503, b"try later")
        assert stage.response.headers["x-why"] == "draining"
        assert stage.transport.closing

    @pytest.mark.parametrize("answers", [True, False])
    async def test_an_application_that_fails_or_says_nothing_is_answered_with_500(self, answers: bool) -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            if answers:
                raise RuntimeError("a bug")

        stage = Stage(app)
        await stage.shake_hands()
        assert stage.response is not None
        assert stage.response.status_code == 500
        assert stage.transport.closing

    async def test_what_is_no_handshake_never_reaches_the_application(self) -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            raise AssertionError("must not be called")

        stage = Stage(app)
        stage.protocol.connection_made(stage.transport)
        stage.protocol.data_received(
            b"GET /ws HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"
        )
        await settled()
        assert stage.transport.written.startswith(b"HTTP/1.1 400")
        assert stage.transport.closing

    async def test_a_connection_that_nobody_adopts_is_closed(self) -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            await send({"type": "websocket.accept"})

        stage = Stage(app)
        await stage.shake_hands()
        stage.hear()
        assert stage.client.close_rcvd is not None
        assert stage.client.close_rcvd.code == 1011

    async def test_who_goes_during_the_handshake_is_only_told_to_have_ended(self) -> None:
        receiver = FakeReceiver()
        going = asyncio.Event()

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await receive()
            await send({"type": "websocket.accept"})
            await going.wait()
            scope["extensions"][EXTENSION].adopt(receiver, stage.wheel(), 5_000)

        stage = Stage(app)
        await stage.shake_hands()
        stage.transport.close()
        stage.protocol.connection_lost(None)
        going.set()
        await settled()
        assert receiver.told == ["ended"]
        assert stage.state.connections == set()

    async def test_what_comes_before_the_adoption_is_not_lost(self) -> None:
        receiver = FakeReceiver()
        going = asyncio.Event()

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await receive()
            await send({"type": "websocket.accept"})
            await going.wait()
            scope["extensions"][EXTENSION].adopt(receiver, stage.wheel(), 5_000)

        stage = Stage(app)
        await stage.shake_hands()
        stage.client.send_text(b"early")
        stage.say()
        going.set()
        await settled()
        assert receiver.messages == ["early"]


class TestMessages:
    async def test_they_go_to_the_receiver(self) -> None:
        stage, receiver = await adopted()
        stage.client.send_text("grüß dich".encode())
        stage.client.send_binary(b"\x00\xff")
        stage.say()
        assert receiver.messages == ["grüß dich", b"\x00\xff"]

    async def test_a_text_that_is_not_utf_8_closes_with_1007(self) -> None:
        stage, receiver = await adopted()
        stage.protocol.data_received(Frame(Opcode.TEXT, b"\xff").serialize(mask=True))
        stage.hear()
        assert stage.client.close_rcvd is not None
        assert stage.client.close_rcvd.code == 1007
        assert (receiver.messages, receiver.told[-1]) == ([], "ended")

    async def test_a_message_that_is_too_large_closes_with_1009(self) -> None:
        stage, receiver = await adopted()
        stage.client.send_text(b"x" * 1_001)
        stage.say()
        stage.hear()
        assert stage.client.close_rcvd is not None
        assert stage.client.close_rcvd.code == 1009
        assert receiver.told[-1] == "ended"

    async def test_after_a_failure_our_side_is_closed_and_nothing_is_heard(self) -> None:
        stage, receiver = await adopted()
        stage.protocol.data_received(Frame(Opcode.TEXT, b"\xff").serialize(mask=True))
        assert (stage.transport.half_closed, stage.transport.closing) == (True, False)
        written = stage.transport.written
        stage.protocol.data_received(Frame(Opcode.PING, b"").serialize(mask=True) * 3)
        stage.protocol.data_received(b"\xff" * 1_000)
        assert stage.transport.written == written
        stage.pass_time(CLOSE_GRACE_S + 0.1)
        assert stage.transport.aborted
        assert receiver.messages == []

    @pytest.mark.parametrize(
        "flood",
        [
            Frame(Opcode.PING, b"").serialize(mask=True) * (BARE_FRAMES_BURST + 1),
            Frame(Opcode.PONG, b"").serialize(mask=True) * (BARE_FRAMES_BURST + 1),
            Frame(Opcode.BINARY, b"", False).serialize(mask=True)
            + Frame(Opcode.CONT, b"", False).serialize(mask=True) * BARE_FRAMES_BURST,
        ],
        ids=["pings", "pongs", "fragments"],
    )
    async def test_a_flood_of_frames_that_say_nothing_is_failed(self, flood: bytes) -> None:
        stage, receiver = await adopted()
        stage.protocol.data_received(flood)
        stage.hear()
        assert stage.client.close_rcvd is not None
        assert stage.client.close_rcvd.code == 1008
        assert receiver.told[-1] == "ended"

    async def test_as_many_as_may_come_at_once_are_taken_and_more_in_time(self) -> None:
        stage, receiver = await adopted()
        for _ in range(3):
            stage.protocol.data_received(Frame(Opcode.PONG, b"").serialize(mask=True) * (BARE_FRAMES_BURST - 1))
            stage.now_s += BARE_FRAMES_BURST / BARE_FRAMES_PER_S
        assert "ended" not in receiver.told

    async def test_who_asks_and_reads_no_answer_is_cut_off(self) -> None:
        stage, _ = await adopted()
        stage.transport.unsent = MAX_PONGS_BYTES + 1
        stage.client.send_ping(b"")
        stage.say()
        assert stage.transport.aborted

    async def test_pings_are_answered(self) -> None:
        stage, _ = await adopted()
        stage.client.send_ping(b"you there?")
        stage.say()
        assert [(frame.opcode, frame.data) for frame in stage.hear()] == [(Opcode.PONG, b"you there?")]

    async def test_what_is_written_arrives_as_it_was_framed(self) -> None:
        stage, _ = await adopted()
        stage.protocol.write(frame_message(b"one", binary=False) + frame_message(b"two", binary=True))
        assert [frame.data for frame in stage.hear()] == [b"one", b"two"]

    async def test_with_compression_both_ways_work_too(self) -> None:
        stage, receiver = await adopted(compression=True)
        assert stage.client.extensions
        stage.protocol.write(frame_message(b"hello " * 30, binary=False) + frame_message(b"two", binary=True))
        assert len(stage.transport.written) < 120
        assert [frame.data for frame in stage.hear()] == [b"hello " * 30, b"two"]
        stage.client.send_text(b"hi " * 40)
        stage.say()
        assert receiver.messages == ["hi " * 40]


class TestPressure:
    async def test_the_receiver_is_told_of_the_transports_limit(self) -> None:
        stage, receiver = await adopted()
        assert stage.transport.limits == (5_000, 5_000)
        stage.protocol.pause_writing()
        stage.protocol.resume_writing()
        assert receiver.told[-2:] == ["congested", "eased"]

    async def test_reading_can_be_paused(self) -> None:
        stage, _ = await adopted()
        stage.protocol.pause_reading()
        assert not stage.transport.reading
        stage.protocol.resume_reading()
        assert stage.transport.reading


class TestTheEnd:
    async def test_the_clients_close_is_answered_and_ends_it(self) -> None:
        stage, receiver = await adopted()
        stage.client.send_close(1000, "bye")
        stage.say()
        stage.hear()
        assert stage.client.close_rcvd is not None
        assert stage.client.close_rcvd.code == 1000
        assert stage.transport.closing
        stage.protocol.connection_lost(None)
        assert receiver.told.count("ended") == 1

    async def test_our_close_waits_for_its_answer(self) -> None:
        stage, receiver = await adopted()
        stage.protocol.shut(4500, "draining")
        stage.protocol.shut(4503, "again")
        stage.hear()
        assert stage.client.close_rcvd is not None
        assert (stage.client.close_rcvd.code, stage.client.close_rcvd.reason) == (4500, "draining")
        assert receiver.told[-1] == "ended"
        closing = [stage.transport.closing]
        stage.say()
        assert [*closing, stage.transport.closing] == [False, True]
        assert stage.transport.written == b""

    async def test_who_does_not_answer_our_close_is_cut_off(self) -> None:
        stage, _ = await adopted()
        stage.protocol.shut(4500, "draining")
        stage.pass_time(CLOSE_GRACE_S + 0.1)
        assert stage.transport.aborted

    async def test_messages_after_our_close_are_not_read(self) -> None:
        stage, receiver = await adopted()
        stage.client.send_text(b"crossing")
        stage.protocol.shut(4500, "draining")
        stage.say()
        assert receiver.messages == []

    async def test_a_lost_connection_ends_it(self) -> None:
        stage, receiver = await adopted()
        stage.protocol.connection_lost(OSError())
        assert receiver.told[-1] == "ended"
        assert stage.state.connections == set()

    async def test_at_the_servers_end_whoever_is_left_is_told(self) -> None:
        stage, receiver = await adopted()
        stage.protocol.shutdown()
        stage.hear()
        assert stage.client.close_rcvd is not None
        assert stage.client.close_rcvd.code == 1012
        assert stage.transport.closing
        assert receiver.told[-1] == "ended"

    async def test_the_servers_end_waits_for_what_was_spawned(self) -> None:
        stage, _ = await adopted()
        gate = asyncio.Event()

        async def work() -> None:
            await gate.wait()

        task = stage.protocol.spawn(work())
        assert stage.state.tasks == {task}
        gate.set()
        await settled()
        assert stage.state.tasks == set()


class TestTime:
    async def test_it_pings_in_its_interval_and_goes_on_while_pongs_come(self) -> None:
        stage, receiver = await adopted()
        for _ in range(3):
            stage.pass_time(10.1)
            assert [frame.opcode for frame in stage.hear()] == [Opcode.PING]
            stage.say()
        assert "ended" not in receiver.told

    async def test_without_a_pong_by_the_next_ping_it_is_cut_off(self) -> None:
        stage, receiver = await adopted()
        aborted = []
        for _ in range(2):
            stage.pass_time(10.1)
            aborted.append(stage.transport.aborted)
        assert aborted == [False, True]
        assert receiver.told[-1] == "ended"

    async def test_the_receivers_own_alarm_comes_before_the_ping(self) -> None:
        stage, receiver = await adopted()
        receiver.alarm_s = 2.0
        stage.protocol.rearm()
        ticks = receiver.told.count("tick")
        stage.pass_time(2.1)
        assert receiver.told.count("tick") == ticks + 1
        assert stage.transport.written == b""

    async def test_after_the_end_no_alarm_comes(self) -> None:
        stage, receiver = await adopted()
        stage.protocol.connection_lost(None)
        told = list(receiver.told)
        stage.pass_time(60.0)
        assert receiver.told == told
        assert stage.transport.written == b""
