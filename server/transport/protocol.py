"""uvicorn's WebSocket protocol with a direct way to the socket.

ASGI's ``send`` takes one message at a time, frames it anew for every subscriber and waits while a slow reader's buffer
is full; its ``receive`` wants a task, a queue and a coroutine per open connection. Here the application answers the
handshake only and hands the open connection to a ``Receiver``, which is called for what comes and writes bytes that
were framed once. An idle connection is a few small objects.
"""

from __future__ import annotations

import asyncio
import math
from asyncio import BaseTransport, Transport
from collections.abc import Callable, Coroutine
from typing import Any, Protocol, cast

from uvicorn.config import Config
from uvicorn.server import ServerState
from websockets.frames import Close, CloseCode, Opcode
from websockets.server import ServerProtocol

from server.limits import gcra
from server.transport.handshake import EXTENSION, Handshake
from server.transport.inbound import Inbound
from server.transport.wheel import Wheel
from server.wire.framing import PING, frame_control, messages_of
from server.wire.opening import Opening, usual_opening

__all__ = ["EXTENSION", "Receiver", "WireProtocol"]

# How long a peer may take to answer a close before its socket is cut: long enough for a phone's network, and the
# frames before the close (a goodbye, an error) have been read by then.
CLOSE_GRACE_S = 2.0
# Pings, pongs and fragments carry no frame that a session could count. A message of the largest size in fragments
# of 32 bytes at once, and far more in the long run than anybody needs.
BARE_FRAMES_BURST = 4_096
BARE_FRAMES_PER_S = 1_024
# Pongs, at most 127 bytes each, that a peer who does not read lets pile up.
MAX_PONGS_BYTES = 1_048_576


class Receiver(Protocol):
    """Whoever an open connection belongs to. All calls come on the event loop's thread; none may raise or block."""

    def received(self, message: bytes | str) -> None:
        """A whole message: ``str`` for a text message, ``bytes`` for a binary one."""

    def congested(self) -> None:
        """More than the limit waits for the kernel to take it."""

    def eased(self) -> None:
        """It is no more than the limit again."""

    def tick(self) -> float | None:
        """The time that was asked for has come. Seconds until the next one, None: not needed any more."""

    def ended(self) -> None:
        """The connection is over, or about to be: nothing that is written arrives. Called once."""


