"""The order of training: same for a seed, fair to every row, little padding."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from models_onnx.builders import OUTLIER, Example
from models_onnx.schedule import MAX_BATCH_TOKENS, MAX_ROWS, balance, batches, epoch_rows, learning_rate_factor
from models_onnx.sources import OOS_COPIES, REVIEWS_PER_STAR, SOURCES

COUNTS = {"clinc150": 100, "goemotions": 50, "reviews_clothing": 30}


def test_out_of_scope_rows_are_repeated_and_reviews_capped() -> None:
    reviews = [Example("good", "reviews_clothing", sentiments=(4,))] * (REVIEWS_PER_STAR + 5)
    reviews += [Example("bad", "reviews_clothing", sentiments=(0,))] * 3
    clinc = [Example("a", "clinc150", intent=0), Example("b", "clinc150", intent=OUTLIER)]
    found = balance({"clinc150": clinc, "reviews_clothing": reviews})
    assert Counter(row.intent for row in found["clinc150"]) == {0: 1, OUTLIER: OOS_COPIES}
    assert Counter(row.sentiments for row in found["reviews_clothing"]) == {(4,): REVIEWS_PER_STAR, (0,): 3}


def test_an_epoch_takes_each_sets_share() -> None:
    taken = Counter(name for name, _ in epoch_rows(COUNTS, 0, seed=0))
    assert taken == {name: int(count * SOURCES[name].share_per_epoch) for name, count in COUNTS.items()}


def test_no_row_comes_twice_before_all_came_once() -> None:
    seen = [row for epoch in range(4) for row in epoch_rows(COUNTS, epoch, seed=0)]
    times = Counter(row for row in seen if row[0] == "goemotions")
    assert len(times) == 50
    assert max(times.values()) - min(times.values()) <= 1


def test_the_seed_decides_the_order() -> None:
    assert epoch_rows(COUNTS, 1, seed=3) == epoch_rows(COUNTS, 1, seed=3)
    assert epoch_rows(COUNTS, 1, seed=3) != epoch_rows(COUNTS, 1, seed=4)
    assert epoch_rows(COUNTS, 1, seed=3) != epoch_rows(COUNTS, 2, seed=3)


def test_a_tiny_set_gives_at_least_one_row_an_epoch() -> None:
    assert len(epoch_rows({"reviews_clothing": 1}, 0, seed=0)) == 1


def test_batches_hold_every_row_once_within_bounds() -> None:
    lengths = np.random.default_rng(0).integers(3, 65, size=5000).tolist()
    cut = batches(lengths, epoch=0, seed=0)
    assert sorted(index for batch in cut for index in batch) == list(range(5000))
    for batch in cut:
        assert 0 < len(batch) <= MAX_ROWS
        assert len(batch) * max(lengths[index] for index in batch) <= MAX_BATCH_TOKENS


def test_batches_pad_little() -> None:
    lengths = np.random.default_rng(0).integers(3, 65, size=5000).tolist()
    padded = sum(len(batch) * max(lengths[index] for index in batch) for batch in batches(lengths, epoch=0, seed=0))
    assert padded / sum(lengths) < 1.05


@pytest.mark.parametrize("total", [1, 3, 100, 4000])
def test_learning_rate_rises_and_falls_and_stays_positive(total: int) -> None:
    factors = [learning_rate_factor(step, total) for step in range(total)]
    peak = int(np.argmax(factors))
    assert all(0 < factor <= 1 for factor in factors)
    assert factors[: peak + 1] == sorted(factors[: peak + 1])
    assert factors[peak:] == sorted(factors[peak:], reverse=True)
    assert total < 100 or factors[-1] == 0.02
