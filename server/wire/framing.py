"""WebSocket frame headers (RFC 6455 §5.2), so that a broadcast is framed once and written as it is to every socket.

A server's frames are not masked; without compression their bytes are the same for every subscriber.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

_FINAL = 0x80
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


def frame_control(opcode: int, payload: bytes) -> bytes:
    """One control frame (RFC 6455 §5.5); ``payload`` is at most 125 bytes long."""
    return bytes((_FINAL | opcode, len(payload))) + payload


PING = frame_control(0x9, b"")


def messages_of(framed: bytes) -> Iterator[tuple[bytes, bool]]:
    """``frame_message`` undone, for one or several after each other: payload, and whether it is binary."""
    at = 0
    while at < len(framed):
        size, start = framed[at + 1], at + 2
        if size > _MAX_7_BIT:
            start += 2 if size == 126 else 8
            size = int.from_bytes(framed[at + 2 : start])
        yield framed[start : start + size], framed[at] == _BINARY_FINAL
        at = start + size


def payload_of(framed: bytes) -> tuple[bytes, bool]:
    """``messages_of`` a single one."""
    ((payload, binary),) = messages_of(framed)
    return payload, binary
