"""The linear part on a graph that ships: its heads get what the table says, the others not a bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models_onnx.ngrams import PLACES, counted
from models_onnx.runtime import open_session, run_all
from models_onnx.tokens import PAD_ID, encode, load_tokenizer

onnx = pytest.importorskip("onnx", reason="the train extra is not installed")

FAST = Path(__file__).parents[2] / "models_onnx" / "nlu-fast"  # a graph without the part
TEXTS = ("could you please have a look?", "why did you do that", "hi", "thank you so much for all of this, it works!")


def test_only_two_heads_move_and_by_what_the_table_says(tmp_path: Path) -> None:
    from models_onnx.graft import graft

    generator = np.random.default_rng(0)
    table = generator.normal(size=(PLACES, 7)).astype(np.float32)
    table[PAD_ID] = 0.0
    head = {"dense.weight": (384, 384), "dense.bias": (384,), "classify.weight": (1, 384), "classify.bias": (1,)}
    weights = {name: np.zeros(shape, dtype=np.float32) for name, shape in head.items()}
    model = onnx.load(str(FAST / "model.onnx"))
    graft(model, table, weights)
    onnx.save(model, str(tmp_path / "model.onnx"))
    rows = encode(load_tokenizer(FAST / "tokenizer.json"), TEXTS, 128)
    before, session = run_all(open_session(FAST / "model.onnx"), rows), open_session(tmp_path / "model.onnx")
    after, together = run_all(session, rows), run_all(session, rows, batch=len(rows))
    moved = {name for name in before if not np.array_equal(before[name], after[name])}
    assert moved == {"emotions", "politeness"}
    added = counted(rows) @ table
    assert np.allclose(after["emotions"] - before["emotions"], added[:, :6], atol=0.1)  # steps of the INT8 table: .04
    assert np.allclose(after["politeness"], added[:, 6:], atol=0.1)  # the head itself is all zeros here
    assert all(np.array_equal(after[name], together[name]) for name in ("emotions", "politeness"))
