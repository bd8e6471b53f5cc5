"""Packs of a few kilobytes that ONNX Runtime really runs: the graph is protobuf, written field by field.

Field numbers are those of onnx.proto. The graph multiplies the number of a text's tokens by a row of weights for each
output.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from tests.unit.inference.support import MANIFEST, tokenizer

FLOAT, INT64 = 1, 7

GOOD: dict[str, Any] = {
    "clinc150_in_scope_accuracy": 0.97,
    "emotions_macro_f1": 0.6,
    "intent_ece": 0.01,
    "clinc150_in_scope_rows": 3000,
    "latency_p50_ms": {"16": 2.0},
}


def write_pack(
    folder: Path, version: str = "1.0.0", *, metrics: Mapping[str, Any] | None = None, weight: float = 1.0, **more: Any
) -> Path:
    """A pack ``nlu-VERSION`` in ``folder``; ``metrics`` change ``GOOD``, None takes one away, ``more`` is added to the
    manifest."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {"model.onnx": graph(MANIFEST.widths, weight), "tokenizer.json": tokenizer().to_str().encode()}
    for name, content in files.items():
        (folder / name).write_bytes(content)
    int8 = {name: value for name, value in {**GOOD, **(metrics or {})}.items() if value is not None}
    manifest = {
        **msgspec.to_builtins(MANIFEST),
        "version": version,
        "files": {
            name: {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
            for name, content in files.items()
        },
        "metrics": {"int8": int8},
        **more,
    }
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return folder


def spoil(folder: Path) -> None:
    """Another byte, the same size."""
    path = folder / "model.onnx"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(bytes(content))


def graph(widths: Mapping[str, int], weight: float) -> bytes:
    """The bytes of ``model.onnx``."""
    nodes = [
        _node("Cast", ["attention_mask"], ["mask"], _int_attribute("to", FLOAT)),
        _node("ReduceSum", ["mask", "axes"], ["tokens"], _int_attribute("keepdims", 1)),
        *(_node("MatMul", ["tokens", f"{name}_row"], [name]) for name in widths),
    ]
    tensors = [_tensor("axes", np.array([1], dtype=np.int64), INT64)]
    for name, width in widths.items():
        row = np.linspace(0.01, 0.02, width, dtype=np.float32)[None, :] * np.float32(weight)
        tensors.append(_tensor(f"{name}_row", row, FLOAT))
    inputs = [_value(name, INT64, ("batch", "tokens")) for name in ("input_ids", "attention_mask")]
    outputs = [_value(name, FLOAT, ("batch", width)) for name, width in widths.items()]
    parts = [(1, nodes), (2, [b"tiny"]), (5, tensors), (11, inputs), (12, outputs)]
    content = b"".join(_bytes(field, part) for field, some in parts for part in some)
    return _int(1, 8) + _bytes(7, content) + _bytes(8, _bytes(1, b"") + _int(2, 17))


def _node(operator: str, inputs: list[str], outputs: list[str], attribute: bytes = b"") -> bytes:
    names = b"".join(_bytes(1, name.encode()) for name in inputs) + b"".join(_bytes(2, o.encode()) for o in outputs)
    return names + _bytes(4, operator.encode()) + (_bytes(5, attribute) if attribute else b"")


def _int_attribute(name: str, value: int) -> bytes:
    return _bytes(1, name.encode()) + _int(3, value) + _int(20, 2)


def _tensor(name: str, values: np.ndarray[Any, Any], kind: int) -> bytes:
    dims = b"".join(_int(1, size) for size in values.shape)
    return dims + _int(2, kind) + _bytes(8, name.encode()) + _bytes(9, values.tobytes())


def _value(name: str, kind: int, shape: tuple[str | int, ...]) -> bytes:
    dims = b"".join(_bytes(1, _bytes(2, d.encode()) if isinstance(d, str) else _int(1, d)) for d in shape)
    return _bytes(1, name.encode()) + _bytes(2, _bytes(1, _int(1, kind) + _bytes(2, dims)))


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _int(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, content: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(content)) + content
