"""Redis is a doorbell (PROTOCOL §9.7): whatever happens to it, the chat goes on and nobody misses a message."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest

from tests.chaos.checker import check_fleet
from tests.chaos.fleet import fleet_of
from tests.chaos.ledger import PostgresqlLedger
from tests.chaos.length import pick
from tests.support.postgresql import new_database, shared_server
from tests.support.proxy import Direction, TcpProxy
from tests.support.redis import RedisServer
from tests.support.workers import Workers

OUTAGE_S = pick(3.0, 30.0)
# Of one core, with a few messages a second: a loop that spins takes all of it.
MAX_CPU_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Stage:
    """Two workers, each with a proxy of its own before one Redis."""

    redis: RedisServer
    proxies: list[TcpProxy]
    workers: Workers
    ledger: PostgresqlLedger

    def cpu_s(self) -> list[float]:
        """What each worker has used since its start."""
        pids = [worker.process.pid for worker in self.workers if worker.process is not None]
        return [sum(psutil.Process(pid).cpu_times()[:2]) for pid in pids]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder: Path = tmp_path_factory.mktemp("redis")
    database_url = shared_server().url(new_database())
    with ExitStack() as stack:
        redis = stack.enter_context(RedisServer())
        proxies = [stack.enter_context(TcpProxy(redis.port)) for _ in range(2)]
        redis_urls = [f"redis://127.0.0.1:{proxy.port}/0" for proxy in proxies]
        workers = stack.enter_context(Workers(folder, 2, database_url=database_url, redis_url=redis_urls))
        yield Stage(redis, proxies, workers, PostgresqlLedger(database_url))


Fault = Callable[[Stage], AbstractContextManager[None]]


@contextmanager
def killed(stage: Stage) -> Iterator[None]:
    stage.redis.kill()
    yield
    stage.redis.start()


@contextmanager
def paused(stage: Stage) -> Iterator[None]:
    stage.redis.pause()
    try:
        yield
    finally:
        stage.redis.resume()


@contextmanager
def flushed(stage: Stage) -> Iterator[None]:
    stage.redis.flush()
    yield
    stage.redis.flush()


@contextmanager
def half_open(direction: Direction, stage: Stage) -> Iterator[None]:
    """Connections stay open, and so do new ones, but nothing passes in one direction between one worker and Redis."""
    stage.proxies[0].swallow(direction, new=True)
    yield
    stage.proxies[0].heal()


FAULTS: dict[str, Fault] = {
    "killed": killed,
    "paused": paused,
    "flushed": flushed,
    "half_open_to_redis": partial(half_open, "to_server"),
    "half_open_to_worker": partial(half_open, "to_client"),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_the_chat_goes_on(stage: Stage, fault: str) -> None:
    """During the outage customers are answered, and observers hear of it, also those on the other worker."""
    urls = [worker.ws_url for worker in stage.workers]
    async with fleet_of(urls, stage.ledger, 6, 2) as fleet:
        async with fleet.chatting(0.5):
            await fleet.exchange()
            with FAULTS[fault](stage):
                used, began = stage.cpu_s(), time.monotonic()
                await fleet.exchange()
                await asyncio.sleep(OUTAGE_S)
                wall_s = time.monotonic() - began
                shares = [(now - then) / wall_s for now, then in zip(stage.cpu_s(), used, strict=True)]
            await fleet.exchange()
        await fleet.settle()
        await check_fleet(fleet)
        assert not fleet.closings, "nobody is cut off for Redis's sake"
        assert not fleet.refusals, "no verb needs Redis"
        print(f"\nRedis {fault}: CPU shares {shares}")  # noqa: T201
        assert max(shares) < MAX_CPU_SHARE
