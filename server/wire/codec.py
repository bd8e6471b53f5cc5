"""Bytes to frames and back, in both encodings of PROTOCOL §1.

Decoding validates in the same step. The usual frame takes the fast path, one call into msgspec; only what fails there
is looked at again to find out which of the documented answers it deserves:

- bytes that are no JSON or MessagePack: ``Undecodable``, the connection is closed with 4400;
- a value that is no valid frame: ``Rejected`` with the error and, where one can be read, the frame's ``id``.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal, cast, get_args, get_origin

import msgspec

from server.errors import BadFrame, ClientError, Internal, Invalid, ProtocolError
from server.wire.frames import Error, ServerFrame
from server.wire.parts import MAX_BATCH_FRAMES, Id
from server.wire.requests import AnyClientFrame, Incoming

EncodingName = Literal["json", "msgpack"]

_FAILURES = (msgspec.DecodeError, RecursionError, UnicodeError, ValueError, TypeError, OverflowError)
_JSON_WHITESPACE = " \t\r\n"


class Undecodable(Exception):
    """The bytes are not a message of this encoding: close 4400."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """A value that is no valid frame, with the error to answer and the frame's ``id`` where it has a valid one."""

    error: ClientError
    id: int | str | None


Item = Incoming | Rejected


@dataclass(frozen=True, slots=True)
class Codec:
    """One encoding. ``binary`` says which kind of WebSocket message carries it."""

    name: EncodingName
    subprotocol: str
    binary: bool
    _decode_frame: Callable[[bytes | str], Incoming]
    _decode_batch: Callable[[bytes | str], list[msgspec.Raw]]
    _decode_value: Callable[[bytes | str], Any]
    _starts_batch: Callable[[bytes | str], bool]
    encode: Callable[[Any], bytes]

    def decode(self, data: bytes | str) -> list[Item]:
        """One WebSocket message → its frames in order (1 for a map, 1 to 64 for a batch).

        Raises:
            Undecodable: the bytes are no message of this encoding, or are nested too deeply to read.
        """
        try:
            return [self._decode_frame(data)]
        except _FAILURES as failure:
            if self._starts_batch(data):
                return self._batch(data)
            return [self._examine(data, failure)]

    def _batch(self, data: bytes | str) -> list[Item]:
        try:
            parts = self._decode_batch(data)
        except _FAILURES as failure:
            if self.binary:
                raise Undecodable("the message is malformed") from failure
            value = self._value(data)  # a batch that only the lenient reader can read: look at its frames one by one
            parts = [msgspec.Raw(json.dumps(part).encode()) for part in value]
        if not 1 <= len(parts) <= MAX_BATCH_FRAMES:
            return [Rejected(BadFrame(f"a batch holds 1 to {MAX_BATCH_FRAMES} frames, not {len(parts)}"), None)]
        return [self._one(bytes(part)) for part in parts]

    def _one(self, data: bytes) -> Item:
        try:
            return self._decode_frame(data)
        except _FAILURES as failure:
            return self._examine(data, failure)

    def _examine(self, data: bytes | str, failure: Exception) -> Item:
        value = self._value(data)
        if not isinstance(value, dict):
            return Rejected(BadFrame("a frame is a map, or an array of maps"), None)
        frame_id = _readable_id(value.get("id"))
        if _has_surrogate(value):
            return Rejected(Invalid("a text holds a lone surrogate, which is no Unicode text"), frame_id)
        if isinstance(failure, msgspec.ValidationError):
            return Rejected(BadFrame(_sentence(value, failure)), frame_id)
        raise Undecodable("the message is nested too deeply or malformed")

    def _value(self, data: bytes | str) -> Any:
        try:
            return self._decode_value(data)
        except _FAILURES as failure:
            raise Undecodable("the message is malformed") from failure


def _readable_id(value: object) -> int | str | None:
    try:
        found: int | str = msgspec.convert(value, Id)
    except msgspec.ValidationError:
        return None
    return None if _has_surrogate(found) else found


