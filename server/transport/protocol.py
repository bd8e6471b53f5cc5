"""uvicorn's WebSocket protocol with a direct way to the socket.

ASGI's ``send`` takes one message at a time, frames it anew for every subscriber and waits while a slow reader's buffer
is full. Here a broadcast's bytes are framed once and written as they are, all frames of one loop tick together, and a
reader that does not read can be cut off.
"""

from __future__ import annotations

from typing import Any, cast

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame

from server.wire.framing import payload_of

# Key of the ASGI scope's ``extensions`` under which an endpoint finds its protocol.
EXTENSION = "parlance.wire"
# How long a peer may take to answer a close before its socket is cut: long enough for a phone's network, and the
# frames before the close (a goodbye, an error) have been read by then.
CLOSE_GRACE_S = 2.0


class WireProtocol(WebSocketsSansIOProtocol):
    """One accepted connection; all methods run on the event loop's thread."""

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
