"""Runs a packed model with onnxruntime the way the server does: one thread, no spinning."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from models_onnx.tokens import pad

OUTPUTS = (
    *("embedding", "intent", "sentiment", "emotions"),
    *("fine_emotions", "act", "urgency", "politeness", "toxicity"),
)
"""A pack's outputs; those before 1.1.0 have the first four only."""

Array = NDArray[np.float32]


def open_session(path: Path) -> ort.InferenceSession:
    """A session on one thread, which sleeps when idle."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def run_batch(session: ort.InferenceSession, rows: Sequence[list[int]]) -> dict[str, Array]:
    """Outputs by name, each [batch, …], for token ids of any lengths."""
    input_ids, attention_mask = pad(rows)
    given = {output.name for output in session.get_outputs()}
    names = [name for name in OUTPUTS if name in given]
    values = session.run(names, {"input_ids": input_ids, "attention_mask": attention_mask})
    return dict(zip(names, values, strict=True))


def run_all(
    session: ort.InferenceSession,
    rows: Sequence[list[int]],
    *,
    batch: int = 1,
    progress: Callable[[int], object] = lambda _done: None,
) -> dict[str, Array]:
    """Outputs of all rows, in their order; batches are cut from the rows sorted by length."""
    order = sorted(range(len(rows)), key=lambda index: len(rows[index]))
    parts: list[dict[str, Array]] = []
    for start in range(0, len(order), batch):
        chosen = order[start : start + batch]
        parts.append(run_batch(session, [rows[index] for index in chosen]))
        progress(len(chosen))
    inverse = np.argsort(np.array(order))
    return {name: np.concatenate([part[name] for part in parts])[inverse] for name in parts[0]}
