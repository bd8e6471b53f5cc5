"""Wall clocks that are wrong by an hour: order is by offset, leases are the database's, tokens follow the clock."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from loadtest.client import Client
from parlance_client.errors import RequestFailed
from tests.chaos.checker import check_fleet
from tests.chaos.fleet import fleet_of, make_token
from tests.chaos.ledger import PostgresqlLedger
from tests.chaos.length import START_WITHIN_S, pick
from tests.support.clock import WallClock
from tests.support.postgresql import new_database, shared_server
from tests.support.redis import RedisServer
from tests.support.server import ServerProcess
from tests.support.workers import Workers

HOUR_S = 3_600.0


async def test_steps_of_an_hour(tmp_path: Path, redis: RedisServer) -> None:
    """One worker's clock jumps there and back under load; in between the other dies, and its turns go to the one with
    the wrong clock."""
    database_url = shared_server().url(new_database())
    env = {"PARLANCE_REDIS_PREFIX": "clock"}
    group = Workers(tmp_path, 2, database_url=database_url, redis_url=redis.url, env=env)
    clock = WallClock(tmp_path / "clock")
    group[1].env.update(clock.env)
    with group as workers:
        async with fleet_of([worker.ws_url for worker in workers], PostgresqlLedger(database_url), 6, 2) as fleet:
            async with fleet.chatting(0.2):
                for off_s in (HOUR_S, -HOUR_S, 0.0) * pick(1, 10):
                    clock.step(off_s)
                    await tokens_follow(workers[1], off_s)
                    await tokens_follow(workers[0], 0.0)
                    await fleet.exchange()
            clock.step(HOUR_S)
            here = fleet.customers[0]
            here.urls = [workers[0].ws_url, workers[1].ws_url]
            await here.be_there()
            if here.client.url != workers[0].ws_url:
                await here.come_back()
            await here.say_many([f"{number}: is it late?" for number in range(40)])
            workers[0].kill()
            await fleet.settle()
            await asyncio.to_thread(workers[0].start, START_WITHIN_S)
            await fleet.exchange()
            await fleet.settle()
            await check_fleet(fleet)
            assert {closing.code for closing in fleet.closings} <= {1006}, "only the kill ends connections"


async def tokens_follow(worker: ServerProcess, off_s: float) -> None:
    """A token is good while the worker's own clock says so."""
    now_s = -off_s  # where true time is zero, as seen from a token whose end is given in true time
    for ttl_s in (-HOUR_S / 2, HOUR_S / 2):
        client = Client(worker.ws_url, token=make_token(ttl_s=ttl_s))
        if ttl_s + now_s > 0:
            await client.connect()
        else:
            with pytest.raises(RequestFailed, match="401"):
                await client.connect()
        await client.close()
