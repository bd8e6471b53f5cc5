"""Padding and truncation."""

from __future__ import annotations

from models_onnx.tokens import PAD_ID, pad, truncate


def test_truncation_keeps_the_last_id() -> None:
    assert truncate([1, 2, 3, 4, 9], 3) == [1, 2, 9]
    assert truncate([1, 2, 9], 3) == [1, 2, 9]


def test_padding_marks_what_is_text() -> None:
    input_ids, mask = pad([[5, 6], [7, 8, 9]])
    assert input_ids.tolist() == [[5, 6, PAD_ID], [7, 8, 9]]
    assert mask.tolist() == [[1, 1, 0], [1, 1, 1]]
    assert input_ids.dtype == mask.dtype == "int64"
