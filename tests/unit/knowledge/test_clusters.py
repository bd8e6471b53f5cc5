"""Questions that are alike: placed as they come, under numbers that stay."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.knowledge.clusters import NOWHERE, Clusters, Floats, grown, place

DIM = 8


def unit(*rows: list[float]) -> Floats:
    found = np.array(rows, dtype=np.float32)
    lengths: Floats = np.linalg.norm(found, axis=1, keepdims=True)
    return (found / lengths).astype(np.float32)


def drawn(seed: int, count: int) -> Floats:
    """Directions about a few centres, so that some are alike."""
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((4, DIM))
    rows = centres[rng.integers(0, 4, count)] + 0.4 * rng.standard_normal((count, DIM))
    return unit(*rows.tolist()) if count else np.zeros((0, DIM), dtype=np.float32)


SEEDS = st.integers(0, 2**31)


def test_what_is_alike_comes_together() -> None:
    found = place(Clusters.none(2), unit([1, 0], [0, 1], [1, 0.1], [0.1, 1], [-1, 0]))
    assert found.numbers.tolist() == [1, 2, 1, 2, 3]
    assert found.closeness[0] == 1.0 and found.closeness[2] > 0.99
    assert found.changed == (1, 2, 3) and found.clusters.sizes.tolist() == [2, 2, 1]


def test_only_what_grew_has_changed() -> None:
    before = place(Clusters.none(2), unit([1, 0], [0, 1])).clusters
    found = place(before, unit([0, 1]))
    assert (found.numbers.tolist(), found.changed, found.clusters.last) == ([2], (2,), 2)
    assert before.sizes.tolist() == [1, 1]


def test_nothing_to_place() -> None:
    found = place(Clusters.none(2), np.zeros((0, 2), dtype=np.float32))
    assert len(found.numbers) == 0 and found.changed == ()


def test_without_room_what_is_like_no_other_is_nowhere() -> None:
    found = place(Clusters.none(2), unit([1, 0], [0, 1], [1, 0]), most=1)
    assert found.numbers.tolist() == [1, NOWHERE, 1]


@given(SEEDS, st.integers(0, 30), st.integers(0, 30))
def test_in_batches_or_at_once_is_the_same(seed: int, first: int, second: int) -> None:
    vectors = drawn(seed, first + second)
    once = place(Clusters.none(DIM), vectors)
    one = place(Clusters.none(DIM), vectors[:first])
    other = place(one.clusters, vectors[first:])
    assert [*one.numbers.tolist(), *other.numbers.tolist()] == once.numbers.tolist()
    np.testing.assert_allclose(other.clusters.directions, once.clusters.directions, atol=1e-5)


@given(SEEDS, st.integers(1, 40))
def test_each_is_in_one_cluster_that_counts_it(seed: int, count: int) -> None:
    vectors = drawn(seed, count)
    found = place(Clusters.none(DIM), vectors, near=0.6)
    numbers, sizes = np.unique(found.numbers, return_counts=True)
    assert numbers.tolist() == found.clusters.numbers.tolist() == list(range(1, len(numbers) + 1))
    assert sizes.tolist() == found.clusters.sizes.tolist()
    assert (found.closeness >= 0.6 - 1e-6).all()
    for number, direction in zip(found.clusters.numbers, found.clusters.directions, strict=True):
        np.testing.assert_allclose(direction, vectors[found.numbers == number].sum(axis=0), atol=1e-4)


@given(SEEDS, st.integers(1, 20), st.integers(1, 20))
def test_what_others_filed_makes_the_same_clusters(seed: int, first: int, second: int) -> None:
    vectors = drawn(seed, first + second)
    before = place(Clusters.none(DIM), vectors[:first]).clusters
    found = place(before, vectors[first:])
    after = found.clusters
    rows = [after.numbers.tolist().index(number) for number in found.changed]
    told = grown(before, list(found.changed), after.directions[rows], after.sizes[rows].tolist(), after.last)
    assert told.numbers.tolist() == after.numbers.tolist() and told.last == after.last
    np.testing.assert_array_equal(told.directions, after.directions)
    np.testing.assert_array_equal(told.sizes, after.sizes)


def test_from_nothing_to_what_others_filed() -> None:
    told = grown(Clusters.none(0), [3, 7], unit([1, 0], [0, 1]), [2, 5], 9)
    assert (told.numbers.tolist(), told.sizes.tolist(), told.last) == ([3, 7], [2, 5], 9)
    assert place(told, unit([1, 1], [-1, 0])).numbers.tolist()[1] == 10
    assert grown(told, [], np.zeros((0, 2), dtype=np.float32), [], 4).last == 9


@pytest.mark.parametrize("near", [0.3, 0.9])
def test_the_threshold_decides(near: float) -> None:
    found = place(Clusters.none(2), unit([1, 0], [1, 1]), near=near)
    assert len(found.clusters.numbers) == (1 if near < 0.7 else 2)
