"""Envelopes on the wire: MessagePack, so that bodies travel as the bytes that they are.

``[origin, offset, body, plain, audience, author]``; the channel is Redis's. A later version may add elements at the
end: workers of two versions talk to each other while one is rolled out.
"""

from __future__ import annotations

from typing import Final, cast, get_args

import msgpack

from server.backplane.ports import Audience, Envelope

FIELDS: Final = 6
AUDIENCES: Final = frozenset(get_args(Audience))


def pack(origin: str, envelope: Envelope) -> bytes:
    """One envelope as payload, marked with the node that publishes it."""
    row = (origin, envelope.offset, envelope.body, envelope.plain, envelope.audience, envelope.author)
    packed: bytes = msgpack.packb(row)
    return packed


def mark(origin: str) -> bytes:
    """How every payload of ``origin`` begins, so that a node knows its own ones without unpacking them."""
    return pack(origin, Envelope("", 0, b""))[: 1 + len(msgpack.packb(origin))]


def unpack(channel: str, payload: bytes) -> Envelope:
    """The envelope in a payload. Raises ``ValueError`` for what is none."""
    try:
        row = msgpack.unpackb(payload)
    except (ValueError, msgpack.UnpackException) as error:
        raise ValueError(f"not MessagePack: {error}") from error
    if not isinstance(row, list) or len(row) < FIELDS:
        raise ValueError(f"an array of at least {FIELDS} elements is expected")
    _, offset, body, plain, audience, author = row[:FIELDS]
    if not isinstance(offset, int) or not isinstance(body, bytes) or not isinstance(plain, bytes | None):
        raise ValueError("offset, body or plain has another type")
    if not isinstance(audience, str) or audience not in AUDIENCES or not isinstance(author, str | None):
        raise ValueError(f"audience {audience!r} or author has no meaning here")
    return Envelope(channel, offset, body, plain, cast(Audience, audience), author)
