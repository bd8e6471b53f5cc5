"""What every limiter promises (server/backplane/ports.py), for each implementation."""

from __future__ import annotations

import asyncio

import pytest

from server.backplane.ports import Limiter
from server.limits import Quota
from tests.contract.backplane.harness import Deployment

# An hour each, so that none comes back while a test runs.
SLOW = Quota("slow", burst=5, every_ms=3_600_000)


@pytest.fixture
async def limiter(deployment: Deployment) -> Limiter:
    return (await deployment.worker("one")).limiter


async def test_the_burst_is_let_through_and_then_told_when(limiter: Limiter) -> None:
    assert [await limiter.take(SLOW, "ann") for _ in range(5)] == [0] * 5
    wait_ms = await limiter.take(SLOW, "ann")
    assert 3_590_000 < wait_ms <= 3_600_000


async def test_a_refused_action_is_not_counted(limiter: Limiter) -> None:
    for _ in range(5):
        await limiter.take(SLOW, "ann")
    waits = [await limiter.take(SLOW, "ann") for _ in range(5)]
    assert max(waits) <= 3_600_000


async def test_keys_and_quotas_are_counted_apart(limiter: Limiter) -> None:
    other = Quota("other", burst=1, every_ms=3_600_000)
    for _ in range(6):
        await limiter.take(SLOW, "ann")
    assert await limiter.take(SLOW, "bob") == 0
    assert await limiter.take(other, "ann") == 0
    assert await limiter.take(other, "ann") > 0
    for odd in ("{ann} \u00fc", "", "\ud800"):
        assert await limiter.take(SLOW, odd) == 0


async def test_a_cost_is_taken_whole_or_not_at_all(limiter: Limiter) -> None:
    assert await limiter.take(SLOW, "ann", 3) == 0
    assert await limiter.take(SLOW, "ann", 3) > 0
    assert await limiter.take(SLOW, "ann", 2) == 0
    assert await limiter.take(SLOW, "ann", 1) > 0


async def test_a_cost_above_the_burst_counts_as_the_burst(limiter: Limiter) -> None:
    assert await limiter.take(SLOW, "ann", 64) == 0
    assert 0 < await limiter.take(SLOW, "ann", 1) <= 3_600_000


async def test_takes_of_one_tick_are_all_counted(limiter: Limiter) -> None:
    waits = await asyncio.gather(*(limiter.take(SLOW, "ann") for _ in range(20)))
    assert sum(wait == 0 for wait in waits) == 5


async def test_workers_count_together(on_redis: Deployment) -> None:
    one, two = [(await on_redis.worker(name)).limiter for name in ("one", "two")]
    waits = [await limiter.take(SLOW, "ann") for limiter in (one, two) * 5]
    assert waits[:5] == [0] * 5
    assert min(waits[5:]) > 0
