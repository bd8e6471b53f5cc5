"""What the benchmark of roll-outs makes of the turns it saw."""

from __future__ import annotations

import pytest

from loadtest.bench_rollout import Plan, Taken, Turn, step_figures

PLAN = Plan(workers=2, seconds=4.0)
OLD, NEW = "nlu-1", "nlu-2"


def turn(worker: int, sent_s: float, model: str, took_s: float = 0.1, channel: str = "conv:a") -> Turn:
    return Turn(worker, channel, sent_s, sent_s + took_s, sent_s + took_s / 2, model)


STEP = Taken("promote", 100.0, 100.5, lambda _: OLD, lambda _: NEW)


def test_every_worker_counts_and_the_last_old_answer_is_told() -> None:
    turns = [
        turn(0, 99.0, OLD), turn(1, 99.5, OLD, 0.3), turn(0, 100.4, OLD), turn(0, 100.6, NEW, 0.8),
        turn(1, 101.0, OLD), turn(1, 101.2, NEW), turn(0, 103.0, NEW, 9.0),
    ]  # fmt: skip
    found = step_figures(STEP, turns, PLAN)
    assert found == {
        "step": "promote",
        "asked_ms": 500.0,
        "everywhere_ms": pytest.approx(1_250.0, abs=0.1),
        "last_old_ms": pytest.approx(1_100.0, abs=0.1),
        "slowest_ms": pytest.approx(800.0, abs=0.1),
        "median_ms": pytest.approx(100.0, abs=0.1),
        "quiet_slowest_ms": pytest.approx(300.0, abs=0.1),
        "quiet_median_ms": pytest.approx(100.0, abs=0.1),
    }


def test_a_worker_that_stays_behind_is_none() -> None:
    turns = [turn(0, 100.6, NEW), turn(1, 101.0, OLD), turn(1, 105.0, NEW)]
    assert step_figures(STEP, turns, PLAN, until_s=104.0)["everywhere_ms"] is None
    assert step_figures(STEP, turns, PLAN)["everywhere_ms"] is not None


def test_of_a_canary_only_its_conversations_count() -> None:
    step = Taken("canary", 100.0, 100.1, lambda _: OLD, lambda channel: NEW if channel == "conv:a" else OLD)
    turns = [
        turn(0, 100.2, NEW), turn(1, 100.3, NEW), turn(0, 102.0, OLD, channel="conv:b"),
        turn(1, 102.0, NEW, channel="conv:b"),
    ]  # fmt: skip
    found = step_figures(step, turns, PLAN)
    assert (found["everywhere_ms"], found["last_old_ms"]) == (350.0, 0.0)


def test_nothing_seen_is_nothing_told() -> None:
    found = step_figures(STEP, [], PLAN)
    assert (found["everywhere_ms"], found["slowest_ms"], found["quiet_median_ms"]) == (None, None, None)
