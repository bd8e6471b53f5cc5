"""Counts that add up, whoever made them, and what they say of all workers."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.analysis import Analysis
from inference.registry.everywhere import PERIOD_MS, Agreed, everywhere, wilson
from inference.registry.live import Live
from inference.registry.psi import ALARM, WATCH, DriftWindow
from inference.registry.slices import Counts, Slice, drift, from_json, merge_json, to_json, total
from tests.unit.inference.support import analysis

READ = st.builds(
    lambda intent, sure, latency_us, cached: replace(
        analysis(intent), intent_confidence=sure, latency_us=latency_us, cached=cached
    ),
    st.sampled_from(("balance", "weather", "ünd so", "\x00")),
    st.one_of(
        st.sampled_from((0.0, 0.25, 0.5, 1.0, float("nan"), -1.0, 7.0)), st.integers(0, 64).map(lambda n: n / 64)
    ),
    st.integers(0, 10**8),
    st.booleans(),
)


def counted(read: list[Analysis]) -> Counts:
    counts = Counts()
    for one in read:
        counts.answer(one)
    return counts


@given(st.lists(READ, max_size=20), st.integers(0, 20))
def test_it_does_not_matter_who_counted_what(read: list[Analysis], place: int) -> None:
    parts = [counted(read[:place]), counted(read[place:])]
    assert total(parts) == total(parts[::-1]) == counted(read)
    assert from_json(merge_json([to_json(one) for one in parts])) == counted(read)


@given(st.lists(st.integers(100, 10**7), min_size=1, max_size=50), st.sampled_from((0.05, 0.5, 0.95)))
def test_a_quantile_is_within_a_tenth(latencies: list[int], quantile: float) -> None:
    counts = counted([replace(analysis(), latency_us=one, cached=False) for one in latencies])
    exact = sorted(latencies)[max(0, -int(-quantile * len(latencies) // 1) - 1)]
    found = counts.latency_us(quantile)
    assert found is not None
    assert 0.9 < found / exact < 1.1


def test_what_is_no_counts_is_named() -> None:
    for content in (b"{}", b"[]", b"nonsense", b'{"answered": 1}', to_json(Counts()).replace(b"0", b"[]")):
        with pytest.raises(ValueError, match=r"missing|Expected|malformed|invalid"):
            from_json(content)


def test_what_could_not_be_stored_is_counted_with_the_next() -> None:
    live = Live()
    for confidence in (0.5, 0.7):
        live.observe(replace(analysis(), model="nlu-1", intent_confidence=confidence))
    taken = live.drain()
    assert live.drain() == {}
    live.of("nlu-2").compared(replace(analysis(), latency_us=900), ("act",))
    live.give_back(taken)
    found = live.drain()
    assert found["nlu-1"].answered == 2
    assert found["nlu-1"].confidence_sum == pytest.approx(1.2)
    assert (found["nlu-2"].compared, found["nlu-2"].disagreed, found["nlu-2"].latency.total()) == (
        1, Counter({"act": 1}), 1,
    )  # fmt: skip
    assert live.figures()["nlu-1"].answered == 2


def slices_of(read: list[Analysis], each: int, rng: Random) -> list[Slice]:
    """In slices of so many turns, in the order in which some database gives them."""
    made = [
        Slice("nlu-1", place, place + each, counted(read[place : place + each])) for place in range(0, len(read), each)
    ]
    rng.shuffle(made)
    return made


def test_drift_over_workers_is_that_of_one_worker_that_read_all() -> None:
    rng = Random(3)
    read = [
        replace(analysis(rng.choice(("balance", "weather", "greeting"))), intent_confidence=rng.random())
        for _ in range(1_500)
    ]
    read[1_000:] = [replace(one, intent="order_status" if rng.random() < 0.2 else one.intent) for one in read[1_000:]]
    window = DriftWindow()
    for one in read:
        window.add(one.intent, one.intent_confidence)
    assert drift(slices_of(read, 50, rng)) == pytest.approx(window.psi())
    assert drift(slices_of(read, 50, rng)[1:]) == {}  # one slice less: not enough for both
    assert drift([]) == {}


def test_chance_alone_raises_nothing_and_other_customers_do() -> None:
    rng = Random(8)
    usual = [replace(analysis(rng.choice(("balance", "weather"))), intent_confidence=0.9) for _ in range(2_000)]
    assert max(drift(slices_of(usual, 25, rng)).values()) < WATCH
    other = [replace(analysis("greeting"), intent_confidence=0.3) for _ in range(500)]
    assert min(drift(slices_of(usual + other, 25, rng)).values()) > ALARM


def test_figures_are_of_the_last_day_and_shares_of_all_versions() -> None:
    now_ms = 10 * PERIOD_MS
    early = Slice(
        "nlu-1", 0, 10, Counts(answered=500, confidence_sum=1.0, confidence=Counter([0]), labels=Counter(["a"]))
    )
    late = [
        Slice(version, now_ms - 20, now_ms - 10, counted([replace(analysis(), latency_us=us, cached=False)] * turns))
        for version, us, turns in (("nlu-1", 1_000, 3), ("nlu-2", 4_000, 1))
    ]
    found = everywhere([early, *late], {"nlu-1": Agreed(40, 22), "nlu-0": Agreed(3, 3)}, now_ms)
    assert {name: (one.answered, one.share) for name, one in found.items()} == {
        "nlu-0": (0, 0.0), "nlu-1": (3, 0.75), "nlu-2": (1, 0.25),
    }  # fmt: skip
    assert found["nlu-2"].latency_p50_us == pytest.approx(4_000, rel=0.1)
    assert (found["nlu-1"].agreement, found["nlu-2"].agreement) == (0.55, None)
    assert (found["nlu-1"].agreement_low, found["nlu-1"].agreement_high) == pytest.approx((0.3983, 0.6929), abs=1e-3)
    assert (found["nlu-0"].confidence, found["nlu-0"].latency_p95_us, found["nlu-0"].drift) == (None, None, None)


@given(st.integers(0, 200), st.integers(0, 200))
def test_wilsons_interval_holds_the_share(hits: int, misses: int) -> None:
    if hits + misses == 0:
        with pytest.raises(ValueError, match="no share"):
            wilson(hits, 0)
        return
    low, high = wilson(hits, hits + misses)
    assert 0.0 <= low <= hits / (hits + misses) <= high <= 1.0
    assert wilson(misses, hits + misses) == pytest.approx((1 - high, 1 - low))


@pytest.mark.parametrize(
    ("said", "fallen"),
    [
        (Agreed(200, 100, 100, 20), True),  # 80 of 100 before, 20 of 100 now
        (Agreed(200, 120, 100, 55), False),  # 65 and 55: chance
        (Agreed(129, 100, 29, 0), False),  # too few now
        (Agreed(129, 29, 100, 0), False),  # too few before
        (Agreed(80, 80, 41, 40), False),  # 39 before, 40 of them agreed: somebody labelled between two reads
        (Agreed(), False),
    ],
)
def test_agreement_falls_beyond_chance_only(said: Agreed, fallen: bool) -> None:
    assert said.has_fallen is fallen
