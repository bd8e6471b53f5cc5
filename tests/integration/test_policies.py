"""Policies of running workers: personas that come and pause, rollbacks, agents' choices, what a restart remembers."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import jwt
import pytest

from adapters.traits import Traits
from tests.integration.conftest import Join
from tests.integration.peer import WITHIN_S, Peer
from tests.integration.rest.client import Rest
from tests.support.postgresql import new_database, shared_server
from tests.support.redis import RedisServer
from tests.support.server import ServerProcess
from tests.support.workers import SECRET, Workers

SUNNY = {
    "name": "sunny", "title": "Sunny", "description": "Light-hearted.", "traits": Traits().as_dict(),
    "style": {key: ["All right."] for key in ("greetings", "openers", "empathy", "closers", "sign_offs")},
}  # fmt: skip

_users = itertools.count(1)


def token(kind: str = "customer") -> str:
    sub = f"{kind}-p{next(_users)}"
    return jwt.encode({"sub": sub, "kind": kind, "iat": time.time(), "exp": time.time() + 3600}, SECRET, "HS256")


@pytest.fixture(scope="module")
def workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workers]:
    url = shared_server().url(new_database())
    with RedisServer() as redis:
        folder = tmp_path_factory.mktemp("policies")
        env = {"PARLANCE_POLICY_MODE": "apprentice"}
        with Workers(folder, 2, database_url=url, redis_url=redis.url, env=env) as running:
            yield running


@asynccontextmanager
async def admin(server: ServerProcess) -> AsyncIterator[Rest]:
    rest = Rest(server, token("admin"))
    try:
        yield rest
    finally:
        await rest.http.aclose()


async def shown(rest: Rest) -> dict[str, Any]:
    policy: dict[str, Any] = await rest.does("GET", "/v1/policies/linucb")
    return policy


async def persona(peer: Peer, channel: str) -> str:
    ack = await peer.send(channel, "Where is my parcel?")
    answer: str = (await peer.bot_reply(ack["message_id"]))["turn"]["persona"]
    return answer


async def test_an_agents_choice_is_learned_and_kept_over_a_restart(workers: Workers, join: Join) -> None:
    customer, agent = await join(workers[0], token=token()), await join(workers[1], token=token("agent"))
    channel = await customer.open()
    ack = await customer.send(channel, "Where is my parcel?")
    reply = await customer.bot_reply(ack["message_id"])
    await customer.ask("feedback", message_id=reply["message_id"], rating=0.0)
    async with admin(workers[0]) as rest:
        before = await shown(rest)
        assert before["version"] == 0  # what customers say teaches an apprentice nothing
        await agent.ask("claim", channel=channel)
        await agent.send(channel, "I will look.", data={"persona": before["arms"][0]})
        await agent.send(channel, "Here it is.")
        async with asyncio.timeout(WITHIN_S):
            while (await shown(rest))["version"] != 1:
                await asyncio.sleep(0.05)
    workers[1].stop()
    workers[1].start()
    assert "policy replayed" in workers[1].log()
    async with admin(workers[1]) as rest:
        (snapshot,) = (await shown(rest))["snapshots"]
    assert (snapshot["version"], snapshot["reason"], snapshot["algorithm"]) == (1, "shutdown", "linucb")


async def test_what_is_done_on_one_worker_holds_on_all(workers: Workers, join: Join) -> None:
    async with admin(workers[0]) as here, admin(workers[1]) as there:
        before = (await shown(here))["arms"]
        await here.does("POST", "/v1/policies/linucb/snapshots")
        await here.does("POST", "/v1/policies/linucb/arms", {"persona": SUNNY, "like": before[0]})
        for arm in before:
            await here.does("POST", f"/v1/policies/linucb/arms/{arm}/pause")
        assert await here.refused("POST", "/v1/policies/linucb/arms/sunny/pause") == (409, "conflict")
        for worker in workers:
            peer = await join(worker, token=token())
            channel = await peer.open()
            async with asyncio.timeout(WITHIN_S):
                while await persona(peer, channel) != "sunny":
                    await asyncio.sleep(0.05)
            assert {await persona(peer, channel) for _ in range(3)} == {"sunny"}
        await here.does("POST", "/v1/policies/linucb/rollback", {"to": 1})
        told = await shown(there)
        assert told["arms"] == [*before, "sunny"]
        assert [one["kind"] for one in told["changes"]] == ["add", *["pause"] * len(before), "rollback"]
        for arm in before:
            await there.does("POST", f"/v1/policies/linucb/arms/{arm}/resume")
        await there.does("DELETE", "/v1/policies/linucb/arms/sunny")
        assert (await shown(here))["arms"] == before


async def test_policies_are_for_admins(workers: Workers) -> None:
    rest = Rest(workers[0], token("agent"))
    assert await rest.refused("GET", "/v1/policies") == (403, "forbidden")
    assert await rest.refused("POST", "/v1/policies/linucb/rollback", {"to": 0}) == (403, "forbidden")
    await rest.http.aclose()
