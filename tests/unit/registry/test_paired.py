"""The interval of a difference between two versions that read the same texts."""

from __future__ import annotations

import math
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.registry.paired import MIN_LABELS, Z_95, paired, score_interval

PAIRS = st.tuples(st.integers(0, 60), st.integers(0, 60), st.integers(0, 400)).filter(lambda found: sum(found) > 0)


@given(PAIRS)
def test_the_interval_holds_the_estimate_and_turns_with_the_roles(counts: tuple[int, int, int]) -> None:
    gained, lost, same = counts
    pairs = gained + lost + same
    low, high = score_interval(gained, lost, pairs)
    assert -1.0 <= low <= (gained - lost) / pairs <= high <= 1.0
    assert score_interval(lost, gained, pairs) == (-high, -low)


@given(PAIRS)
def test_it_leaves_out_no_difference_exactly_where_mcnemar_finds_one(counts: tuple[int, int, int]) -> None:
    gained, lost, same = counts
    low, high = score_interval(gained, lost, gained + lost + same)
    found = abs(gained - lost) > Z_95 * math.sqrt(gained + lost)
    assert found == (low > 1e-9 or high < -1e-9)


def test_the_ends_are_where_the_score_reaches_its_quantile() -> None:
    # By hand: with nothing gained or lost the statistic is -n d / sqrt(n d (1 - d)), so d = z² / (n + z²).
    end = Z_95**2 / (40 + Z_95**2)
    assert score_interval(0, 0, 40) == pytest.approx((-end, end))


def test_it_covers_what_it_promises_where_few_texts_differ() -> None:
    rng, covered, rounds = Random(4), 0, 2_000
    for _ in range(rounds):
        drawn = [rng.random() for _ in range(60)]
        gained, lost = sum(one < 0.02 for one in drawn), sum(one > 0.92 for one in drawn)
        low, high = score_interval(gained, lost, 60)
        covered += low <= -0.06 <= high
    assert 0.93 <= covered / rounds <= 0.98


def test_few_labels_refuse_nobody() -> None:
    few = paired([(True, False)] * (MIN_LABELS - 1))
    assert (few.high < 0, few.is_enough, few.is_worse) == (True, False, False)
    assert paired([(True, False)] * MIN_LABELS).is_worse


def test_it_tells_itself() -> None:
    found = paired([(True, True)] * 60 + [(True, False)] * 30 + [(False, True)] * 10)
    assert (found.champion_right, found.candidate_right, found.gained, found.lost) == (90, 70, 10, 30)
    assert found.is_worse
    assert str(found).startswith(
        "of 100 turns that people labelled it reads 70 right, the champion 90 (-20.0 points, 95 % interval -31."
    )


@pytest.mark.parametrize(("gained", "lost", "pairs"), [(0, 0, 0), (1, 1, 1), (-1, 0, 3)])
def test_what_can_not_be(gained: int, lost: int, pairs: int) -> None:
    with pytest.raises(ValueError, match="can't differ"):
        score_interval(gained, lost, pairs)
