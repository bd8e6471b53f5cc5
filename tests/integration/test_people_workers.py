"""Humans who take over, and the figures, where two workers are one chat."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Iterator

import jwt
import pytest

from tests.integration.conftest import Join
from tests.integration.peer import Frame
from tests.integration.test_admin_metrics import figures
from tests.integration.test_queue import removed, upserted
from tests.support.postgresql import new_database, shared_server
from tests.support.redis import RedisServer
from tests.support.workers import SECRET, Workers

QUEUE = "agent:queue"
ENV = {"PARLANCE_CLAIM_ABSENCE_MS": "2000"}

_users = itertools.count(1)


def token(kind: str = "customer") -> str:
    sub = f"{kind}-{next(_users)}"
    return jwt.encode({"sub": sub, "kind": kind, "iat": time.time(), "exp": time.time() + 3600}, SECRET, "HS256")


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    with RedisServer() as running:
        yield running


@pytest.fixture(scope="module")
def workers(tmp_path_factory: pytest.TempPathFactory, redis: RedisServer) -> Iterator[Workers]:
    url = shared_server().url(new_database())
    with Workers(tmp_path_factory.mktemp("people"), 2, database_url=url, redis_url=redis.url, env=ENV) as running:
        yield running


async def test_the_queue_and_the_claim_hold_on_both(workers: Workers, join: Join) -> None:
    here, there = workers
    watchers = [await join(worker, token=token("agent")) for worker in workers]
    for watcher in watchers:
        await watcher.ask("subscribe", channel=QUEUE)
    customer = await join(there, token=token())
    channel = await customer.open()
    await customer.ask("handoff", channel=channel, reason="lost card")
    for watcher in watchers:
        assert (await upserted(watcher, channel))["reason"] == "lost card"

    ann, ben = await join(here, token=token("agent")), await join(there, token=token("agent"))
    answers = await asyncio.gather(ann.ask("claim", channel=channel), ben.ask("claim", channel=channel))
    assert sorted(answer["type"] for answer in answers) == ["claimed", "error"]
    holder = ann if answers[0]["type"] == "claimed" else ben
    for watcher in watchers:
        await removed(watcher, channel)

    sent = [await customer.send(channel, f"Hello? {number}") for number in range(3)]
    assert (await holder.ask("release", channel=channel))["type"] == "released"
    last = await customer.send(channel, "And now?")
    await customer.bot_reply(last["message_id"])
    history: list[Frame] = (await customer.ask("history", channel=channel))["messages"]
    answered = {message.get("reply_to") for message in history if message["from"]["kind"] == "bot"}
    assert answered == {last["message_id"]}
    assert not answered & {ack["message_id"] for ack in sent}


async def test_an_agent_counts_as_there_on_whatever_worker(workers: Workers, join: Join) -> None:
    here, there = workers
    watcher = await join(here, token=token("agent"))
    await watcher.ask("subscribe", channel=QUEUE)
    mine, yours = token("agent"), token("agent")
    moves, goes = await join(here, token=mine), await join(there, token=yours)
    customer = await join(there, token=token())
    kept, lost = await customer.open(), await customer.open()
    assert (await moves.ask("claim", channel=kept))["type"] == "claimed"
    assert (await goes.ask("claim", channel=lost))["type"] == "claimed"
    again = await join(there, token=mine)
    await moves.socket.close()
    await goes.socket.close()
    await upserted(watcher, lost)
    assert (await again.ask("release", channel=kept))["type"] == "released"


async def test_figures_are_the_clusters_and_a_dead_worker_drops_out(workers: Workers, join: Join) -> None:
    here, there = workers
    admin = await join(here, token=token("admin"))
    await admin.ask("subscribe", channel="admin:metrics")
    customer = await join(there, token=token())
    agent = await join(here, token=token("agent"))
    channel = await customer.open()
    await agent.ask("subscribe", channel=channel)
    ack = await customer.send(channel, "Where is my order?")
    await customer.bot_reply(ack["message_id"])
    data = await figures(admin, lambda data: data["workers"] == 2 and data["turns_per_s"] > 0)
    assert data["connections"] >= 3
    assert data["turn_ms"]["p50"] > 0
    # one conversation, open on both workers
    await figures(admin, lambda data: data["workers"] == 2 and data["conversations"] == 1)

    there.kill()
    data = await figures(admin, lambda data: data["workers"] == 1)
    assert data["connections"] >= 1
