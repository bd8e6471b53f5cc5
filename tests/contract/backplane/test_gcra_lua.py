"""The limiter's script says what ``server.limits.gcra`` says."""

from __future__ import annotations

import itertools

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.backplane.redis.limiter import TAKE
from server.limits import gcra
from tests.support.redis import RedisServer

_numbers = itertools.count()

# The same script with a clock that the test sets: two more arguments, seconds and microseconds.
WITH_CLOCK = TAKE.text.replace("redis.call('TIME')", "{ARGV[4], ARGV[5]}")


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    burst=st.integers(1, 20),
    # Keys expire by Redis's own clock: every action is worth a minute at least, so that none does during the test.
    every_us=st.integers(60_000_000, 3_600_000_000),
    takes=st.lists(st.tuples(st.integers(-(10**9), 10**11), st.integers(1, 30)), max_size=15),
)
def test_script_and_function_agree(
    redis_server: RedisServer, burst: int, every_us: int, takes: list[tuple[int, int]]
) -> None:
    assert TAKE.text != WITH_CLOCK
    key = f"gcra{next(_numbers)}"
    now_us = 1_700_000_000_000_000
    full_at = 0.0
    for step_us, cost in takes:
        now_us += step_us
        charged, wait_us = gcra(full_at, now_us, burst=burst, every=every_us, cost=cost)
        full_at = full_at if wait_us else charged  # a refusal writes nothing
        clock = divmod(now_us, 1_000_000)
        assert redis_server.command("EVAL", WITH_CLOCK, 1, key, burst, every_us, cost, *clock) == wait_us
