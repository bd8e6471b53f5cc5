"""Figures that add up: those of the whole from those of the parts."""

from __future__ import annotations

import math
from bisect import bisect_left
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.chat.rollup import (
    LATENCY_MS,
    MAX_REWARDS,
    MOOD_MS,
    RATE_MS,
    SKETCH_SIZE,
    RecentRewards,
    Sample,
    Window,
    Windows,
    cluster,
    distinct,
    percentile,
    sketch,
)
from server.chat.signals import WorkerFigures
from server.telemetry import ANALYSIS_S, TURN_S, Totals, Usage

BOUNDS = (1.0, 2.0, 5.0, 10.0)
shares = st.floats(0.0, 1.0)
values = st.lists(st.floats(0.001, 9.999), min_size=1, max_size=50)


def counts_of(observed: list[float]) -> list[int]:
    counts = [0] * (len(BOUNDS) + 1)
    for value in observed:
        counts[bisect_left(BOUNDS, value)] += 1
    return counts


class TestPercentile:
    def test_nothing_observed(self) -> None:
        assert percentile(BOUNDS, [0, 0, 0, 0, 0], 0.5) == 0.0
        assert percentile(BOUNDS, [], 0.5) == 0.0

    def test_it_interpolates_within_the_bucket(self) -> None:
        assert percentile(BOUNDS, [0, 0, 4, 0, 0], 0.5) == 3.5
        assert percentile(BOUNDS, [1, 1, 0, 0, 0], 0.5) == 1.0
        assert percentile(BOUNDS, [1, 1, 0, 0, 0], 0.75) == 1.5
        assert percentile(BOUNDS, [4, 0, 0, 0, 0], 0.25) == 0.25

    def test_above_the_last_bound_the_bound_is_all_that_is_known(self) -> None:
        assert percentile(BOUNDS, [0, 0, 0, 0, 3], 0.5) == 10.0

    @given(values, shares)
    def test_it_lies_in_the_bucket_of_the_true_one(self, observed: list[float], share: float) -> None:
        true = sorted(observed)[max(math.ceil(share * len(observed)) - 1, 0)]
        place = bisect_left(BOUNDS, true)
        found = percentile(BOUNDS, counts_of(observed), share)
        assert (BOUNDS[place - 1] if place else 0.0) <= found <= BOUNDS[place]

    @given(values, shares, shares)
    def test_it_grows_with_the_share(self, observed: list[float], one: float, other: float) -> None:
        low, high = sorted((one, other))
        counts = counts_of(observed)
        assert percentile(BOUNDS, counts, low) <= percentile(BOUNDS, counts, high)

    @given(values, shares, st.integers(2, 5))
    def test_many_alike_say_what_one_says(self, observed: list[float], share: float, times: int) -> None:
        counts = counts_of(observed)
        together = [count * times for count in counts]
        assert percentile(BOUNDS, together, share) == pytest.approx(percentile(BOUNDS, counts, share))


class TestSketch:
    @given(st.lists(st.sets(st.text(max_size=5), max_size=40), max_size=4))
    def test_small_sets_are_counted_exactly(self, sets: list[set[str]]) -> None:
        assert distinct(map(sketch, sets)) == len(set().union(*sets))

    def test_it_does_not_matter_who_has_what(self) -> None:
        names = [f"conv:{number}" for number in range(5_000)]
        whole = distinct([sketch(names)])
        assert distinct([sketch(names[:4_000]), sketch(names[1_000:])]) == whole
        assert distinct([sketch(names), sketch(names)]) == whole

    @pytest.mark.parametrize("count", [SKETCH_SIZE + 1, 5_000, 50_000])
    def test_large_sets_are_estimated(self, count: int) -> None:
        found = distinct([sketch(f"conv:{number}" for number in range(count))])
        assert abs(found - count) < 4 * count / math.sqrt(SKETCH_SIZE)

    def test_what_is_too_old_to_be_asked_for_goes(self) -> None:
        rewards = RecentRewards()
        for minute in range(60):
            rewards.add(f"d{minute}", "warm", 1.0, None, minute * 60_000)
        assert len(rewards) == MOOD_MS // 60_000 + 1

    def test_it_is_bounded(self) -> None:
        hashes = sketch(f"conv:{number}" for number in range(5_000))
        assert len(hashes) == SKETCH_SIZE + 1
        assert all(low < high for low, high in pairwise(hashes))


