"""The same user gets the same variant on every worker, from the moment on that one of them was told to start."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator

import jwt
import pytest

from adapters.experiments.assignment import pick
from tests.integration.conftest import Join
from tests.integration.peer import Peer
from tests.integration.rest.client import Rest
from tests.support.postgresql import new_database, shared_server
from tests.support.redis import RedisServer
from tests.support.server import ServerProcess
from tests.support.workers import SECRET, Workers

EXPERIMENT = {
    "id": "tone",
    "template": "response_style",
    "rules": [{"attribute": "intent", "operator": "is", "values": ["order_status"]}],
}
ABOUT_ORDERS, ABOUT_JOKES = "Where is my order?", "Tell me a joke, please."


def token(sub: str, kind: str = "customer") -> str:
    return jwt.encode({"sub": sub, "kind": kind, "exp": time.time() + 3600}, SECRET, "HS256")


@pytest.fixture(scope="module")
def workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workers]:
    env = {"PARLANCE_EXPLAIN": "true"}
    with RedisServer() as redis:
        folder, url = tmp_path_factory.mktemp("trials"), shared_server().url(new_database())
        with Workers(folder, 2, database_url=url, redis_url=redis.url, env=env) as running:
            yield running


async def variant(peer: Peer, text: str) -> str | None:
    """Of a new conversation's first answer."""
    channel = await peer.open()
    ack = await peer.send(channel, text)
    turn = (await peer.bot_reply(ack["message_id"]))["turn"]
    return turn["experiment"]["variant"] if "experiment" in turn else None


async def test_one_experiment_on_two_workers(workers: Workers, join: Join) -> None:
    here, there = list(workers)[:2]
    root = Rest(here, token("root", "admin"))
    await root.does("POST", "/v1/experiments", EXPERIMENT)
    await root.does("POST", "/v1/experiments/tone/start")
    weights = {"professional": 1, "friendly": 1}
    for number, server in zip(range(6), itertools.cycle((here, there)), strict=False):
        user = f"user-{number}"
        expected = pick("tone/variant", user, weights)
        first, second = await both(join, user, server, there if server is here else here)
        assert await variant(first, ABOUT_JOKES) is None, "not eligible yet"
        assert await variant(first, ABOUT_ORDERS) == expected
        assert await variant(second, ABOUT_JOKES) == expected, "in it for good, on the other worker too"
    told = await root.does("GET", "/v1/experiments/tone/report")
    assert sum(told["units"].values()) == 6
    await root.http.aclose()


async def both(join: Join, user: str, one: ServerProcess, other: ServerProcess) -> tuple[Peer, Peer]:
    return await join(one, token=token(user)), await join(other, token=token(user))
