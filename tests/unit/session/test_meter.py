"""How many frames a connection may send."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from server.limits import Quota
from server.session.meter import Meter

QUOTA = Quota("frames", burst=3, every_ms=10)


def test_a_burst_passes_and_then_one_at_a_time() -> None:
    meter = Meter(QUOTA, patience=10)
    assert [meter.wait_ms(0) > 0 for _ in range(5)] == [False, False, False, True, True]
    assert meter.wait_ms(10) == 0
    assert meter.wait_ms(10) > 0


def test_who_goes_on_is_to_be_thrown_out() -> None:
    meter = Meter(QUOTA, patience=2)
    for _ in range(5):
        meter.wait_ms(0)
    assert not meter.exhausted
    meter.wait_ms(0)
    assert meter.exhausted


def test_a_frame_that_passes_ends_the_row() -> None:
    meter = Meter(QUOTA, patience=2)
    for _ in range(5):
        meter.wait_ms(0)
    meter.wait_ms(100)
    assert meter.refused == 0


def test_without_a_quota_everything_passes() -> None:
    meter = Meter(None)
    assert not any(meter.wait_ms(0) for _ in range(1_000))
    assert not meter.exhausted


@given(st.lists(st.floats(0, 40), max_size=60))
def test_no_window_sees_more_than_the_burst_and_the_rate(gaps_ms: list[float]) -> None:
    meter, now_ms, passed = Meter(QUOTA, patience=1_000), 0.0, []
    for gap_ms in gaps_ms:
        now_ms += gap_ms
        if meter.wait_ms(now_ms) == 0:
            passed.append(now_ms)
    for first, start_ms in enumerate(passed):
        for last in range(first, len(passed)):
            assert last - first + 1 <= QUOTA.burst + (passed[last] - start_ms) / QUOTA.every_ms + 1e-6