def sample(at_ms: float, cpu_s: float = 0.0, **counted: object) -> Sample:
    return Sample(at_ms, Totals(**counted), Usage(cpu_s, 1_000))  # type: ignore[arg-type]


class TestWindows:
    @given(st.lists(st.floats(1.0, 2_000.0), min_size=1, max_size=400))
    def test_a_window_reaches_back_its_length_and_little_more(self, steps: list[float]) -> None:
        window, at_ms = Window(RATE_MS), 0.0
        window.add(sample(0.0))
        for step in steps:
            at_ms += step
            window.add(sample(at_ms))
        age_ms = at_ms - window.oldest(sample(at_ms)).at_ms
        assert age_ms <= RATE_MS + max(steps) + RATE_MS / 30
        assert age_ms >= min(RATE_MS, at_ms) - max(steps) - RATE_MS / 30

    def test_the_first_sample_has_no_rate(self) -> None:
        windows, now = Windows(), sample(0.0, messages=100)
        windows.add(now)
        found = windows.figures("w", now, [])
        assert (found.messages_per_s, found.cpu, sum(found.turn_counts)) == (0.0, 0.0, 0)

    def test_rates_are_of_seconds_and_moods_of_minutes(self) -> None:
        windows = Windows()
        for second in range(0, 601):
            now = sample(
                second * 1_000.0, cpu_s=second * 0.5, messages=second * 10, turns=second, handoffs=second // 10
            )
            windows.add(now)
        found = windows.figures("w", now, ["conv:a"])
        assert (found.messages_per_s, found.turns_per_s, found.cpu) == (10.0, 1.0, 0.5)
        assert (found.turns, found.handoffs) == (MOOD_MS / 1000, MOOD_MS / 10_000)
        assert found.conversations == sketch(["conv:a"])

    def test_latencies_are_of_the_last_minute(self) -> None:
        windows, slow = Windows(), [0] * len(TURN_S) + [7]
        windows.add(sample(0.0))
        windows.add(sample(1_000.0, turn_counts=tuple(slow), outbox_drops=9))
        now = sample(1_000.0)
        for second in range(2, 100):
            quick = (second, *slow[1:])
            now = sample(second * 1_000.0, turn_counts=quick, outbox_drops=9 + second)
            windows.add(now)
        found = windows.figures("w", now, [])
        assert found.turn_counts[-1] == 0
        assert found.turn_counts[0] == found.outbox_drops == pytest.approx(LATENCY_MS / 1000, abs=2)

    def test_decisions_by_persona(self) -> None:
        windows = Windows()
        windows.add(sample(0.0, decisions={"warm": 3}))
        now = sample(1_000.0, decisions={"warm": 5, "calm": 1})
        windows.add(now)
        assert windows.figures("w", now, []).decisions == {"warm": 2, "calm": 1}


class TestRewards:
    def test_a_decision_counts_once_with_its_last_reward(self) -> None:
        rewards = RecentRewards()
        rewards.add("d1", "warm", 0.2, None, 0)
        rewards.add("d2", "warm", 0.6, None, 0)
        rewards.add("d1", "warm", 1.0, 0.2, 5)
        rewards.add("d3", "calm", 0.5, None, 5)
        assert rewards.means(10) == {"warm": 0.8, "calm": 0.5}

    def test_who_was_not_rewarded_lately_keeps_the_mean_of_all(self) -> None:
        rewards = RecentRewards()
        rewards.add("d1", "warm", 0.2, None, 0)
        rewards.add("d1", "warm", 0.4, 0.2, 0)
        rewards.add("d2", "warm", 0.8, None, 0)
        rewards.add("d3", "calm", 0.5, None, MOOD_MS)
        rewards.add("d4", "calm", 1.0, None, 2 * MOOD_MS)
        assert rewards.means(2 * MOOD_MS + 1) == pytest.approx({"warm": 0.6, "calm": 1.0})

    def test_it_is_bounded(self) -> None:
        rewards = RecentRewards()
        for number in range(MAX_REWARDS + 10):
            rewards.add(f"d{number}", "warm", float(number >= 10), None, 0)
        assert rewards.means(0) == {"warm": 1.0}


