"""Frames to bytes and back: PROTOCOL §1's two encodings, both of which may carry a frame or a batch of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from loadtest.errors import ProtocolViolation
from server.wire.frames import AnyServerFrame
from server.wire.requests import AnyClientFrame

EncodingName = Literal["json", "msgpack"]

_Incoming = AnyServerFrame | list[AnyServerFrame]
_KNOWN_TYPES = frozenset(str(frame.__struct_config__.tag) for frame in AnyServerFrame.__args__)


@dataclass(frozen=True, slots=True)
class Encoding:
    """One of the two encodings. ``text``: whether its WebSocket messages are text (else binary)."""

    name: EncodingName
    subprotocol: str
    text: bool
    _encode: Callable[[Any], bytes]
    _decode_typed: Callable[[bytes], AnyServerFrame | list[AnyServerFrame]]
    _decode_plain: Callable[[bytes], Any]

    def encode(self, frames: Sequence[AnyClientFrame]) -> bytes:
        """One frame as a map, several as a batch."""
        return self._encode(frames[0] if len(frames) == 1 else list(frames))

    def decode(self, data: bytes) -> list[AnyServerFrame]:
        """The frames of one message, in order; frames of a type unknown here are left out, as §1 asks.

        Raises ``ProtocolViolation``.
        """
        try:
            decoded = self._decode_typed(data)
        except msgspec.DecodeError:
            return self._decode_leniently(data)
        return decoded if isinstance(decoded, list) else [decoded]

    def _decode_leniently(self, data: bytes) -> list[AnyServerFrame]:
        try:
            plain = self._decode_plain(data)
            maps = plain if isinstance(plain, list) else [plain]
            known = [frame for frame in maps if frame["type"] in _KNOWN_TYPES]
            return msgspec.convert(known, type=list[AnyServerFrame])
        except (msgspec.DecodeError, KeyError, TypeError) as error:
            raise ProtocolViolation(f"{error!r} in {data[:200]!r}") from error


ENCODINGS: dict[EncodingName, Encoding] = {
    "json": Encoding(
        name="json",
        subprotocol="parlance.v1.json",
        text=True,
        _encode=msgspec.json.Encoder().encode,
        _decode_typed=msgspec.json.Decoder(_Incoming).decode,
        _decode_plain=msgspec.json.Decoder().decode,
    ),
    "msgpack": Encoding(
        name="msgpack",
        subprotocol="parlance.v1.msgpack",
        text=False,
        _encode=msgspec.msgpack.Encoder().encode,
        _decode_typed=msgspec.msgpack.Decoder(_Incoming).decode,
        _decode_plain=msgspec.msgpack.Decoder().decode,
    ),
}
