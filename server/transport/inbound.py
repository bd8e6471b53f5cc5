"""A client's bytes to messages: whole frames are read here, everything else by the websockets library.

Nearly everything that clients send is one whole, unfragmented frame, and an idle connection is in the middle of
nothing: then no parser has to exist. Whatever is not plain (fragments, a close, anything that the RFC forbids,
compression) goes to websockets' own parser, which stays from there on.
"""

from __future__ import annotations

import codecs

from websockets.frames import CloseCode, Frame, Opcode
from websockets.protocol import OPEN
from websockets.server import ServerProtocol

from server.transport.handshake import LOGGER

try:
    from websockets.speedups import apply_mask
except ImportError:  # no compiler where it was installed
    from websockets.utils import apply_mask

_FINAL = 0x80
_MASKED = 0x80
_PLAIN = frozenset(_FINAL | opcode for opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.PING, Opcode.PONG))
_MAX_CONTROL_BYTES = 125
# Fragments of a message are joined when they are this many, so that empty ones don't pile up.
MAX_FRAGMENTS = 256

_Utf8 = codecs.getincrementaldecoder("utf-8")

Part = tuple[int, bytes]
"""An opcode and its payload: a whole message, or a control frame."""


class Inbound:
    """The reading side of one open connection. ``conn``: the parser to begin with, where extensions were agreed on.

    ``bare``: how many frames came since it was last set to 0 that carry no whole message: pings, pongs and fragments.
    ``fault``: the close code that what came deserves, where the parser has not said so itself.
    """

    __slots__ = ("_fragments", "_max_bytes", "_opcode", "_rest", "_utf8", "bare", "conn", "fault")

    def __init__(self, max_bytes: int, conn: ServerProtocol | None) -> None:
        self._max_bytes = max_bytes
        self._rest = b""
        self._fragments: list[bytes] | None = None
        self._utf8: codecs.IncrementalDecoder | None = None
        self._opcode = 0
        self.conn = conn
        self.bare = 0
        self.fault: CloseCode | None = None

    def feed(self, data: bytes) -> list[Part]:
        """What has become whole with ``data``, in order. Afterwards ``conn``, where there is one, may have something to
        send, and ``conn.parser_exc`` says whether the connection has failed."""
        if self.conn is not None:
            return self._strictly(data)
        if self._rest:
            data, self._rest = self._rest + data, b""
        parts: list[Part] = []
        at, end = 0, len(data)
        while at < end:
            found = self._whole(data, at, end)
            if found is None:
                self.conn = ServerProtocol(state=OPEN, max_size=self._max_bytes, logger=LOGGER)
                return parts + self._strictly(data[at:])
            start, size = found
            if start + size > end:
                self._rest = data[at:]
                break
            opcode = data[at] & 0x0F
            parts.append((opcode, apply_mask(data[start : start + size], data[start - 4 : start])))
            self.bare += opcode >= Opcode.PING
            at = start + size
        return parts

    def _whole(self, data: bytes, at: int, end: int) -> tuple[int, int] | None:
        """Where the payload of a plain frame starts, and its size; behind the end where that is not there yet. None:
        not plain."""
        if data[at] not in _PLAIN:
            return None
        if at + 2 > end:
            return end, 1
        second = data[at + 1]
        size = second & 0x7F
        if second < _MASKED or (size > _MAX_CONTROL_BYTES and data[at] & 0x08):
            return None
        start = at + 6
        if size == 126:
            start = at + 8
            size = int.from_bytes(data[at + 2 : at + 4]) if at + 4 <= end else 1
        elif size == 127:
            start = at + 14
            size = int.from_bytes(data[at + 2 : at + 10]) if at + 10 <= end else 1
        return None if size > self._max_bytes else (start, size)

    def _strictly(self, data: bytes) -> list[Part]:
        assert self.conn is not None  # noqa: S101
        self.conn.receive_data(data)
        parts: list[Part] = []
        for frame in self.conn.events_received():
            if isinstance(frame, Frame):
                part = self._joined(frame)
                if part is not None:
                    parts.append(part)
                if self.fault is not None:
                    break  # what follows is not heard any more
        return parts

    def _joined(self, frame: Frame) -> Part | None:
        if frame.opcode is Opcode.CLOSE:
            return int(frame.opcode), bytes(frame.data)
        if frame.opcode is Opcode.PING or frame.opcode is Opcode.PONG:
            self.bare += 1
            # A ping's pong is among what the parser has to send.
            return None if frame.opcode is Opcode.PING else (int(frame.opcode), bytes(frame.data))
        data = bytes(frame.data)
        if frame.opcode is not Opcode.CONT:
            if frame.fin:
                return int(frame.opcode), data
            self._opcode, self._fragments = int(frame.opcode), []
            self._utf8 = _Utf8() if frame.opcode is Opcode.TEXT else None
        return self._fragment(data, frame.fin)

    def _fragment(self, data: bytes, fin: bool) -> Part | None:
        assert self._fragments is not None  # noqa: S101  (the parser refuses a continuation of nothing)
        self._fragments.append(data)
        if fin:
            whole, self._fragments = b"".join(self._fragments), None
            return self._opcode, whole
        self.bare += 1
        if len(self._fragments) >= MAX_FRAGMENTS:
            self._fragments = [b"".join(self._fragments)]
        try:
            if self._utf8 is not None:
                self._utf8.decode(data)
        except UnicodeDecodeError:
            self.fault = CloseCode.INVALID_DATA
        return None
