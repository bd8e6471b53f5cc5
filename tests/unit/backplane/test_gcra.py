"""The law of the limiter, for any sequence of takes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from server.limits import gcra

BURSTS = st.integers(1, 50)
EVERY = st.integers(1, 10_000)
TAKES = st.lists(st.tuples(st.integers(0, 20_000), st.integers(1, 60)), max_size=25)


@given(BURSTS, EVERY, TAKES)
def test_no_window_sees_more_than_burst_and_what_came_back_in_it(
    burst: int, every: int, takes: list[tuple[int, int]]
) -> None:
    now = 0
    full_at = 0.0
    charged: list[tuple[int, int]] = []
    for elapsed, cost in takes:
        now += elapsed
        full_at, wait = gcra(full_at, now, burst=burst, every=every, cost=cost)
        if wait == 0:
            charged.append((now, min(cost, burst)))
    for first in range(len(charged)):
        total = 0
        for at, cost in charged[first:]:
            total += cost
            assert total <= burst + (at - charged[first][0]) / every


@given(BURSTS, EVERY, TAKES, st.integers(1, 60))
def test_the_wait_is_exact(burst: int, every: int, takes: list[tuple[int, int]], cost: int) -> None:
    now = 0
    full_at = 0.0
    for elapsed, each in takes:
        now += elapsed
        full_at, _ = gcra(full_at, now, burst=burst, every=every, cost=each)
    _, wait = gcra(full_at, now, burst=burst, every=every, cost=cost)
    assert 0 <= wait <= burst * every
    assert gcra(full_at, now + wait, burst=burst, every=every, cost=cost)[1] == 0
    if wait:
        assert gcra(full_at, now + wait - 1, burst=burst, every=every, cost=cost)[1] > 0


@given(BURSTS, EVERY, st.integers(0, 10**12))
def test_a_fresh_key_has_its_whole_burst_and_no_more(burst: int, every: int, now: int) -> None:
    full_at: float = 0
    for _ in range(burst):
        full_at, wait = gcra(full_at, now, burst=burst, every=every, cost=1)
        assert wait == 0
    assert gcra(full_at, now, burst=burst, every=every, cost=1)[1] == every


@given(BURSTS, EVERY, st.integers(1, 60))
def test_a_refusal_costs_nothing(burst: int, every: int, cost: int) -> None:
    full_at, _ = gcra(0, 0, burst=burst, every=every, cost=burst)
    again, wait = gcra(full_at, 0, burst=burst, every=every, cost=cost)
    assert wait > 0
    assert again == full_at


@given(BURSTS, EVERY, st.integers(0, 10**9))
def test_a_clock_that_was_set_back_locks_nobody_out_for_longer_than_a_full_debt(
    burst: int, every: int, back: int
) -> None:
    full_at, _ = gcra(0, 10**9, burst=burst, every=every, cost=burst)
    assert gcra(full_at, 10**9 - back, burst=burst, every=every, cost=burst)[1] <= burst * every
