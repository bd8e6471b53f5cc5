"""Messages that are nearly right: valid frames of every type in both encodings, bent, cut, doubled and glued."""

from __future__ import annotations

import json
import random
from typing import Any, get_args

import msgpack
import msgspec

from server.wire.requests import AnyClientFrame
from tests.support.rawws import BINARY, CLOSE, CONT, PING, PONG, TEXT, frame

CHANNEL = "conv:01ARZ3NDEKTSV4RRFFQ69G5FAV"
TYPES = [kind.__struct_config__.tag for kind in get_args(AnyClientFrame)]
FIELDS = sorted({field.encode_name for kind in get_args(AnyClientFrame) for field in msgspec.structs.fields(kind)})
VALUES: list[Any] = [
    None, True, False, 0, 1, -1, 0.5, 2**53, 2**53 - 1, 2**63, -(2**63), 1e308, "", "k", "x" * 65, "é", "\u0000",
    "\ud83d\ude42", "e\u0301", "2026", CHANNEL, "conv:", "system", "user:me", "agent:queue", "admin:metrics", [], {},
    [[]], [{}], {"a": {"b": [1, None]}}, ["ann", "bob"], {"epoch": "e", "offset": 0},
    {CHANNEL: {"epoch": "e", "offset": 3}}, "read", "away", "x" * 9_000,
    "1;DROP TABLE users--", "' OR 1=1 --", "<script>", "../../etc/passwd", "%00",
]  # fmt: skip


def any_frame(rng: random.Random) -> dict[str, Any]:
    """A map that looks like a frame; some are valid."""
    kind = rng.choice(TYPES)
    made: dict[str, Any] = {"type": kind, "id": rng.randrange(2**53)}
    for name in rng.sample(FIELDS, rng.randrange(6)):
        made[name] = rng.choice(VALUES)
    if rng.random() < 0.7:
        made["channel"] = CHANNEL
    if rng.random() < 0.05:
        made["type"] = rng.choice(VALUES)
    return made


def bent(rng: random.Random, data: bytes) -> bytes:
    """A few bytes changed, removed, doubled or moved."""
    changed = bytearray(data)
    for _ in range(rng.choice((0, 1, 1, 2, 4, 16))):
        place = rng.randrange(len(changed) + 1)
        match rng.randrange(5):
            case 0:
                changed[place:place] = rng.randbytes(rng.randint(1, 4))
            case 1:
                del changed[place : place + rng.randint(1, 8)]
            case 2 if changed:
                changed[place % len(changed)] = rng.randrange(256)
            case 3:
                changed[place:place] = changed[place : place + rng.randint(1, 32)] * rng.randint(1, 3)
            case _:
                changed = changed[:place]
    return bytes(changed)


def message(rng: random.Random, *, binary: bool) -> bytes:
    """The payload of one WebSocket message: a frame, a batch or nonsense, and then bent."""
    value: Any = any_frame(rng)
    if rng.random() < 0.25:
        value = [any_frame(rng) for _ in range(rng.choice((0, 1, 2, 5, 64, 65)))]
    elif rng.random() < 0.05:
        value = rng.choice(VALUES)
    if rng.random() < 0.02:
        value = {"type": "open", "id": 1, "key": "k", "metadata": nested(rng.choice((10, 100, 400)))}
    data = _msgpack(value) if binary else json.dumps(value, ensure_ascii=rng.random() < 0.5).encode(errors="replace")
    return bent(rng, data) if rng.random() < 0.6 else data


def nested(depth: int) -> Any:
    """A value that deep."""
    value: Any = 1
    for level in range(depth):
        value = [value] if level % 2 else {"a": value}
    return value


def _msgpack(value: Any) -> bytes:
    try:
        return bytes(msgpack.packb(value, unicode_errors="surrogatepass"))
    except (OverflowError, ValueError):
        return b"\xc1"


def websocket_bytes(rng: random.Random, *, binary: bool) -> bytes:
    """What goes over the wire: mostly one message, often in fragments, now and then with a header that is wrong."""
    opcode, payload = (BINARY if binary else TEXT), message(rng, binary=binary)
    if rng.random() < 0.2:
        cut = rng.randrange(len(payload) + 1)
        said = frame(opcode, payload[:cut], fin=False) + frame(rng.choice((CONT, PING)), payload[cut:][:120])
        said += frame(CONT, b"")
    else:
        said = frame(opcode, payload)
    if rng.random() < 0.1:
        control = rng.choice((PING, PONG, CLOSE, rng.randrange(16)))
        said += frame(
            control, rng.randbytes(rng.choice((0, 1, 2, 125, 126))), rsv=rng.choice((0, 0, 0, rng.randrange(8)))
        )
    return bent(rng, said) if rng.random() < 0.1 else said
