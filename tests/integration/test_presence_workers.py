"""Presence over two workers on one Redis: seen across, hidden reconnects, a worker's death, an emptied Redis."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import jwt
import pytest

from tests.integration.conftest import Join
from tests.integration.peer import Frame, Peer
from tests.integration.test_presence import is_of, told, who
from tests.support.postgresql import new_database, shared_server
from tests.support.redis import RedisServer
from tests.support.workers import SECRET, Workers

DEATH_S = 20.0


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    with RedisServer() as running:
        yield running


@pytest.fixture(scope="module")
def workers(tmp_path_factory: pytest.TempPathFactory, redis: RedisServer) -> Iterator[Workers]:
    database_url = shared_server().url(new_database())
    with Workers(tmp_path_factory.mktemp("workers"), 2, database_url=database_url, redis_url=redis.url) as running:
        yield running


def token(sub: str, kind: str = "customer") -> str:
    return jwt.encode({"sub": sub, "kind": kind, "name": sub, "exp": time.time() + 3600}, SECRET, "HS256")


def of(frames: list[Frame], user_id: str) -> list[Frame]:
    return [frame for frame in frames if is_of(frame, user_id)]


async def devices(peer: Peer, channel: str) -> dict[str, int]:
    return {user_id: shown["devices"] for user_id, shown in (await who(peer, channel)).items()}


async def test_two_workers_show_the_same_people(workers: Workers, redis: RedisServer, join: Join) -> None:
    here, there = workers
    agent = await join(here, token=token("ann", "agent"))
    people = {name: await join(there, token=token(name)) for name in ("lost", "moves", "stays", "leaves")}
    channel = await people["lost"].open()
    await agent.ask("subscribe", channel=channel)
    await agent.ask("members", channel=channel, add=["moves", "stays", "leaves"])
    push = await agent.hear(lambda frame: is_of(frame, "leaves"))
    assert {shown["user"]["id"]: shown["devices"] for shown in push["joined"]}.items() >= {
        "moves": 1, "stays": 1, "leaves": 1,
    }.items()  # fmt: skip
    await join(here, token=token("stays"))
    await people["leaves"].ask("presence", status="busy", text="soon gone")
    assert (await told(agent, channel, "changed", "leaves"))["text"] == "soon gone"

    await people["moves"].socket.close()
    await people["leaves"].socket.close()
    await join(here, token=token("moves"))
    await told(agent, channel, "left", "leaves")

    redis.flush()  # nobody is told anything, and a heartbeat heals it
    async with asyncio.timeout(DEATH_S):
        while await devices(agent, channel) != {"lost": 1, "moves": 1, "stays": 2}:
            await asyncio.sleep(0.1)

    there.kill()
    async with asyncio.timeout(DEATH_S):
        left = await told(agent, channel, "left", "lost")
    assert (left["status"], left["devices"]) == ("offline", 0)
    assert await devices(agent, channel) == {"moves": 1, "stays": 1}
    seen = await agent.everything_until_pong()
    assert not of(seen, "moves")
    assert not of(seen, "stays")
