"""What the benchmark of workers makes of its rounds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest import bench_workers
from loadtest.bench_workers import Round, figures, ratio
from loadtest.openloop import Tally
from loadtest.workers import workers
from loadtest.workers_meter import Reading


def taken(cpu_s: float, turns: int = 10, commits: int = 30) -> Round:
    tally = Tally(round_trips_ms=[2.0] * turns, answers_ms=[5.0] * turns, lags_ms=[0.1] * turns)
    return Round(tally, Reading(at_s=1.0, workers_s=cpu_s, commits=commits, redis_commands=turns), [6.0] * turns)


def test_a_chats_figures_are_per_turn() -> None:
    found = figures([taken(0.03), taken(0.05), taken(0.9)])
    assert found["turns"] == 30
    assert found["server_cpu_ms_per_turn"] == 5.0  # the median round's
    assert found["commits"] == 3.0
    assert found["redis_commands"] == 1.0
    assert found["answer_ms"]["p50"] == 5.0
    assert found["answer_at_agent_ms"]["p99"] == 6.0
    assert found["failures"] == 0


def test_ratios_are_of_rounds_that_were_taken_together() -> None:
    rounds = [{"pair": taken(0.06), "alone": taken(0.05)}, {"pair": taken(0.22), "alone": taken(0.2)}]
    assert ratio(rounds, "pair", "alone") == {"median": 1.15, "least": 1.1, "most": 1.2}


def test_a_round_in_which_nothing_was_used_has_no_ratio() -> None:
    assert ratio([{"pair": taken(0.1), "alone": taken(0.0)}], "pair", "alone") == {}


@given(st.lists(st.integers(0, 10**9), min_size=20, max_size=20))
def test_bills_add_up(numbers: list[int]) -> None:
    one, two = Reading(*numbers[:10]), Reading(*numbers[10:])
    assert one + two - two == one
    assert one - one == Reading()


def test_a_bill_without_turns_is_not_divided_by_nothing() -> None:
    assert Reading(commits=3).per_turn(0)["commits"] == 3.0


def test_several_workers_without_back_ends_are_refused() -> None:
    with pytest.raises(ValueError, match="need a database_url and a redis_url"), workers(2):
        pass


def test_what_can_not_be_started_is_exit_code_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def no_postgresql(_: object) -> None:
        raise RuntimeError("PostgreSQL is not installed")

    monkeypatch.setattr(bench_workers, "report", no_postgresql)
    assert bench_workers.main([]) == 2
    assert "PostgreSQL is not installed" in capsys.readouterr().err
