"""How many customers a scenario wants at which moment, and the limits that a run has to keep."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.results import Entry
from loadtest.scenarios import SCENARIOS
from loadtest.thresholds import ThresholdError, judge, parse


@given(
    name=st.sampled_from(sorted(SCENARIOS)),
    elapsed_s=st.floats(0, 1_000),
    customers=st.integers(1, 10_000),
    duration_s=st.floats(1, 900),
)
def test_there_is_always_somebody_and_never_more_than_asked_for(
    name: str, elapsed_s: float, customers: int, duration_s: float
) -> None:
    wanted = SCENARIOS[name].customers_at(elapsed_s, customers, duration_s)
    assert (wanted is None) == (elapsed_s >= duration_s)
    assert wanted is None or 1 <= wanted <= customers


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("steady", [100, 100, 100, 100, 100]),
        ("ramp", [1, 25, 50, 100, 100]),
        ("spike", [20, 20, 100, 20, 20]),
        ("storm", [100, 100, 100, 100, 100]),
    ],
)
def test_curves(name: str, wanted: list[int]) -> None:
    assert [SCENARIOS[name].customers_at(at_s, 100, 100) for at_s in (0, 20, 40, 80, 99)] == wanted


def test_staff() -> None:
    assert SCENARIOS["mixed"].staff(100, 0) == 5 and SCENARIOS["mixed"].staff(3, 0) == 1
    assert SCENARIOS["mixed"].staff(100, 7) == 7
    assert SCENARIOS["broadcast"].staff(100, 0) == 1 and SCENARIOS["steady"].staff(100, 5) == 0


def entry(name: str, requests: int = 100, failures: int = 1) -> Entry:
    return Entry(name, requests, failures, 10.0, 5.0, 6.5, 40.0, {"50%": 5.0, "95%": 12.0, "99%": 30.0})


ENTRIES = [entry("send -> ack"), entry("send -> answer", failures=3), entry("resume", requests=0, failures=0)]


@pytest.mark.parametrize(
    ("text", "measured", "kept"),
    [
        ("send -> answer: p95 < 12.5", 12.0, True),
        ("send -> answer:p95<12", 12.0, False),
        ("send -> answer: mean > 6", 6.5, True),
        ("send -> ack: max < 39", 40.0, False),
        ("send -> answer: failures < 0.02", 0.03, False),
        ("all: failures < 0.021", 0.02, True),
        ("all: per_s > 19", 20.0, True),
        ("all: count > 200", 200.0, False),
        ("resume: failures < 1", None, False),
        ("nobody: p50 < 1", None, False),
        ("send -> ack: p75 < 1", None, False),
    ],
)
def test_thresholds(text: str, measured: float | None, kept: bool) -> None:
    verdict = judge(parse(text), ENTRIES)
    assert (verdict.measured, verdict.kept) == (measured, kept)
    assert str(parse(str(parse(text)))) == verdict.threshold


@pytest.mark.parametrize(
    "text", ["", "p95 < 3", "a: p95", "a: p95 <= 3", "a: p42 < 3", "a: p95 < fast", "all: p95 < 3"]
)
def test_no_thresholds(text: str) -> None:
    with pytest.raises(ThresholdError, match=r"write one|name one"):
        parse(text)
