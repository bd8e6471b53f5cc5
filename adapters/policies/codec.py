"""A policy's state as bytes: magic, header (JSON), float64 arrays (little endian), SHA-256 of all before it; and the
same as JSON that people can read."""

from __future__ import annotations

import hashlib
import json
import math
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Arrays = Mapping[str, NDArray[np.float64]]

_MAGIC = b"PARLPOL2"
_LENGTH = struct.Struct("<I")
_DIGEST_BYTES = hashlib.sha256().digest_size


def pack(header: Mapping[str, Any], arrays: Arrays) -> bytes:
    """``header`` holds JSON values only; arrays are stored exactly, in the order given."""
    shapes = {name: array.shape for name, array in arrays.items()}
    head = json.dumps({**header, "arrays": shapes}).encode()
    numbers = [np.ascontiguousarray(array, dtype="<f8").tobytes() for array in arrays.values()]
    body = b"".join([_MAGIC, _LENGTH.pack(len(head)), head, *numbers])
    return body + hashlib.sha256(body).digest()


def unpack(state: bytes) -> tuple[dict[str, Any], dict[str, NDArray[np.float64]]]:
    """Header and arrays (copies) of ``pack``. ``ValueError`` for bytes that are not what ``pack`` returned."""
    if not state.startswith(_MAGIC):
        raise ValueError("these bytes are no policy state of this version. Replay the reward log instead.")
    body, digest = state[:-_DIGEST_BYTES], state[-_DIGEST_BYTES:]
    if hashlib.sha256(body).digest() != digest:
        raise ValueError("the policy state is damaged (its digest is wrong). Replay the reward log instead.")
    start = len(_MAGIC) + _LENGTH.size
    end = start + _LENGTH.unpack_from(body, len(_MAGIC))[0]
    header: dict[str, Any] = json.loads(body[start:end])
    arrays: dict[str, NDArray[np.float64]] = {}
    for name, shape in header.pop("arrays").items():
        count = math.prod(shape)
        arrays[name] = np.frombuffer(body, dtype="<f8", count=count, offset=end).reshape(shape).astype(np.float64)
        end += 8 * count
    return header, arrays


def to_json(state: bytes) -> str:
    """A state as indented JSON: the header's fields, and ``learned`` with each array under its name, one innermost row
    a line. Every number is written so that it reads back exactly. ``ValueError`` as of ``unpack``."""
    header, arrays = unpack(state)
    lines = [f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in header.items()]
    learned = [f"    {json.dumps(name)}: {_rows(array.tolist(), 6)}" for name, array in arrays.items()]
    lines.append('  "learned": {\n' + ",\n".join(learned) + "\n  }" if learned else '  "learned": {}')
    return "{\n" + ",\n".join(lines) + "\n}\n"


def from_json(text: str) -> bytes:
    """The state of ``to_json``'s text, edited or not; ``load`` checks what it says. ``ValueError`` for another."""
    try:
        header = json.loads(text)
        learned = header.pop("learned")
        arrays = {name: np.array(values, dtype=np.float64) for name, values in learned.items()}
    except (ValueError, TypeError, KeyError, AttributeError):
        raise ValueError("this text is no policy state as JSON. Write it with codec.to_json.") from None
    return pack(header, arrays)


def _rows(values: list[Any], indent: int) -> str:
    if not values or not isinstance(values[0], list):
        return json.dumps(values)
    inner = (" " * indent) + (",\n" + " " * indent).join(_rows(row, indent + 2) for row in values)
    return f"[\n{inner}\n{' ' * (indent - 2)}]"
