"""A policy's state as bytes: magic, header (JSON), float64 arrays (little endian), SHA-256 of all before it."""

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

_MAGIC = b"PARLPOL1"
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
