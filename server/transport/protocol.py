"""uvicorn's WebSocket protocol with a direct way to the socket.

ASGI's ``send`` takes one message at a time, frames it anew for every subscriber and waits while a slow reader's buffer
is full. Here a broadcast's bytes are framed once and written as they are, all frames of one loop tick together, and a
reader that does not read can be cut off.
"""

from __future__ import annotations

import codecs
from typing import Any, cast

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import CloseCode, Frame

from server.limits import gcra
from server.wire.framing import payload_of

# Key of the ASGI scope's ``extensions`` under which an endpoint finds its protocol.
EXTENSION = "parlance.wire"
# How long a peer may take to answer a close before its socket is cut: long enough for a phone's network, and the
# frames before the close (a goodbye, an error) have been read by then.
CLOSE_GRACE_S = 2.0
# Pings, pongs and fragments carry no frame that a session could count. A message of the largest size in fragments
# of 32 bytes at once, and far more in the long run than anybody needs.
BARE_FRAMES_BURST = 4_096
BARE_FRAMES_PER_S = 1_024
# Fragments of a message are joined when they are this many, so that empty ones don't pile up.
MAX_FRAGMENTS = 256
# Pongs, at most 127 bytes each, that a peer who does not read lets pile up.
MAX_PONGS_BYTES = 1_048_576

_Utf8 = codecs.getincrementaldecoder("utf-8")


class WireProtocol(WebSocketsSansIOProtocol):
    """One accepted connection; all methods run on the event loop's thread."""

    _fragments: codecs.IncrementalDecoder | None = None
    _bare_full_at_s = 0.0

    async def run_asgi(self) -> None:
        extensions = cast(dict[str, Any], self.scope["extensions"])
        extensions[EXTENSION] = self
        await super().run_asgi()

    @property
    def buffered_bytes(self) -> int:
        """Bytes handed to the transport that the kernel has not taken yet."""
        return self.transport.get_write_buffer_size()

    def write(self, framed: list[bytes]) -> None:
        """Write framed messages in one go. After the close, or on a lost connection, nothing happens."""
        if self.close_sent or self.transport.is_closing():
            return
        self.transport.write(b"".join(map(self._compressed, framed) if self.conn.extensions else framed))

    def _compressed(self, framed: bytes) -> bytes:
        payload, binary = payload_of(framed)
        if binary:
            self.conn.send_binary(payload)
        else:
            self.conn.send_text(payload)
        return b"".join(self.conn.data_to_send())

    def keepalive_timeout(self) -> None:
        """A missed pong. The peer may never read again, so there is no handshake to wait for."""
        self.stop_keepalive()
        self.queue.put_nowait({"type": "websocket.disconnect", "code": 1011, "reason": "no pong"})
        self.close_sent = True
        self.transport.abort()

    def handle_close(self, event: Frame) -> None:
        super().handle_close(event)
        self._cut_later()

    def handle_parser_exception(self) -> None:
        super().handle_parser_exception()
        self._cut_later()

    # ------------------------------------------------------------------ what comes in

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.handshake_exc is not None and not self.handshake_initiated:
            # Too many or too long lines, or a body: uvicorn would wait for a better handshake for ever.
            self.handshake_initiated = self.close_sent = True
            self.transport.write(b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
            self.transport.close()

    def handle_text(self, event: Frame) -> None:
        self._fragments = None if event.fin else _Utf8()
        super().handle_text(event)
        self._took_fragment(event)

    def handle_bytes(self, event: Frame) -> None:
        self._fragments = None
        super().handle_bytes(event)
        self._took_fragment(event)

    def handle_cont(self, event: Frame) -> None:
        super().handle_cont(event)
        self._took_fragment(event)

    def _took_fragment(self, event: Frame) -> None:
        if event.fin or self.close_sent:
            return
        self._count_bare()
        if len(self.frames) >= MAX_FRAGMENTS:
            self.frames = [b"".join(self.frames)]
        try:
            if self._fragments is not None:
                self._fragments.decode(bytes(event.data))
        except UnicodeDecodeError:
            self._fail(CloseCode.INVALID_DATA)

    def send_receive_event_to_app(self) -> None:
        """uvicorn's, which writes a traceback to the log for every text that is not UTF-8."""
        if self.curr_msg_data_type == "text" and not self.close_sent:
            try:
                text = str(self.frames[0] if len(self.frames) == 1 else b"".join(self.frames), "utf-8")
            except UnicodeDecodeError:
                self._fail(CloseCode.INVALID_DATA)
                return
            self.frames = []
            self.queue.put_nowait({"type": "websocket.receive", "text": text})
            if not self.read_paused:
                self.read_paused = True
                self.transport.pause_reading()
            return
        super().send_receive_event_to_app()

    def handle_ping(self) -> None:
        if self.buffered_bytes > MAX_PONGS_BYTES:  # it asks and asks and reads no answer
            self.transport.abort()
            return
        super().handle_ping()
        self._count_bare()

    def handle_pong(self, event: Frame) -> None:
        super().handle_pong(event)
        self._count_bare()

    def _count_bare(self) -> None:
        self._bare_full_at_s, wait_s = gcra(
            self._bare_full_at_s, self.loop.time(), burst=BARE_FRAMES_BURST, every=1 / BARE_FRAMES_PER_S, cost=1
        )
        if wait_s and not self.close_sent:
            self._fail(CloseCode.POLICY_VIOLATION)

    def _fail(self, code: CloseCode) -> None:
        """Fail the connection (RFC 6455 §7.1.7)."""
        self.frames = []
        self.stop_keepalive()
        self.conn.fail(code)
        self.handle_parser_exception()

    # ------------------------------------------------------------------ the end

    def _cut_later(self) -> None:
        # A transport that is closing waits for its unsent bytes, for ever where nobody reads them.
        self.loop.call_later(CLOSE_GRACE_S, self.transport.abort)

    def shut(self, code: int, reason: str) -> None:
        """Begin the closing handshake; whoever has not answered after ``CLOSE_GRACE_S`` is cut off. Idempotent."""
        if self.close_sent or self.transport.is_closing():
            return
        self.stop_keepalive()
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        self.conn.send_close(code, reason)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        self.close_timer = self.loop.call_later(CLOSE_GRACE_S, self.transport.abort)
