"""Values to and from columns: JSON texts, packed float64 vectors, content digests, rows of messages."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping, Sequence
from typing import Any, cast

import msgspec
import orjson
from sqlalchemy import Row

from server.errors import Invalid, NotFound
from server.store.schema import conversations, messages
from server.wire.frames import Message
from server.wire.parts import Kind, Turn, User

CHANNEL_PREFIX = "conv:"
MAX_SEGMENT_CHARACTERS = 256  # more is no name, and policies keep hundreds

# Only what JSON has: a datetime or a dataclass would come back as something else.
_STRICT = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_SUBCLASS

_TURN_DECODER = msgspec.json.Decoder(Turn)

MESSAGE_COLUMNS = (conversations.c.epoch, *messages.c)
"""What ``message_of`` reads; select them from messages joined with conversations."""


def conversation_id(channel: str) -> str:
    """``conv:<ulid>`` → ``<ulid>``. ``NotFound`` for anything else: no other channel has messages."""
    if not channel.startswith(CHANNEL_PREFIX) or not is_storable(channel):
        raise NotFound(f"There is no conversation {channel!r}.")
    return channel.removeprefix(CHANNEL_PREFIX)


def channel_of(conversation: str) -> str:
    """The channel of a conversation's id."""
    return CHANNEL_PREFIX + conversation


def is_storable(text: str) -> bool:
    """False for NUL, which PostgreSQL refuses, and for lone surrogates, which have no UTF-8."""
    if "\0" in text:
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def encode_json(value: object, what: str) -> str:
    """JSON text of dicts, lists, strings, numbers, booleans and None. ``Invalid`` names ``what`` can't be stored."""
    try:
        return orjson.dumps(value, option=_STRICT).decode()
    except TypeError as error:
        raise Invalid(f"{what} can't be stored as JSON: {error}") from error


def encode_mapping(value: Mapping[str, Any] | None, what: str) -> str | None:
    """JSON text of an object, or None for None."""
    return None if value is None else encode_json(dict(value), what)


def decode_mapping(text: str | None) -> dict[str, Any]:
    """The object that ``encode_mapping`` stored; empty for None."""
    return {} if text is None else cast(dict[str, Any], orjson.loads(text))


def segment_of(metadata_json: str | None) -> str | None:
    """The customers' segment in a conversation's metadata as stored (``people_ports``)."""
    # Metadata are the client's; most have no segment, and to look for the word is cheaper than to read JSON.
    if metadata_json is None or '"segment"' not in metadata_json:
        return None
    segment = decode_mapping(metadata_json).get("segment")
    return segment if isinstance(segment, str) and 0 < len(segment) <= MAX_SEGMENT_CHARACTERS else None


def content_digest(*content: object) -> bytes:
    """16 bytes, equal exactly when the contents are equal as JSON, whatever the order of their objects' keys."""
    try:
        text = orjson.dumps(content, option=_STRICT | orjson.OPT_SORT_KEYS)
    except TypeError as error:
        raise Invalid(f"The content can't be stored: {error}") from error
    return hashlib.blake2b(text, digest_size=16).digest()


def pack_floats(values: Sequence[float]) -> bytes:
    """float64, little-endian."""
    return struct.pack(f"<{len(values)}d", *values)


def unpack_floats(packed: bytes) -> tuple[float, ...]:
    """What ``pack_floats`` packed, to the last bit."""
    return struct.unpack(f"<{len(packed) // 8}d", packed)


def encode_turn(turn: Turn | None) -> str | None:
    """JSON text of what stands on a bot's reply."""
    return None if turn is None else msgspec.json.encode(turn).decode()


def message_of(row: Row[Any]) -> Message:
    """The frame of a row that has ``MESSAGE_COLUMNS``."""
    return Message(
        channel=channel_of(row.conversation_id),
        epoch=row.epoch,
        offset=row.offset,
        message_id=row.message_id,
        at_ms=row.at_ms,
        sender=User(row.sender_id, cast(Kind, row.sender_kind), row.sender_name),
        text=row.text,
        data=None if row.data_json is None else orjson.loads(row.data_json),
        key=row.key,
        reply_to=row.reply_to,
        turn=None if row.turn_json is None else _TURN_DECODER.decode(row.turn_json),
    )