def report(worker: str, **changes: object) -> WorkerFigures:
    figures = Windows().figures(worker, sample(0.0), [])
    return WorkerFigures(**{name: getattr(figures, name) for name in figures.__struct_fields__} | changes)


class TestCluster:
    def test_an_idle_worker_has_every_field_of_the_contract(self) -> None:
        found = cluster([report("a")], {}, 17)
        (worker,) = found.pop("per_worker")
        assert worker["worker"] == "a" and "disk_free" not in worker and worker["redis_away"] is False
        assert found == {
            "at_ms": 17, "workers": 1, "connections": 0, "conversations": 0, "messages_per_s": 0.0, "turns_per_s": 0.0,
            "turn_ms": {"p50": 0.0, "p95": 0.0, "p99": 0.0}, "analysis_ms": {"p50": 0.0, "p95": 0.0, "p99": 0.0},
            "deliveries_per_s": 0.0, "outbox_drops": 0, "sentiment_mean": 0.0, "escalation_rate": 0.0, "personas": {},
            "errors_per_s": 0.0, "cpu": 0.0, "rss_bytes": 1_000,
        }  # fmt: skip

    def test_two_workers_add_up(self) -> None:
        quick, slow = [0] * (len(TURN_S) + 1), [0] * (len(TURN_S) + 1)
        quick[TURN_S.index(0.002)], slow[TURN_S.index(0.1)] = 90, 10
        one = report(
            "a", connections=3, conversations=sketch(["conv:1", "conv:2"]), messages_per_s=2.0, cpu=0.25, rss_bytes=100,
            turn_counts=quick, sentiment_sum=-2.0, sentiment_count=4, turns=8, handoffs=1, decisions={"warm": 3},
        )  # fmt: skip
        other = report(
            "b", connections=4, conversations=sketch(["conv:2", "conv:3"]), messages_per_s=1.5, cpu=0.5, rss_bytes=50,
            turn_counts=slow, sentiment_sum=1.0, sentiment_count=1, turns=2, handoffs=1,
            decisions={"warm": 1, "calm": 4, "dry": 0},
        )  # fmt: skip
        found = cluster([one, other], {"warm": 0.75, "gone": 0.1}, 0)
        assert (found["workers"], found["connections"], found["conversations"]) == (2, 7, 3)
        assert (found["messages_per_s"], found["cpu"], found["rss_bytes"]) == (3.5, 0.75, 150)
        assert (found["sentiment_mean"], found["escalation_rate"]) == (-0.2, 0.2)
        assert found["personas"] == {"calm": {"share": 0.5, "reward": 0.0}, "warm": {"share": 0.5, "reward": 0.75}}
        assert 1.0 < found["turn_ms"]["p50"] <= 2.0
        assert 50.0 < found["turn_ms"]["p95"] <= 100.0

    def test_nobody_reports(self) -> None:
        assert cluster([], {}, 0)["workers"] == 0

    def test_buckets_of_another_release_are_left_out(self) -> None:
        counts = [1] * (len(ANALYSIS_S) + 1)
        found = cluster([report("a", analysis_counts=counts), report("b", analysis_counts=[1, 2])], {}, 0)
        assert found["analysis_ms"] == cluster([report("a", analysis_counts=counts)], {}, 0)["analysis_ms"]

    def test_more_hand_offs_than_turns_are_a_rate_of_one(self) -> None:
        assert cluster([report("a", handoffs=3)], {}, 0)["escalation_rate"] == 1.0
