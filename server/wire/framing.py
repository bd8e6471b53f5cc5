"""WebSocket frame headers (RFC 6455 §5.2), so that a broadcast is framed once and written as it is to every socket.

A server's frames are not masked; without compression their bytes are the same for every subscriber.
"""

from __future__ import annotations

import struct

_TEXT_FINAL = 0x81
_BINARY_FINAL = 0x82
_MAX_7_BIT = 125
_MAX_16_BIT = 0xFFFF


def frame_message(payload: bytes, *, binary: bool) -> bytes:
    """One whole, unmasked message: header and payload."""
    first = _BINARY_FINAL if binary else _TEXT_FINAL
    size = len(payload)
    if size <= _MAX_7_BIT:
        return bytes((first, size)) + payload
    if size <= _MAX_16_BIT:
        return struct.pack("!BBH", first, 126, size) + payload
    return struct.pack("!BBQ", first, 127, size) + payload


def payload_of(framed: bytes) -> tuple[bytes, bool]:
    """``frame_message`` undone: the payload, and whether it is binary."""
    size = framed[1]
    start = 2 if size <= _MAX_7_BIT else 4 if size == 126 else 10
    return framed[start:], framed[0] == _BINARY_FINAL
