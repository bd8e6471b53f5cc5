"""A WebSocket client on a bare socket (RFC 6455): it says what it is told to, also what no library would say."""

from __future__ import annotations

import asyncio
import os
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

CONT, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
WITHIN_S = 15.0


@dataclass(frozen=True, slots=True)
class RawFrame:
    """One frame as it came."""

    fin: bool
    rsv: int
    opcode: int
    payload: bytes

    @property
    def code(self) -> int | None:
        """A close frame's status code, None where it has none."""
        return struct.unpack("!H", self.payload[:2])[0] if len(self.payload) >= 2 else None


def frame(
    opcode: int,
    payload: bytes = b"",
    *,
    fin: bool = True,
    rsv: int = 0,
    mask: bytes | None = b"\x12\x34\x56\x78",
    length_bytes: int | None = None,
    claimed: int | None = None,
) -> bytes:
    """One frame. ``mask`` None: unmasked; ``length_bytes`` (0, 2 or 8): a longer length field than needed; ``claimed``:
    a length that is not the payload's."""
    size = len(payload) if claimed is None else claimed
    least = 0 if size <= 125 else 2 if size <= 0xFFFF else 8
    wide = least if length_bytes is None else length_bytes
    marker = size if wide == 0 else 126 if wide == 2 else 127
    head = bytes([fin << 7 | rsv << 4 | opcode, (mask is not None) << 7 | marker])
    head += size.to_bytes(wide) if wide else b""
    if mask is None:
        return head + payload
    repeated = mask * (len(payload) // 4 + 1)
    body = int.from_bytes(payload) ^ int.from_bytes(repeated[: len(payload)])
    return head + mask + body.to_bytes(len(payload))


def close(code: int | None = 1000, reason: bytes = b"") -> bytes:
    """A close frame."""
    return frame(CLOSE, b"" if code is None else struct.pack("!H", code) + reason)


class RawSocket:
    """An open connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def say(self, *pieces: bytes, chop: int = 0) -> None:
        """Write, in one go or in pieces of ``chop`` bytes. A connection that is gone is no error: the reading tells."""
        data = b"".join(pieces)
        with suppress(ConnectionError):
            for start in range(0, len(data), chop or max(1, len(data))):
                self._writer.write(data[start : start + (chop or len(data))])
                await self._writer.drain()
                if chop:
                    await asyncio.sleep(0)

    async def next(self) -> RawFrame | None:
        """The next frame; None at the connection's end."""
        try:
            async with asyncio.timeout(WITHIN_S):
                first, second = await self._reader.readexactly(2)
                assert not second & 0x80, "a server masks nothing (RFC 6455 §5.1)"
                size = second & 0x7F
                if size >= 126:
                    size = int.from_bytes(await self._reader.readexactly(2 if size == 126 else 8))
                return RawFrame(bool(first & 0x80), first >> 4 & 7, first & 15, await self._reader.readexactly(size))
        except (asyncio.IncompleteReadError, ConnectionError):
            return None

    async def rest(self, give_up_s: float = 2 * WITHIN_S) -> list[RawFrame]:
        """Every frame up to the connection's end, or for ``give_up_s`` seconds where it does not end."""
        seen = []
        with suppress(TimeoutError):
            async with asyncio.timeout(give_up_s):
                while (found := await self.next()) is not None:
                    seen.append(found)
        return seen

    async def message(self) -> tuple[int, bytes] | None:
        """The next whole message, as (opcode, payload); control frames are passed over. None at the end."""
        opcode, payload = 0, b""
        while (found := await self.next()) is not None:
            if found.opcode == CLOSE:
                return None
            if found.opcode in (PING, PONG):
                continue
            opcode, payload = opcode or found.opcode, payload + found.payload
            if found.fin:
                return opcode, payload
        return None


async def hang_up(writer: asyncio.StreamWriter) -> None:
    """Reset the connection, and let the transport end before its loop does."""
    writer.transport.abort()
    with suppress(OSError):
        await writer.wait_closed()


@asynccontextmanager
async def raw_socket(port: int, path: str = "/", *headers: str) -> AsyncIterator[RawSocket]:
    """Dial and shake hands; ``headers`` are further lines. ``AssertionError`` where the server refuses."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        upgrade = ("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13")
        key = f"Sec-WebSocket-Key: {os.urandom(16).hex()[:22]}=="
        lines = (f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", *upgrade, key, *headers, "", "")
        writer.write("\r\n".join(lines).encode("latin-1"))
        async with asyncio.timeout(WITHIN_S):
            head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 "), head
        yield RawSocket(reader, writer)
    finally:
        await hang_up(writer)
