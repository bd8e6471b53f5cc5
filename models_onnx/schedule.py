"""Which examples a training run sees, in which order and batches. Pure functions of the seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from models_onnx.builders import OUTLIER, Example
from models_onnx.sources import OOS_COPIES, REVIEWS_PER_STAR, SOURCES

MAX_ROWS = 64
MAX_BATCH_TOKENS = 1536  # padded tokens in one batch: bounds the memory of a step and keeps steps even
SORT_WINDOW = 2048  # rows sorted by length together: little padding, still well mixed


def balance(examples: Mapping[str, Sequence[Example]]) -> dict[str, list[Example]]:
    """Repeats the few out-of-scope rows and caps the many five-star reviews."""
    balanced = {name: list(rows) for name, rows in examples.items()}
    outliers = [row for row in balanced["clinc150"] if row.intent == OUTLIER]
    balanced["clinc150"] += outliers * (OOS_COPIES - 1)
    kept: dict[tuple[int, ...] | None, int] = {}
    reviews: list[Example] = []
    for row in balanced["reviews_clothing"]:
        kept[row.sentiments] = kept.get(row.sentiments, 0) + 1
        if kept[row.sentiments] <= REVIEWS_PER_STAR:
            reviews.append(row)
    balanced["reviews_clothing"] = reviews
    return balanced


def epoch_rows(counts: Mapping[str, int], epoch: int, seed: int) -> list[tuple[str, int]]:
    """(set, index) of the rows of one epoch, shuffled.

    Every set is a stream of permutations, and an epoch takes its share of the stream, so that no row
    comes twice before all came once.
    """
    chosen: list[tuple[str, int]] = []
    for name, count in counts.items():
        share = SOURCES[name].share_per_epoch
        start, stop = int(epoch * count * share), int((epoch + 1) * count * share)
        chosen += [(name, _stream(name, count, position, seed)) for position in range(start, max(stop, start + 1))]
    order = np.random.default_rng((seed, epoch)).permutation(len(chosen))
    return [chosen[index] for index in order]


_permutations: dict[tuple[str, int, int, int], NDArray[np.int64]] = {}


def _stream(name: str, count: int, position: int, seed: int) -> int:
    turn, place = divmod(position, count)
    key = (name, count, turn, seed)
    if key not in _permutations:
        name_seed = int.from_bytes(name.encode()[:8], "big")
        _permutations[key] = np.random.default_rng((seed, name_seed, turn)).permutation(count)
    return int(_permutations[key][place])


def batches(lengths: Sequence[int], epoch: int, seed: int) -> list[list[int]]:
    """Cuts rows 0 … n-1 into batches of like lengths, in a shuffled order."""
    cut: list[list[int]] = []
    for start in range(0, len(lengths), SORT_WINDOW):
        window = sorted(range(start, min(start + SORT_WINDOW, len(lengths))), key=lambda index: lengths[index])
        batch: list[int] = []
        for index in window:
            if len(batch) == MAX_ROWS or (len(batch) + 1) * lengths[index] > MAX_BATCH_TOKENS:
                cut.append(batch)
                batch = []
            batch.append(index)
        cut.append(batch)
    order = np.random.default_rng((seed, epoch, 1)).permutation(len(cut))
    return [cut[index] for index in order]


def learning_rate_factor(step: int, total: int, *, warmup: float = 0.06) -> float:
    """Rises linearly over the warm-up share, then falls linearly to 2 % of the peak."""
    ramp = max(1, int(total * warmup))
    if step < ramp:
        return (step + 1) / ramp
    return max(0.02, (total - step) / max(1, total - ramp))
