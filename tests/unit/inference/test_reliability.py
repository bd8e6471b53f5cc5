"""Bins of confidence, and the error that they add up to."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.intents.training import calibration_error
from inference.reliability import reliability

rows = st.lists(st.tuples(st.floats(0.0, 1.0), st.booleans()), max_size=80)


def test_by_hand() -> None:
    found = reliability(np.array([0.61, 0.62, 0.98, 1.0]), np.array([True, False, True, True]), bins=10)
    assert found.rows == (2, 2)
    assert found.confidence == pytest.approx((0.615, 0.99))
    assert found.accuracy == (0.5, 1.0)
    assert found.error == pytest.approx((0.115 * 2 + 0.01 * 2) / 4)


def test_without_rows_there_is_no_error() -> None:
    assert reliability(np.array([]), np.array([], dtype=np.bool_)).error == 0.0


@given(rows)
def test_every_row_lies_in_one_bin_and_the_error_is_the_one_of_intents(pairs: list[tuple[float, bool]]) -> None:
    confidence = np.array([sure for sure, _ in pairs], dtype=np.float64)
    right = np.array([hit for _, hit in pairs], dtype=np.bool_)
    found = reliability(confidence, right)
    assert sum(found.rows) == len(pairs)
    assert list(found.confidence) == sorted(found.confidence)
    assert 0.0 <= found.error <= 1.0
    assert found.error == pytest.approx(calibration_error(confidence, right))
