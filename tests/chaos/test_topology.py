"""Redis as a Cluster that loses a master, and behind Sentinel with a fail-over, both under load."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.chaos.checker import check_fleet
from tests.chaos.fleet import Fleet, fleet_of
from tests.chaos.ledger import PostgresqlLedger
from tests.chaos.length import pick
from tests.support.postgresql import new_database, shared_server
from tests.support.redis import RedisCluster, RedisSentinel
from tests.support.workers import Workers


@asynccontextmanager
async def under_load(folder: Path, redis_url: str) -> AsyncIterator[Fleet]:
    """Two workers and a chatting fleet; at the end everything is checked, and that nobody has noticed anything."""
    database_url = shared_server().url(new_database())
    with Workers(folder, 2, database_url=database_url, redis_url=redis_url) as workers:
        urls = [worker.ws_url for worker in workers]
        async with fleet_of(urls, PostgresqlLedger(database_url), pick(8, 40), 2) as fleet:
            async with fleet.chatting(0.2):
                await fleet.exchange()
                yield fleet
                await fleet.exchange()
            await fleet.settle()
            await check_fleet(fleet)
            assert not fleet.closings
            assert not fleet.refusals


async def test_a_cluster_loses_a_master(tmp_path: Path) -> None:
    """Its channels fall silent until it is back: those who are on another worker hear of them from the database."""
    with RedisCluster() as cluster:
        async with under_load(tmp_path, cluster.url) as fleet:
            for server in cluster.servers[: pick(1, 3)]:
                await asyncio.to_thread(server.kill)
                await fleet.exchange()
                await asyncio.sleep(pick(1.0, 20.0))
                await asyncio.to_thread(server.start)
                await asyncio.to_thread(cluster.settle)
                await fleet.exchange()


async def test_sentinel_fails_over(tmp_path: Path) -> None:
    with RedisSentinel() as sentinel:
        async with under_load(tmp_path, sentinel.url) as fleet:
            failing = asyncio.create_task(asyncio.to_thread(sentinel.fail_over))
            await fleet.exchange()
            await failing
            await fleet.exchange()
