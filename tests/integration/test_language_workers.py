"""A language model on two workers: words reach both, and what happens on one ends the answer on the other."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.conftest import Join
from tests.integration.peer import Peer
from tests.integration.test_language import QUESTION, TEXT, settings, shown
from tests.integration.test_workers import token
from tests.support.model_server import Behaviour, ThreadedModelServer
from tests.support.postgresql import new_database, shared_server
from tests.support.redis import RedisServer
from tests.support.workers import Workers


@pytest.fixture(scope="module")
def model() -> Iterator[ThreadedModelServer]:
    with ThreadedModelServer() as running:
        yield running


@pytest.fixture(scope="module")
def workers(tmp_path_factory: pytest.TempPathFactory, model: ThreadedModelServer) -> Iterator[Workers]:
    database_url, folder = shared_server().url(new_database()), tmp_path_factory.mktemp("speaking")
    env = settings(model, silence_ms="60000", timeout_ms="120000")
    with (
        RedisServer() as redis,
        Workers(folder, 2, database_url=database_url, redis_url=redis.url, env=env) as running,
    ):
        yield running


@pytest.fixture(autouse=True)
def well_behaved(model: ThreadedModelServer) -> None:
    model.server.behaviour, model.server.queue = Behaviour(), []


async def test_words_reach_who_looks_on_at_another_worker(
    workers: Workers, model: ThreadedModelServer, join: Join
) -> None:
    model.server.behaviour = Behaviour(gap_s=0.05)
    customer: Peer = await join(workers[0], token=token())
    agent: Peer = await join(workers[1], "msgpack", token=token("agent"))
    channel = await customer.open()
    await agent.ask("subscribe", channel=channel)
    ack = await customer.send(channel, QUESTION)
    assert (await agent.bot_reply(ack["message_id"]))["text"] == TEXT
    seen = await agent.everything_until_pong()
    deltas = [frame for frame in seen if frame["type"] == "delta"]
    assert len(deltas) >= 3 and shown(deltas) == {0: TEXT}


async def test_a_claim_at_another_worker_ends_the_answer(
    workers: Workers, model: ThreadedModelServer, join: Join
) -> None:
    model.server.behaviour = Behaviour(stuck_after=3)
    customer: Peer = await join(workers[0], token=token())
    agent: Peer = await join(workers[1], token=token("agent"))
    channel = await customer.open()
    await customer.send(channel, QUESTION)
    await customer.push("delta", seq=0)
    assert (await agent.ask("claim", channel=channel))["type"] == "claimed"
    assert (await customer.push("delta", aborted=True))["channel"] == channel
    await model.wait(lambda: model.server.open_streams == 0)
    kinds = [one["from"]["kind"] for one in (await customer.ask("history", channel=channel))["messages"]]
    assert kinds == ["customer", "system"]


async def test_who_writes_on_from_another_device_gets_one_answer(
    workers: Workers, model: ThreadedModelServer, join: Join
) -> None:
    model.server.queue = [Behaviour(stuck_after=2)]
    mine = token()
    phone: Peer = await join(workers[0], token=mine)
    desk: Peer = await join(workers[1], token=mine)
    channel = await phone.open()
    await desk.ask("subscribe", channel=channel)
    await phone.send(channel, QUESTION)
    await desk.push("delta", seq=0)
    ack = await desk.send(channel, "the order is #4711 by the way")
    assert (await phone.push("delta", aborted=True))["channel"] == channel
    answer = await desk.bot_reply(ack["message_id"])
    assert answer["text"] == TEXT
    kinds = [one["from"]["kind"] for one in (await phone.ask("history", channel=channel))["messages"]]
    assert kinds == ["customer", "customer", "bot"]
