"""An envelope as bytes ready for a socket: encoded and framed once per encoding and view, never per subscriber."""

from __future__ import annotations

from server.backplane.ports import Envelope
from server.wire.codec import JSON, Codec, json_to_msgpack
from server.wire.frames import Message
from server.wire.framing import frame_message


def message_envelope(message: Message) -> Envelope:
    """The envelope of a durable message, with the customer's view where it differs."""
    body = JSON.encode(message)
    plain = JSON.encode(message.for_customer()) if message.turn is not None else None
    return Envelope(channel=message.channel, offset=message.offset, body=body, plain=plain)


class Parcel:
    """The forms of one envelope, made when the first subscriber needs them."""

    __slots__ = ("_forms", "envelope")

    def __init__(self, envelope: Envelope) -> None:
        self.envelope = envelope
        self._forms: dict[tuple[str, bool], bytes] = {}

    def framed(self, codec: Codec, sees_all: bool) -> bytes:
        """The WebSocket message for one encoding; ``sees_all`` False gives the customer's view."""
        plain = not sees_all and self.envelope.plain is not None
        form = self._forms.get((codec.name, plain))
        if form is None:
            form = self._forms[(codec.name, plain)] = self._make(codec, plain)
        return form

    def _make(self, codec: Codec, plain: bool) -> bytes:
        body = self.envelope.plain if plain and self.envelope.plain is not None else self.envelope.body
        payload = body if codec is JSON else json_to_msgpack(body)
        return frame_message(payload, binary=codec.binary)
