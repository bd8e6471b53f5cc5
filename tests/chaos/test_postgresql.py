"""PostgreSQL restarted, killed, paused, slow: typed refusals, never a false ack, and everything is made up for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

import pytest

from loadtest.client import new_key
from parlance_client.errors import RequestFailed
from tests.chaos.checker import check_fleet
from tests.chaos.fleet import Fleet, fleet_of
from tests.chaos.health import readiness
from tests.chaos.ledger import PostgresqlLedger
from tests.chaos.length import WITHIN_S, pick
from tests.support.postgresql import PostgreSQLServer, new_database, private_server
from tests.support.redis import RedisServer
from tests.support.workers import Workers

OUTAGE_S = pick(2.0, 30.0)


@dataclass(frozen=True, slots=True)
class Stage:
    postgresql: PostgreSQLServer
    workers: Workers
    ledger: PostgresqlLedger


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory, redis: RedisServer) -> Iterator[Stage]:
    with private_server() as postgresql:
        database_url = postgresql.url(new_database(postgresql))
        env = {"PARLANCE_REDIS_PREFIX": "postgresql", "PARLANCE_STORE_TIMEOUT_MS": "1000"}
        folder = tmp_path_factory.mktemp("postgresql")
        with Workers(folder, 2, database_url=database_url, redis_url=redis.url, env=env) as workers:
            yield Stage(postgresql, workers, PostgresqlLedger(database_url))


async def restarted(stage: Stage, fleet: Fleet) -> None:
    for _ in range(pick(2, 10)):
        await asyncio.to_thread(stage.postgresql.restart)
        await asyncio.sleep(OUTAGE_S / 4)


async def gone(stage: Stage, fleet: Fleet) -> None:
    """Killed, and away for a while."""
    await asyncio.to_thread(stage.postgresql.kill)
    try:
        await refused(stage, fleet)
        await asyncio.sleep(OUTAGE_S)
    finally:
        await asyncio.to_thread(stage.postgresql.start)


async def paused(stage: Stage, fleet: Fleet) -> None:
    """Connections stay open and nothing answers."""
    await asyncio.to_thread(stage.postgresql.pause)
    try:
        await refused(stage, fleet)
        await asyncio.sleep(OUTAGE_S)
    finally:
        await asyncio.to_thread(stage.postgresql.resume)


async def slow(stage: Stage, fleet: Fleet) -> None:
    """Three quarters of the time nothing moves, as behind a disk that is slow to sync; nothing has to be refused."""
    for _ in range(round(OUTAGE_S / 0.4)):
        await asyncio.to_thread(stage.postgresql.pause)
        await asyncio.sleep(0.3)
        await asyncio.to_thread(stage.postgresql.resume)
        await asyncio.sleep(0.1)


FAULTS: dict[str, Callable[[Stage, Fleet], Awaitable[None]]] = {
    "restarted": restarted,
    "gone": gone,
    "paused": paused,
    "slow": slow,
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_nothing_acked_is_lost(stage: Stage, fault: str) -> None:
    async with fleet_of([worker.ws_url for worker in stage.workers], stage.ledger, 6, 2) as fleet:
        async with fleet.chatting(0.2):
            await fleet.exchange()
            await FAULTS[fault](stage, fleet)
            await fleet.exchange()
        await fleet.settle()
        await check_fleet(fleet)
        assert set(fleet.refusals) <= {503}
        assert not fleet.closings, "nobody is cut off for the database's sake"
        for worker in stage.workers:
            assert readiness(worker) == 200
    print(f"\nPostgreSQL {fault}: {len(fleet.refusals)} refusals")  # noqa: T201


async def refused(stage: Stage, fleet: Fleet) -> None:
    """While the database is away every send on every worker is refused with 503, and no worker is ready."""
    for customer in fleet.customers[:2]:
        key, text = new_key(), "is anybody there?"
        customer.sent[key] = (customer.channels[0], text)  # the outcome is unknown: it may be stored later
        with pytest.raises(RequestFailed) as failed:
            await customer.client.send(customer.channels[0], text, key=key)
        assert (failed.value.code, failed.value.name, failed.value.temporary) == (503, "unavailable", True)
    async with asyncio.timeout(WITHIN_S):
        for worker in stage.workers:
            while await asyncio.to_thread(readiness, worker) != 503:
                await asyncio.sleep(0.1)
