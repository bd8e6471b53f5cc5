"""How far confidence and truth lie apart (pure)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

BINS = 15


class Reliability(NamedTuple):
    """The bins that hold rows, by rising confidence: mean ``confidence``, share of right rows, number of rows.

    ``error``: the expected calibration error (Guo et al. 2017, *On Calibration of Modern Neural Networks*).
    """

    confidence: tuple[float, ...]
    accuracy: tuple[float, ...]
    rows: tuple[int, ...]
    error: float


def reliability(confidence: NDArray[np.float64], right: NDArray[np.bool_], bins: int = BINS) -> Reliability:
    """``confidence`` in [0, 1] and ``right``, both (rows,), over ``bins`` of equal width. Without rows no error."""
    which = np.minimum((confidence * bins).astype(np.int64), bins - 1)
    held = [which == number for number in range(bins) if (which == number).any()]
    sure = tuple(float(confidence[rows].mean()) for rows in held)
    share = tuple(float(right[rows].mean()) for rows in held)
    count = tuple(int(rows.sum()) for rows in held)
    gaps = sum(abs(a - b) * rows for a, b, rows in zip(share, sure, count, strict=True))
    return Reliability(sure, share, count, gaps / max(1, len(confidence)))
