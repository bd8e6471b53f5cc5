"""The limiter of one process: its clock, and that its memory is bounded."""

from __future__ import annotations

import pytest

from server.backplane.memory import MemoryLimiter
from server.clock import ManualClock
from server.limits import Quota

QUOTA = Quota("messages", burst=3, every_ms=1_000)


def test_time_brings_actions_back() -> None:
    clock = ManualClock()
    limiter = MemoryLimiter(clock)
    assert [limiter.take_now(QUOTA, "ann") for _ in range(4)] == [0, 0, 0, 1_000]
    clock.advance(999.5)
    assert limiter.take_now(QUOTA, "ann") == 1
    clock.advance(0.5)
    assert limiter.take_now(QUOTA, "ann") == 0
    assert limiter.take_now(QUOTA, "ann") == 1_000


def test_a_step_of_the_wall_clock_changes_nothing() -> None:
    clock = ManualClock()
    limiter = MemoryLimiter(clock)
    for _ in range(3):
        limiter.take_now(QUOTA, "ann")
    for step_ms in (3_600_000, -7_200_000):
        clock.wall_ms += step_ms
        assert limiter.take_now(QUOTA, "ann") == 1_000


async def test_it_is_a_limiter() -> None:
    limiter = MemoryLimiter(ManualClock())
    assert [await limiter.take(QUOTA, "ann", 2) for _ in range(2)] == [0, 1_000]


def test_what_has_lapsed_is_forgotten() -> None:
    clock = ManualClock()
    limiter = MemoryLimiter(clock)
    for number in range(1_000):
        limiter.take_now(QUOTA, f"user{number}")
    assert len(limiter) == 1_000
    clock.advance(1_001)
    for number in range(500):
        limiter.take_now(QUOTA, f"other{number}")
    assert len(limiter) == 500


def test_a_flood_of_keys_pushes_out_those_charged_longest_ago() -> None:
    limiter = MemoryLimiter(ManualClock(), max_keys=100)
    for key in ("early", "busy"):
        for _ in range(3):
            limiter.take_now(QUOTA, key)
    for number in range(1_000):
        limiter.take_now(QUOTA, f"user{number}")
        assert limiter.take_now(QUOTA, "busy") > 0, "who is refused stays known"
        assert len(limiter) <= 101
    assert limiter.take_now(QUOTA, "early") == 0


@pytest.mark.parametrize(("burst", "every_ms"), [(0, 1.0), (-1, 1.0), (1, 0.0), (1, -1.0), (1, float("nan"))])
def test_a_quota_that_lets_nothing_or_everything_through_is_refused(burst: int, every_ms: float) -> None:
    with pytest.raises(ValueError, match="Quota 'odd' has burst"):
        Quota("odd", burst, every_ms)
