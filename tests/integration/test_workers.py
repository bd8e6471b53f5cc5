"""Several workers on one Redis and one PostgreSQL are one chat, however they were started."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import jwt
import psutil  # type: ignore[import-untyped]
import pytest

from server.cli.checks import check_redis, diagnose
from server.settings import load_settings
from tests.integration.conftest import Join
from tests.integration.peer import Closed, Frame, Peer, messages_of
from tests.support.postgresql import new_database, shared_server
from tests.support.redis import RedisServer
from tests.support.server import ServerProcess
from tests.support.workers import SECRET, Workers

_users = itertools.count(1)


def token(kind: str = "customer", sub: str = "") -> str:
    sub = sub or f"{kind}-{next(_users)}"
    return jwt.encode({"sub": sub, "kind": kind, "iat": time.time(), "exp": time.time() + 3600}, SECRET, "HS256")


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    with RedisServer() as running:
        yield running


@pytest.fixture(scope="module")
def workers(tmp_path_factory: pytest.TempPathFactory, redis: RedisServer) -> Iterator[Workers]:
    database_url = shared_server().url(new_database())
    with Workers(tmp_path_factory.mktemp("workers"), 2, database_url=database_url, redis_url=redis.url) as running:
        yield running


class TestTwoWorkers:
    async def test_messages_and_answers_reach_both(self, workers: Workers, join: Join) -> None:
        customer, agent = await join(workers[0], token=token()), await join(workers[1], "msgpack", token=token("agent"))
        channel = await customer.open()
        assert (await agent.ask("subscribe", channel=channel))["type"] == "subscribed"
        sent = [await customer.send(channel, f"where is order {number}?") for number in range(5)]
        for ack in sent:
            here, there = await customer.bot_reply(ack["message_id"]), await agent.bot_reply(ack["message_id"])
            assert {**there, "turn": None} == {**here, "turn": None}
        history = (await agent.ask("history", channel=channel))["messages"]
        assert [message["offset"] for message in history] == list(range(1, 11))

    async def test_one_customer_on_two_workers_is_answered_once_and_in_order(
        self, workers: Workers, join: Join
    ) -> None:
        mine = token()
        one, two = [await join(worker, token=mine) for worker in workers]
        channel = await one.open()
        await two.ask("subscribe", channel=channel)
        acks: list[Frame] = []
        for number in range(10):  # one after the other from each device, both at once
            acks += await asyncio.gather(
                one.send(channel, f"{number} from one"), two.send(channel, f"{number} from two")
            )
        for ack in acks:
            await one.bot_reply(ack["message_id"])
        history: list[Frame] = (await two.ask("history", channel=channel, limit=200))["messages"]
        asked = [message["message_id"] for message in history if message["from"]["kind"] == "customer"]
        answered = [message["reply_to"] for message in history if message["from"]["kind"] == "bot"]
        assert len(asked) == 20
        assert answered == asked

    async def test_the_same_key_on_both_at_once_is_one_row(self, workers: Workers, join: Join) -> None:
        mine = token()
        one, two = [await join(worker, token=mine) for worker in workers]
        channel = await one.open()
        for number in range(10):
            acks = await asyncio.gather(
                *(device.send(channel, f"text {number}", key=f"same-{number}") for device in (one, two))
            )
            assert acks[0]["message_id"] == acks[1]["message_id"]
            assert sorted(ack["duplicate"] for ack in acks) == [False, True]

    async def test_a_claim_silences_the_bot_everywhere(self, workers: Workers, join: Join) -> None:
        mine = token()
        customer, agent = await join(workers[0], token=mine), await join(workers[1], token=token("agent"))
        other = await join(workers[0], token=token("agent"))
        channel = await customer.open()
        await agent.ask("subscribe", channel=channel)
        assert (await agent.ask("claim", channel=channel))["type"] == "claimed"
        assert (await other.ask("claim", channel=channel))["code"] == 409
        claimed = await customer.push("message", channel=channel)
        assert claimed["data"]["event"] == "claimed"
        await customer.send(channel, "is anybody there?")
        await agent.send(channel, "yes, I am")
        assert (await customer.push("message", text="yes, I am"))["from"]["kind"] == "agent"
        assert (await agent.ask("release", channel=channel))["type"] == "released"
        ack = await customer.send(channel, "and now?")
        await customer.bot_reply(ack["message_id"])
        history = (await agent.ask("history", channel=channel))["messages"]
        assert [message["from"]["kind"] for message in history] == [
            "system", "customer", "agent", "system", "customer", "bot",
        ]  # fmt: skip

    async def test_typing_receipts_and_removal_cross_over(self, workers: Workers, join: Join) -> None:
        customer, agent = await join(workers[0], token=token()), await join(workers[1], token=token("agent"))
        channel = await customer.open()
        await agent.ask("subscribe", channel=channel)
        ack = await customer.send(channel, "hello")
        await customer.say({"type": "typing", "channel": channel, "on": True})
        assert (await agent.push("typing", channel=channel))["on"] is True
        await agent.say({"type": "receipt", "channel": channel, "kind": "read", "offset": ack["offset"]})
        assert (await customer.push("receipt", channel=channel))["offset"] == ack["offset"]
        await customer.bot_reply(ack["message_id"])
        answer = await agent.ask("members", channel=channel, remove=[customer.user["id"]])
        assert customer.user["id"] not in [member["id"] for member in answer["members"]]
        assert (await customer.send(channel, "may I still?"))["code"] == 404
        await agent.send(channel, "between ourselves")
        await agent.push("message", text="between ourselves")
        await agent.everything_until_pong()
        assert not [push for push in messages_of(await customer.everything_until_pong()) if "ourselves" in push["text"]]

    async def test_emptying_redis_costs_no_message(self, workers: Workers, join: Join, redis: RedisServer) -> None:
        customer, agent = await join(workers[0], token=token()), await join(workers[1], token=token("agent"))
        channel = await customer.open()
        await agent.ask("subscribe", channel=channel)
        redis.flush()
        ack = await customer.send(channel, "still there?")
        assert (await agent.bot_reply(ack["message_id"]))["channel"] == channel


async def until(condition: Callable[[], Awaitable[Any] | Any], within_s: float = 30.0) -> None:
    async with asyncio.timeout(within_s):
        while True:
            value = condition()
            if await value if isinstance(value, Awaitable) else value:
                return
            await asyncio.sleep(0.05)


class TestSupervised:
    """``parlance serve --workers 2``."""

    @pytest.fixture
    def server(self, tmp_path: Path, redis: RedisServer) -> Iterator[ServerProcess]:
        env = {
            "PARLANCE_SECRET": SECRET,
            "PARLANCE_DATABASE_URL": shared_server().url(new_database()),
            "PARLANCE_REDIS_URL": redis.url,
            "PARLANCE_REDIS_PREFIX": "supervised",
        }
        with ServerProcess(tmp_path / "data", "--workers", "2", env=env) as running:
            yield running

    async def test_a_killed_worker_is_replaced_and_the_other_goes_on(self, server: ServerProcess, join: Join) -> None:
        await until(lambda: len(children(server)) == 2 and server.log().count("worker ready") == 2)
        peers = [await join(server, token=token()) for _ in range(12)]
        channels = [await peer.open() for peer in peers]
        victim = children(server)[0]
        victim.send_signal(signal.SIGKILL)
        survivors = 0
        for peer, channel in zip(peers, channels, strict=True):
            survivors += await is_alive(peer, channel)
        assert 0 < survivors < 12, "the kernel gave all connections to one worker"
        await until(lambda: server.log().count("worker ready") == 3)
        assert victim.pid not in {child.pid for child in children(server)}

    async def test_hangup_replaces_the_workers_one_after_the_other(self, server: ServerProcess, join: Join) -> None:
        await until(lambda: server.log().count("worker ready") == 2)
        before = {child.pid for child in children(server)}
        peers = [await join(server, token=token()) for _ in range(6)]
        assert server.process is not None
        os.kill(server.process.pid, signal.SIGHUP)
        for peer in peers:
            closed = await peer.closed()
            assert closed.code == 4500
            assert closed.seen[-1]["type"] == "goodbye"
        await until(lambda: server.log().count("worker ready") == 4 and len(children(server)) == 2)
        assert not before & {child.pid for child in children(server)}
        again = await join(server, token=token())
        assert (await again.ask("ping"))["type"] == "pong"

    async def test_sigterm_drains_both(self, server: ServerProcess, join: Join) -> None:
        await until(lambda: server.log().count("worker ready") == 2)
        peers = [await join(server, token=token()) for _ in range(6)]
        stopping = asyncio.create_task(asyncio.to_thread(server.stop))
        assert [(await peer.closed()).code for peer in peers] == [4500] * 6
        assert await stopping == 0

    async def test_a_parent_that_is_killed_leaves_no_worker(self, server: ServerProcess) -> None:
        await until(lambda: server.log().count("worker ready") == 2)
        orphans = children(server)
        server.kill()
        await until(lambda: not any(orphan.is_running() for orphan in orphans))


def test_workers_that_can_not_start_end_the_parent(tmp_path: Path, redis: RedisServer) -> None:
    env = {
        "PARLANCE_SECRET": SECRET,
        "PARLANCE_DATABASE_URL": shared_server().url("no_such_database"),
        "PARLANCE_REDIS_URL": redis.url,
    }
    server = ServerProcess(tmp_path / "data", "--workers", "2", env=env)
    with pytest.raises(RuntimeError, match="no_such_database"):
        server.start()


def children(server: ServerProcess) -> list[psutil.Process]:
    """The workers of a supervised server (and not Python's own helpers)."""
    if server.process is None:
        return []
    found = psutil.Process(server.process.pid).children()
    return [child for child in found if any("spawn_main" in word for word in child.cmdline())]


async def is_alive(peer: Peer, channel: str) -> bool:
    try:
        return bool((await peer.send(channel, "are you there?"))["type"] == "ack")
    except Closed as closed:
        assert closed.code == 1006
        return False


def test_the_doctor_tries_redis(tmp_path: Path, redis: RedisServer) -> None:
    loaded = load_settings({"redis_url": redis.url}, {}, tmp_path, check=False, make=False)
    [finding] = diagnose(loaded, [check_redis])
    assert (finding.status, finding.text) == ("ok", "connected; publishing, subscribing and scripts work")
    assert not redis.command("KEYS", "*doctor*")
