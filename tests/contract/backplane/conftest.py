"""Real servers, started once and shared; tests that harm a server start one of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.contract.backplane.harness import Deployment, InMemory, on_cluster, on_sentinel, on_server
from tests.support.redis import RedisCluster, RedisSentinel, RedisServer


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


@pytest.fixture(scope="session")
def redis_cluster() -> Iterator[RedisCluster]:
    with RedisCluster() as cluster:
        yield cluster


@pytest.fixture(scope="session")
def redis_sentinel() -> Iterator[RedisSentinel]:
    with RedisSentinel() as sentinel:
        yield sentinel


def _deployment(kind: str, request: pytest.FixtureRequest) -> Deployment:
    match kind:
        case "redis":
            return on_server(request.getfixturevalue("redis_server"))
        case "cluster":
            return on_cluster(request.getfixturevalue("redis_cluster"))
        case "sentinel":
            return on_sentinel(request.getfixturevalue("redis_sentinel"))
    return InMemory()


@pytest.fixture(params=["memory", "redis", "cluster", "sentinel"])
async def deployment(request: pytest.FixtureRequest) -> AsyncIterator[Deployment]:
    """Every contract test runs once per implementation."""
    async with _deployment(request.param, request) as made:
        yield made


@pytest.fixture(params=["redis", "cluster", "sentinel"])
async def on_redis(request: pytest.FixtureRequest) -> AsyncIterator[Deployment]:
    """For what only workers that share something can promise."""
    async with _deployment(request.param, request) as made:
        yield made