class WireProtocol(asyncio.Protocol):
    """One connection, from the upgrade request on; all methods run on the event loop's thread."""

    __slots__ = (
        "_bare_full_at_s", "_close_sent", "_cut", "_early", "_handshake", "_inbound", "_ping_at_s", "_pong_due",
        "_receiver", "_state", "_wheel", "config", "loop", "slot", "transport",
    )  # fmt: skip

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],  # noqa: ARG002  (there is no lifespan)
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self.config = config
        self.loop = _loop or asyncio.get_running_loop()
        self.transport: Transport = cast(Transport, None)
        self.slot: int | None = None
        self._state = server_state
        self._handshake: Handshake | None = None
        self._early = b""
        self._inbound: Inbound | None = None
        self._receiver: Receiver | None = None
        self._wheel: Wheel | None = None
        self._bare_full_at_s = 0.0
        self._close_sent = False
        self._cut: asyncio.TimerHandle | None = None
        self._ping_at_s = 0.0
        self._pong_due = False

    # ------------------------------------------------------------------ what asyncio and uvicorn call

    def connection_made(self, transport: BaseTransport) -> None:
        self.transport = cast(Transport, transport)
        self._state.connections.add(self)  # type: ignore[arg-type]  # uvicorn asks of it no more than shutdown()

    def data_received(self, data: bytes) -> None:
        if self._receiver is not None:
            self._read(data)
        elif self._close_sent:
            if self._inbound is not None:  # the answer to our close may be among it
                self._read(data)
        elif self._handshake is None and self._inbound is None:
            self.asked(data, usual_opening(data))
        else:
            self._early += data
            if len(self._early) > self.config.ws_max_size:
                self.transport.abort()

    def pause_writing(self) -> None:
        if self._receiver is not None:
            self._receiver.congested()

    def resume_writing(self) -> None:
        if self._receiver is not None:
            self._receiver.eased()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._state.connections.discard(self)
        self._end()
        if self._handshake is not None:
            self._handshake.lost()
        if self._cut is not None:
            self._cut.cancel()
            self._cut = None

    def shutdown(self) -> None:
        """The server ends; whoever is still here was not drained in time."""
        if self._inbound is not None:
            self.shut(CloseCode.SERVICE_RESTART, "")
        self.transport.close()

    # ------------------------------------------------------------------ the handshake

    def asked(self, data: bytes, opening: Opening | None) -> None:
        """The upgrade request has come: as bytes, and as what they say where that is the usual."""
        self._handshake = Handshake(self, self.config, self._state.default_headers)
        if self._handshake.begin(data, opening):
            self.spawn(self._open(self._handshake))

    async def _open(self, handshake: Handshake) -> None:
        await handshake.run()
        self._handshake = None
        if self._inbound is not None and self._receiver is None:
            self.shut(CloseCode.INTERNAL_ERROR, "nobody serves this connection")

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Do something that the server's end waits for."""
        task = self.loop.create_task(work)
        self._state.tasks.add(task)
        task.add_done_callback(self._state.tasks.discard)
        return task

    def refused(self, response: bytes) -> None:
        """The handshake was answered with something else than an open connection."""
        self._close_sent = True
        self.transport.write(response)
        self.transport.close()

    def opened(self, response: bytes, conn: ServerProtocol | None) -> None:
        """The handshake is done: frames from here on."""
        self.transport.write(response)
        self._inbound = Inbound(self.config.ws_max_size, conn if conn is not None and conn.extensions else None)

    def adopt(self, receiver: Receiver, wheel: Wheel, max_unsent_bytes: int) -> None:
        """Hand the open connection to ``receiver``. Call it after ``websocket.accept``, before anything is written.

        ``max_unsent_bytes``: what may wait for the kernel before ``congested`` is called. Nothing is done where the
        client has gone already but ``ended``.
        """
        if self._close_sent or self._inbound is None or self.transport.is_closing():
            receiver.ended()
            return
        self._receiver, self._wheel = receiver, wheel
        self.transport.set_write_buffer_limits(high=max_unsent_bytes, low=max_unsent_bytes)
        self._ping_at_s = self.loop.time() + (self.config.ws_ping_interval or math.inf)
        self.rearm()
        if self._early:
            data, self._early = self._early, b""
            self._read(data)

    # ------------------------------------------------------------------ writing

    @property
    def buffered_bytes(self) -> int:
        """Bytes handed to the transport that the kernel has not taken yet."""
        return self.transport.get_write_buffer_size()

    @property
    def write(self) -> Callable[[bytes], None]:
        """What writes framed messages; all of one loop tick leave together. Not to be called once ``ended`` was."""
        assert self._inbound is not None  # noqa: S101
        return self.transport.write if self._inbound.conn is None else self._write_compressed

    def _write_compressed(self, framed: bytes) -> None:
        assert self._inbound is not None  # noqa: S101
        conn = self._inbound.conn
        assert conn is not None  # noqa: S101
        for payload, binary in messages_of(framed):
            conn.send_binary(payload) if binary else conn.send_text(payload)
        self.transport.write(b"".join(conn.data_to_send()))

    def shut(self, code: int, reason: str) -> None:
        """Begin the closing handshake; whoever has not answered after ``CLOSE_GRACE_S`` is cut off. Idempotent."""
        if self._close_sent or self.transport.is_closing():
            return
        self._end()
        self._close_sent = True
        self.transport.write(frame_control(Opcode.CLOSE, Close(code, reason).serialize()))
        self.resume_reading()
        self._cut_later()

    def _end(self) -> None:
        """No message passes any more, in either direction."""
        if self._wheel is not None:
            self._wheel.drop(self)
        receiver, self._receiver = self._receiver, None
        if receiver is not None:
            receiver.ended()

    # ------------------------------------------------------------------ reading

    def pause_reading(self) -> None:
        """Let the client wait."""
        if not self.transport.is_closing():
            self.transport.pause_reading()

    def resume_reading(self) -> None:
        if not self.transport.is_closing():
            self.transport.resume_reading()

    def _read(self, data: bytes) -> None:
        inbound = self._inbound
        assert inbound is not None  # noqa: S101
        parts = inbound.feed(data)
        if inbound.conn is not None and inbound.conn.close_sent is None and inbound.fault is None:
            self._answer(inbound.conn)  # pongs go before the message that the pings came in the middle of
        for opcode, payload in parts:
            if opcode == Opcode.TEXT:
                self._text(payload)
            elif opcode == Opcode.BINARY:
                if self._receiver is not None:
                    self._receiver.received(payload)
            elif opcode == Opcode.PONG:
                self._pong_due = False
            elif opcode == Opcode.PING:
                self._pong(frame_control(Opcode.PONG, payload))
        if inbound.fault is not None:
            self._fail(inbound.fault)
        elif inbound.conn is not None:
            self._answer(inbound.conn)
        if inbound.bare:
            self._count_bare(inbound)

    def _text(self, payload: bytes) -> None:
        if self._receiver is None:
            return
        try:
            text = payload.decode()
        except UnicodeDecodeError:
            self._fail(CloseCode.INVALID_DATA)
        else:
            self._receiver.received(text)

    def _answer(self, conn: ServerProtocol) -> None:
        """Send what the parser has to say: pongs, the answer to a close, or why the connection has failed."""
        output = b"".join(conn.data_to_send())
        if output:
            self._pong(output)
        if conn.close_rcvd is not None:
            self._end()
            self._close_sent = True
            self.transport.close()
            self._cut_later()
        elif conn.parser_exc is not None:
            self._fail(None)

    def _pong(self, framed: bytes) -> None:
        if self.buffered_bytes > MAX_PONGS_BYTES:  # it asks and asks and reads no answer
            self._end()
            self._close_sent = True
            self.transport.abort()
        elif not self._close_sent:
            self.transport.write(framed)

    def _count_bare(self, inbound: Inbound) -> None:
        """Fail the connection where there were too many of them."""
        now_s, every_s = self.loop.time(), 1 / BARE_FRAMES_PER_S
        while inbound.bare > 0:
            # One by one would cost much, and more than the burst counts as the burst only.
            cost = min(inbound.bare, BARE_FRAMES_BURST // 4)
            inbound.bare -= cost
            self._bare_full_at_s, wait_s = gcra(
                self._bare_full_at_s, now_s, burst=BARE_FRAMES_BURST, every=every_s, cost=cost
            )
            if wait_s:
                inbound.bare = 0
                self._fail(CloseCode.POLICY_VIOLATION)

    def _fail(self, code: CloseCode | None) -> None:
        """Fail the connection (RFC 6455 §7.1.7); with None the close has been written already.

        Only our side is closed at once: closing a socket whose data nobody has read would take back what was written,
        the close frame included. What the peer still says is not listened to.
        """
        if self.transport.is_closing() or self._inbound is None:
            return
        if code is not None and not self._close_sent:
            self.transport.write(frame_control(Opcode.CLOSE, Close(code, "").serialize()))
        self._end()
        self._close_sent, self._inbound = True, None
        self.transport.resume_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._cut_later()

    def _cut_later(self) -> None:
        """Wait for the peer's end, or for unsent bytes, but not for ever."""
        if self._cut is None:
            self._cut = self.loop.call_later(CLOSE_GRACE_S, self.transport.abort)

    # ------------------------------------------------------------------ time

    def rearm(self) -> None:
        """The receiver's next alarm has changed."""
        if self._receiver is not None and self._wheel is not None:
            alarm_s = self._receiver.tick()
            ping_s = self._ping_at_s - self.loop.time()
            if self._receiver is not None:
                self._wheel.set(self, ping_s if alarm_s is None else min(alarm_s, ping_s))

    def tick(self) -> None:
        """The wheel's alarm: a ping, where one is due, and whatever the receiver waits for."""
        if self._receiver is None:
            return
        now_s = self.loop.time()
        if now_s >= self._ping_at_s:
            if self._pong_due:  # the peer may never read again, so there is no handshake to wait for
                self._end()
                self._close_sent = True
                self.transport.abort()
                return
            self._pong_due = True
            self._ping_at_s = now_s + (self.config.ws_ping_interval or math.inf)
            self.transport.write(PING)
        self.rearm()
