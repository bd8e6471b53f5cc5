"""The linear part as a torch module: the same sums as numpy's, in INT8, and blind to company."""

from __future__ import annotations

import numpy as np
import pytest

from models_onnx.ngrams import PLACES, counted
from models_onnx.tokens import PAD_ID, pad

torch = pytest.importorskip("torch", reason="the train extra is not installed")

ROWS = [[101, 3531, 2393, 2033, 102], [101, 102], [101, *range(5000, 5060), 102]]


@pytest.fixture(scope="module")
def table() -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    found = np.random.default_rng(0).normal(size=(PLACES, 7)).astype(np.float32)
    found[PAD_ID] = 0.0
    return found


def test_it_sums_what_is_counted(table: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> None:
    from models_onnx.wide import Wide

    wide = Wide(torch.from_numpy(table))
    together = wide(*map(torch.from_numpy, pad(ROWS))).numpy()
    assert np.allclose(together, counted(ROWS) @ table, atol=0.1)  # the weights' steps are .04
    for row, said in zip(ROWS, together, strict=True):
        assert np.array_equal(wide(*map(torch.from_numpy, pad([row]))).numpy()[0], said)


def test_a_table_of_another_size_is_refused() -> None:
    from models_onnx.wide import Wide

    with pytest.raises(ValueError, match=f"not {PLACES}"):
        Wide(torch.zeros(10, 7))
