"""Frames to bytes and back: the protocol's two encodings, both of which carry a frame or a batch of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgpack

from parlance_client.errors import ProtocolViolation
from parlance_client.frames import ServerFrame
from parlance_client.reading import read_frame

EncodingName = Literal["json", "msgpack"]
ClientFrame = Mapping[str, Any]
"""What a client sends: a map with a ``type``, and an ``id`` where it has an answer."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """One of the two encodings. ``text``: whether its WebSocket messages are text (else binary)."""

    name: EncodingName
    subprotocol: str
    text: bool
    _encode: Callable[[Any], bytes]
    _decode: Callable[[bytes], Any]

    def encode(self, frames: Sequence[ClientFrame]) -> bytes:
        """One frame as a map, several as a batch."""
        return self._encode(frames[0] if len(frames) == 1 else list(frames))

    def decode(self, data: bytes) -> list[ServerFrame]:
        """The frames of one message, in order; frames of an unknown type are left out. Raises ``ProtocolViolation``."""
        try:
            plain = self._decode(data)
        except (ValueError, msgpack.UnpackException) as error:
            raise ProtocolViolation(f"{error!r} in {data[:200]!r}") from error
        frames = [read_frame(item) for item in (plain if isinstance(plain, list) else [plain])]
        return [frame for frame in frames if frame is not None]


_encode_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def _pack(value: Any) -> bytes:
    return bytes(msgpack.packb(value))


ENCODINGS: dict[EncodingName, Encoding] = {
    "json": Encoding("json", "parlance.v1.json", True, lambda value: _encode_json(value).encode(), json.loads),
    "msgpack": Encoding("msgpack", "parlance.v1.msgpack", False, _pack, msgpack.unpackb),
}