def _sentence(value: dict[Any, Any], failure: Exception) -> str:
    kind = value.get("type")
    if not isinstance(kind, str):
        return "a frame needs a `type`, a string"
    if str(failure).startswith("Invalid value") and "$.type" in str(failure):
        return f"unknown type {kind[:40]!r}"
    if choices := _CHOICES.get((kind, str(failure).rpartition("$.")[2].rstrip("`"))):
        return f"{failure}; one of {', '.join(choices)} is expected"
    return str(failure)


def _choices() -> dict[tuple[str, str], tuple[str, ...]]:
    """Frame's type and field → the field's values, where they are a few texts."""
    return {
        (str(frame.__struct_config__.tag), field.encode_name): get_args(field.type)
        for frame in get_args(AnyClientFrame)
        for field in msgspec.structs.fields(frame)
        if get_origin(field.type) is Literal
    }


_CHOICES: Final = _choices()


def _has_surrogate(value: object) -> bool:
    parts = [value]  # a stack of our own: a message may be nested deeper than Python's
    while parts:
        part = parts.pop()
        if isinstance(part, str):
            if not part.isascii() and any("\ud800" <= char <= "\udfff" for char in part):
                return True
        elif isinstance(part, dict):
            parts.extend(part.keys())
            parts.extend(part.values())
        elif isinstance(part, list):
            parts.extend(part)
    return False


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _json_value(data: bytes | str) -> Any:
    """Any JSON value. msgspec refuses lone surrogates as malformed; the standard library reads them, so that the
    client can be told what is wrong instead of being cut off."""
    try:
        return msgspec.json.decode(data)
    except _FAILURES:
        return json.loads(data, parse_constant=_no_constant)


def _json_starts_batch(data: bytes | str) -> bool:
    head = data[:64] if isinstance(data, str) else data[:64].decode("latin-1")
    return head.lstrip(_JSON_WHITESPACE).startswith("[")


def _msgpack_starts_batch(data: bytes | str) -> bool:
    first = data[0] if isinstance(data, bytes) and data else 0
    return first in {0xDC, 0xDD} or 0x90 <= first <= 0x9F


JSON = Codec(
    name="json",
    subprotocol="parlance.v1.json",
    binary=False,
    _decode_frame=cast(Any, msgspec.json.Decoder(AnyClientFrame).decode),
    _decode_batch=cast(Any, msgspec.json.Decoder(list[msgspec.Raw]).decode),
    _decode_value=_json_value,
    _starts_batch=_json_starts_batch,
    encode=msgspec.json.Encoder().encode,
)

MSGPACK = Codec(
    name="msgpack",
    subprotocol="parlance.v1.msgpack",
    binary=True,
    _decode_frame=cast(Any, msgspec.msgpack.Decoder(AnyClientFrame).decode),
    _decode_batch=cast(Any, msgspec.msgpack.Decoder(list[msgspec.Raw]).decode),
    _decode_value=cast(Any, msgspec.msgpack.Decoder().decode),
    _starts_batch=_msgpack_starts_batch,
    encode=msgspec.msgpack.Encoder().encode,
)

CODECS: tuple[Codec, ...] = (JSON, MSGPACK)


def negotiate(offered: list[str]) -> Codec | None:
    """The codec for the subprotocols a client offers: JSON where none is offered, None where only unknown ones are."""
    if not offered:
        return JSON
    return next((codec for name in offered for codec in CODECS if codec.subprotocol == name), None)


def json_to_msgpack(body: bytes) -> bytes:
    """The same frame in the other encoding: a broadcast is made in JSON and re-coded once where somebody needs it."""
    return msgspec.msgpack.encode(msgspec.json.decode(body))


def error_frame(error: Exception, frame_id: int | str | None = None) -> ServerFrame:
    """The ``error`` frame for an exception; what is no ``ProtocolError`` is an internal failure and stays unnamed."""
    known = error if isinstance(error, ProtocolError) else Internal("something went wrong on our side")
    return Error(
        code=known.code,
        name=known.name,
        message=str(known),
        temporary=known.temporary,
        retry_after_ms=known.retry_after_ms,
        id=frame_id,
    )
