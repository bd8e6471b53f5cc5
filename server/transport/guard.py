"""uvicorn's HTTP protocol with a deadline and a bound for requests, and a deadline for whoever reads the answer.

uvicorn waits for ever for a request that never ends and for a reader that does not read, and takes headers of any size:
a few thousand such connections ("slowloris") would use up every descriptor.
"""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

# From the connection, or a request's first byte, to its last: long enough for a phone on a bad network.
REQUEST_WITHIN_S = 15.0
# A full buffer of 64 KiB that does not empty in this time belongs to a reader that does not read.
READ_WITHIN_S = 15.0
# Whoever is refused in mid-request may be sending still. A socket that closes on unread bytes resets the connection and
# takes the answer away with it (RFC 9112 §9.6): what comes is read and dropped for so long.
LINGER_S = 1.0
# Request line and headers together. Tokens are the largest, at 8 KiB.
MAX_HEAD_BYTES = 65_536
REQUEST_TIMEOUT = b"408 Request Timeout"


class GuardedHttp(HttpToolsProtocol):
    """One HTTP connection; it ends when a request takes too long or has too long a head, or its answer is not read."""

    _deadline: asyncio.TimerHandle | None = None
    _read_deadline: asyncio.TimerHandle | None = None
    _is_refused = False
    _ends = 0
    """Of heads and of bodies, so far."""
    _head_bytes = 0
    _in_head = True

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._expect()

    def connection_lost(self, exc: Exception | None) -> None:
        self._relax()
        self._read()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._is_refused:
            return
        ends = self._ends
        super().data_received(data)
        if self._ends == ends and self._in_head:  # what came in one piece with a head's or a body's end is no long head
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                self.refuse(b"431 Request Header Fields Too Large")

    def on_message_begin(self) -> None:
        self._expect()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._ends += 1
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._relax()
        super().on_message_complete()
        self._ends += 1
        self._in_head, self._head_bytes = True, 0

    def handle_websocket_upgrade(self) -> None:
        self._relax()
        self._read()
        super().handle_websocket_upgrade()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._read()
        # An abort, since a transport that closes would wait for its unsent bytes.
        self._read_deadline = self.loop.call_later(READ_WITHIN_S, self.transport.abort)

    def resume_writing(self) -> None:
        self._read()
        super().resume_writing()

    def refuse(self, status: bytes) -> None:
        """Answer with ``status`` and end; a request under way is only ended."""
        self._relax()
        if self.cycle is not None and not self.cycle.response_complete:
            self.transport.close()
            return
        self._is_refused = True
        self.transport.write(b"HTTP/1.1 " + status + b"\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
        self.transport.write_eof()
        self._deadline = self.loop.call_later(LINGER_S, self.transport.close)

    def _expect(self) -> None:
        self._relax()
        self._deadline = self.loop.call_later(REQUEST_WITHIN_S, self.refuse, REQUEST_TIMEOUT)

    def _relax(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _read(self) -> None:
        if self._read_deadline is not None:
            self._read_deadline.cancel()
            self._read_deadline = None
