"""The population stability index, and the window that measures drift with it."""

from __future__ import annotations

import math
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.registry.psi import ALARM, CONFIDENCE_BINS, LABEL_BINS, WATCH, DriftWindow, level, psi

counts = st.lists(st.integers(0, 10_000), min_size=1, max_size=20)
pairs = st.integers(1, 20).flatmap(
    lambda bins: st.tuples(*(st.lists(st.integers(0, 10_000), min_size=bins, max_size=bins) for _ in range(2)))
)
turns = st.lists(st.tuples(st.sampled_from("abcdefghijklmnop"), st.floats(0.0, 1.0)), max_size=60)


@given(pairs)
def test_it_is_never_negative_and_the_same_both_ways(pair: tuple[list[int], list[int]]) -> None:
    one, other = pair
    found = psi(one, other)
    assert found >= 0.0
    assert math.isclose(found, psi(other, one), abs_tol=1e-12)


@given(counts)
def test_equal_samples_have_none(sample: list[int]) -> None:
    assert psi(sample, sample) == 0.0


def test_by_hand() -> None:
    # With Laplace's one more in each bin: shares 9/10, 1/10 and 5/10, 5/10.
    expected = (0.5 - 0.9) * math.log(0.5 / 0.9) + (0.5 - 0.1) * math.log(0.5 / 0.1)
    assert math.isclose(psi([8, 0], [4, 4]), expected)


@pytest.mark.parametrize(("one", "other", "said"), [
    ([], [], "0 and 0 bins"), ([1], [1, 2], "1 and 2 bins"), ([1, -1], [1, 1], "negative"),
])  # fmt: skip
def test_what_can_not_be_compared(one: list[int], other: list[int], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        psi(one, other)


def test_the_usual_thresholds() -> None:
    assert [level(index) for index in (0.0, 0.099, WATCH, 0.249, ALARM, 3.0)] == [
        "ok", "ok", "watch", "watch", "alarm", "alarm",
    ]  # fmt: skip


def told(window: DriftWindow, turns: list[tuple[str, float]]) -> DriftWindow:
    for label, confidence in turns:
        window.add(label, confidence)
    return window


@given(turns, turns)
def test_a_window_forgets_all_but_its_last_turns(
    before: list[tuple[str, float]], last: list[tuple[str, float]]
) -> None:
    reference = [("a", 0.5)] * 5
    full = (last * 10)[:10] if last else [("b", 0.9)] * 10
    assert (
        told(DriftWindow(5, 10), [*reference, *before, *full]).psi()
        == told(DriftWindow(5, 10), [*reference, *full]).psi()
    )


@given(turns)
def test_it_says_nothing_before_it_is_full(seen: list[tuple[str, float]]) -> None:
    window = told(DriftWindow(20, 30), seen)
    assert window.ready == (len(seen) >= 50)
    assert set(window.psi()) == ({"class", "confidence"} if window.ready else set())


@given(turns, st.randoms(use_true_random=False))
def test_the_order_within_the_reference_does_not_matter(seen: list[tuple[str, float]], random: Random) -> None:
    if not seen:
        return
    shuffled = random.sample(seen, len(seen))
    after = [("c", 0.3)] * 3
    assert told(DriftWindow(len(seen), 3), [*seen, *after]) == told(DriftWindow(len(seen), 3), [*shuffled, *after])


def test_the_same_turns_have_no_drift() -> None:
    seen = [(label, confidence / 10) for label in "abcdefgh" for confidence in range(10)]
    found = told(DriftWindow(80, 80), seen * 2).psi()
    assert found == {"class": 0.0, "confidence": 0.0}


def test_labels_beyond_the_frequent_ones_share_a_bin() -> None:
    reference = [(str(number), 0.5) for number in range(50) for _ in range(50 - number)]
    window = DriftWindow(len(reference), 100)
    rare = told(window, [*reference, *[("49", 0.5)] * 100]).psi()["class"]
    other = told(DriftWindow(len(reference), 100), [*reference, *[("never seen", 0.5)] * 100]).psi()["class"]
    assert rare == other > 0
    assert LABEL_BINS == 10


def test_every_confidence_has_a_bin() -> None:
    window = told(DriftWindow(1, 6), [("a", 0.0)] + [("a", value) for value in (-1.0, 0.0, 0.05, 1.0, 7.0, math.inf)])
    assert window.turns == 7
    window.add("a", math.nan)
    assert window.turns == 7
    assert window.psi()["confidence"] == psi([1] + [0] * 9, [3] + [0] * (CONFIDENCE_BINS - 2) + [3])


def test_chance_alone_raises_no_alarm_and_a_new_world_does() -> None:
    # As chat has them: 150 intents by Zipf's law, confidence mostly high.
    random = Random(7)
    weights = [1 / rank for rank in range(1, 151)]

    def seen(number: int, turn: int = 1) -> list[tuple[str, float]]:
        labels = random.choices(range(150), weights, k=number)
        return [(str(label * turn % 150), random.betavariate(8 / turn, 2)) for label in labels]

    highest = {"class": 0.0, "confidence": 0.0}
    for _ in range(40):
        for name, index in told(DriftWindow(), seen(1_500)).psi().items():
            highest[name] = max(highest[name], index)
    assert max(highest.values()) < WATCH, highest
    moved = told(DriftWindow(), seen(1_000) + seen(500, turn=7)).psi()
    assert min(moved.values()) > ALARM, moved


def test_no_window_without_turns() -> None:
    with pytest.raises(ValueError, match="one turn at least"):
        DriftWindow(0, 10)
