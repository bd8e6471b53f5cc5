"""Reciprocal-rank fusion and its laws."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.knowledge.fusion import K, fuse

RANKINGS = st.lists(st.lists(st.integers(0, 20), unique=True, max_size=10), max_size=5)


def test_a_known_case() -> None:
    fused = fuse((["a", "b"], ["b", "c"]))
    assert [key for key, _ in fused] == ["b", "a", "c"]
    assert [total for _, total in fused] == pytest.approx([1 / 62 + 1 / 61, 1 / 61, 1 / 62])


def test_a_key_counts_once_a_ranking_at_its_best() -> None:
    assert fuse([["a", "a", "b"]]) == [("a", 1 / (K + 1)), ("b", 1 / (K + 2))]


@given(RANKINGS)
def test_every_key_stands_there_once_and_sums_fall(rankings: list[list[int]]) -> None:
    fused = fuse(rankings)
    assert {key for key, _ in fused} == {key for ranking in rankings for key in ranking}
    sums = [total for _, total in fused]
    assert sums == sorted(sums, reverse=True) and len({key for key, _ in fused}) == len(fused)


@given(RANKINGS)
def test_the_order_of_rankings_changes_no_sum(rankings: list[list[int]]) -> None:
    assert dict(fuse(rankings)) == pytest.approx(dict(fuse(rankings[::-1])))


@given(st.lists(st.integers(0, 20), unique=True, max_size=10))
def test_rankings_that_agree_stay_as_they_are(ranking: list[int]) -> None:
    assert [key for key, _ in fuse([ranking, ranking])] == ranking
