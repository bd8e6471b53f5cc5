"""Workers that are killed, replaced and asked twice, while their customers chat on."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from loadtest.client import new_key
from tests.chaos.checker import check_fleet
from tests.chaos.fleet import Fleet, Person, fleet_of, percentile
from tests.chaos.ledger import PostgresqlLedger
from tests.chaos.length import START_WITHIN_S, pick
from tests.support.postgresql import new_database, shared_server
from tests.support.redis import RedisServer
from tests.support.workers import Workers

CUSTOMERS = pick(10, 40)


@pytest.fixture(scope="module")
def database_url() -> str:
    return shared_server().url(new_database())


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, redis: RedisServer, database_url: str) -> Iterator[Workers]:
    folder = tmp_path_factory.mktemp("workers")
    with Workers(folder, 2, database_url=database_url, redis_url=redis.url) as workers:
        yield workers


@pytest.fixture
def workers(running: Workers) -> Workers:
    """Two, both alive, whatever the test before has done to them."""
    for worker in running:
        if worker.process is None:
            worker.start(START_WITHIN_S)
    return running


@pytest.fixture
def ledger(database_url: str) -> PostgresqlLedger:
    return PostgresqlLedger(database_url)


async def test_workers_are_killed_one_after_the_other(workers: Workers, ledger: PostgresqlLedger) -> None:
    rng = random.Random(3)
    async with fleet_of(urls(workers), ledger, CUSTOMERS, 2) as fleet:
        async with fleet.chatting():
            for number in range(pick(2, 30)):
                await asyncio.sleep(rng.uniform(0.3, pick(1.2, 5.0)))
                victim = workers[number % 2]
                victim.kill()
                await asyncio.sleep(rng.uniform(0.1, 0.5))
                await asyncio.to_thread(victim.start, START_WITHIN_S)
        await fleet.settle()
        await check_fleet(fleet)
        report("kill -9", fleet)


async def test_the_turns_of_a_dead_worker_are_answered_by_another_once(
    workers: Workers, ledger: PostgresqlLedger
) -> None:
    """Far more questions than can be answered before the kill; the dead worker stays away."""
    async with fleet_of(urls(workers), ledger, pick(4, 16)) as fleet:
        for customer in fleet.customers:
            await customer.be_there()
            customer.urls = [worker.ws_url for worker in workers]
        here = [customer for number, customer in enumerate(fleet.customers) if number % 2 == 0]
        await asyncio.gather(
            *(customer.say_many([f"{number}: is it raining?" for number in range(60)]) for customer in here)
        )
        workers[0].kill()
        rows = [row for customer in here for row in await ledger.rows(customer.channels[0])]
        assert any(row.turn == "open" for row in rows), "the kill came too late to show anything"
        await fleet.settle()
        await check_fleet(fleet)
        assert workers[0].process is None


async def test_the_same_key_at_two_workers_at_once(workers: Workers, ledger: PostgresqlLedger) -> None:
    async with fleet_of(urls(workers), ledger, 2, 1) as fleet:
        for customer in fleet.customers:
            token, channel = customer.client.token, customer.channels[0]
            twins = [Person([worker.ws_url], token, "json", seed=0) for worker in workers for _ in range(2)]
            await asyncio.gather(*(twin.observe([channel]) for twin in twins))
            for number in range(pick(25, 500)):
                key, text = new_key(), f"text {number}"
                customer.sent[key] = (channel, text)
                acks = await asyncio.gather(*(twin.say(text, key=key) for twin in twins))
                assert len({(ack.message_id, ack.offset, ack.at_ms) for ack in acks}) == 1
                assert sorted(ack.duplicate for ack in acks) == [False, True, True, True]
                customer.acks += acks
            for twin in twins:
                await twin.client.close()
        await fleet.settle()
        await check_fleet(fleet)


async def test_rolling_restart(tmp_path: Path, redis: RedisServer) -> None:
    """SIGTERM to one worker after the other, each back before the next leaves: everybody is told, nothing is lost."""
    database_url = shared_server().url(new_database())
    env = {"PARLANCE_REDIS_PREFIX": "rolling", "PARLANCE_DRAIN_MS": "1500"}
    group = Workers(tmp_path, pick(2, 4), database_url=database_url, redis_url=redis.url, env=env)
    with group as workers:
        async with fleet_of(urls(workers), PostgresqlLedger(database_url), CUSTOMERS, 2) as fleet:
            async with fleet.chatting():
                for worker in workers:
                    await asyncio.sleep(0.5)
                    assert await asyncio.to_thread(worker.stop) == 0, worker.log()[-2000:]
                    await asyncio.to_thread(worker.start, START_WITHIN_S)
            await fleet.settle()
            await check_fleet(fleet)
            check_goodbyes(fleet)
            report("rolling SIGTERM", fleet)


def check_goodbyes(fleet: Fleet) -> None:
    """Every connection that ended was told so before, and not all were told the same time."""
    closings = fleet.closings
    assert len(closings) >= len(fleet.people) // 2
    assert {closing.code for closing in closings} == {4500}, [str(closing) for closing in closings]
    assert all(closing.after_ms > 0 for closing in closings), "a connection was closed without a goodbye"
    assert len({closing.after_ms for closing in closings}) > 1, "everybody was told the same time"


def urls(workers: Workers) -> list[str]:
    return [worker.ws_url for worker in workers]


def report(what: str, fleet: Fleet) -> None:
    """For who reads the log; a time is never asserted."""
    took = fleet.resumes_s
    acks = sum(len(person.acks) for person in fleet.people)
    p50, p99 = percentile(took, 0.5), percentile(took, 0.99)
    print(f"\n{what}: {acks} acks, {len(took)} resumed, p50 {p50:.2f} s, p99 {p99:.2f} s")  # noqa: T201
