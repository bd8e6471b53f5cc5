"""Counts, each class's figures and the worst pairs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.confusion import ClassFigures, class_figures, confusion_of, worst_pairs

LABELS = ("a", "b", "c")
Rows = list[tuple[int, int]]
rows = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), max_size=60)


def counted(pairs: Rows) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    table = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    return confusion_of(table[:, 0], table[:, 1], 3)


def test_counts_by_hand() -> None:
    assert counted([(0, 0), (0, 1), (0, 1), (2, 2)]).tolist() == [[1, 2, 0], [0, 0, 0], [0, 0, 1]]


def test_figures_by_hand() -> None:
    found = class_figures(counted([(0, 0), (0, 1), (0, 1), (2, 2)]))
    assert found == [
        ClassFigures(precision=1.0, recall=0.3333, f1=0.5, rows=3),
        ClassFigures(precision=0.0, recall=None, f1=0.0, rows=0),
        ClassFigures(precision=1.0, recall=1.0, f1=1.0, rows=1),
    ]


def test_what_never_came_and_was_never_guessed_has_no_figures() -> None:
    assert class_figures(counted([(0, 0)]))[1] == ClassFigures(None, None, None, 0)


@given(rows)
def test_every_row_is_counted_once(pairs: Rows) -> None:
    counts = counted(pairs)
    assert counts.sum() == len(pairs)
    assert [figures.rows for figures in class_figures(counts)] == [sum(t == c for t, _ in pairs) for c in range(3)]


@given(rows)
def test_f1_is_the_harmonic_mean(pairs: Rows) -> None:
    for figures in class_figures(counted(pairs)):
        if figures.precision and figures.recall:
            mean = 2 * figures.precision * figures.recall / (figures.precision + figures.recall)
            assert figures.f1 == pytest.approx(mean, abs=2e-4)


def test_the_worst_pairs_come_first() -> None:
    found = worst_pairs(counted([(0, 0), (0, 1), (1, 2), (1, 2), (2, 1), (2, 2), (2, 2)]), LABELS, 2)
    assert [(pair.truth, pair.taken_for, pair.rows, pair.share) for pair in found] == [
        ("b", "c", 2, 1.0),
        ("a", "b", 1, 0.5),
    ]


@given(rows)
def test_pairs_are_the_mistakes(pairs: Rows) -> None:
    found = worst_pairs(counted(pairs), LABELS, 100)
    assert sum(pair.rows for pair in found) == sum(true != guessed for true, guessed in pairs)
    assert all(pair.truth != pair.taken_for and 0 < pair.share <= 1 for pair in found)
    assert [pair.rows for pair in found] == sorted((pair.rows for pair in found), reverse=True)
