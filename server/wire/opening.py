"""The usual opening handshake (RFC 6455 §4), read without a parser.

Nearly every client sends the same few headers in the same form. Whatever is unusual about a request, right or wrong, is
left to websockets' own parser to judge.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass

Header = tuple[bytes, bytes]

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
# More than any browser sends. The parser has limits of its own.
_MAX_BYTES, _MAX_HEADERS = 8_192, 64
# A second one of these, or one at all of those that speak of a body, makes a request unusual.
_ONCE = frozenset({b"connection", b"origin", b"sec-websocket-key", b"sec-websocket-version", b"upgrade"})
_REQUEST = re.compile(
    rb"GET ([!-~]+) HTTP/1\.1\r\n((?:[-!#$%&'*+.^_`|~0-9A-Za-z]+:[\t -~\x80-\xff]*\r\n)+)\r\n"
)  # RFC 9112 §3 and §5, without what was allowed in older times
_NEVER = frozenset({b"content-length", b"transfer-encoding"})


@dataclass(frozen=True, slots=True)
class Opening:
    """A request that may be accepted. Names of ``headers`` are lower case; ``accept`` answers the key."""

    target: bytes
    headers: list[Header]
    accept: bytes

    def all_of(self, name: bytes) -> list[bytes]:
        """The values of a header, in order."""
        return [value for found, value in self.headers if found == name]


def usual_opening(data: bytes) -> Opening | None:
    """The request that ``data`` wholly is, or None where anything about it is unusual."""
    found = _REQUEST.fullmatch(data) if len(data) <= _MAX_BYTES else None
    if found is None:
        return None
    headers: list[Header] = []
    once: dict[bytes, bytes] = {}
    for each in found[2][:-2].split(b"\r\n"):
        name, _, value = each.partition(b":")
        name, value = name.lower(), value.strip(b" \t")
        if name in _NEVER or name in once:
            return None
        if name in _ONCE:
            once[name] = value
        headers.append((name, value))
    accept = _accept(once) if len(headers) <= _MAX_HEADERS else None
    return None if accept is None else Opening(found[1], headers, accept)


def _accept(once: dict[bytes, bytes]) -> bytes | None:
    key = once.get(b"sec-websocket-key", b"")
    tokens = {token.strip().lower() for token in once.get(b"connection", b"").split(b",")}
    if (once.get(b"upgrade", b"").lower(), once.get(b"sec-websocket-version")) != (b"websocket", b"13"):
        return None
    if b"upgrade" not in tokens or not _is_key(key):
        return None
    return base64.b64encode(hashlib.sha1(key + _GUID, usedforsecurity=False).digest())


def _is_key(key: bytes) -> bool:
    try:
        return len(key) == 24 and len(base64.b64decode(key, validate=True)) == 16
    except binascii.Error:
        return False


def switching(accept: bytes, headers: list[Header]) -> bytes:
    """The answer that opens the connection, with further headers."""
    lines = [
        b"HTTP/1.1 101 Switching Protocols",
        b"Upgrade: websocket",
        b"Connection: Upgrade",
        b"Sec-WebSocket-Accept: " + accept,
        *(name + b": " + value for name, value in headers),
    ]
    return b"\r\n".join([*lines, b"", b""])
