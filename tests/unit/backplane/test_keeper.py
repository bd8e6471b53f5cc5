"""Links that break are made again."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any

import pytest
from redis.asyncio.connection import Connection
from redis.exceptions import ConnectionError as RedisConnectionError

from server.backplane.redis.keeper import Keeper
from server.backplane.redis.link import CommandLink
from server.backplane.redis.timing import Timing
from tests.unit.backplane.fake import FakeConnection

EAGER = Timing(ping_s=60.0, silence_s=60.0, retry_first_s=0.0, retry_max_s=0.0)


class Server:
    """Answers calls with connections, or with the errors that are due first."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.is_gone = False
        self.connections: list[FakeConnection] = []
        self.events: list[str] = []
        self.keeper = Keeper(
            self.dial,
            lambda connection: CommandLink(connection, EAGER),
            name="fake",
            timing=EAGER,
            rng=Random(0),
            on_up=lambda _: self.events.append("up"),
            on_down=lambda: self.events.append("down"),
        )

    async def dial(self) -> Connection:
        if self.is_gone:
            raise RedisConnectionError("away")
        if self.errors:
            raise self.errors.pop(0)
        self.connections.append(FakeConnection())
        return self.connections[-1].as_connection()

    async def has_links(self, count: int) -> None:
        while len(self.connections) < count or self.keeper.link is None:
            await asyncio.sleep(0)


async def test_it_connects_and_says_so() -> None:
    server = Server()
    assert not server.keeper.is_away, "nobody has tried yet"
    server.keeper.start()
    server.keeper.start()
    link = await server.keeper.wait_up(10.0)
    assert link is not None
    assert link.address == ("fake", 1)
    assert server.events == ["up"]
    await server.keeper.close()
    assert server.events == ["up", "down"]
    assert server.connections[0].closed == 1
    assert server.keeper.dials == 1


async def test_it_tries_until_somebody_answers_whatever_went_wrong() -> None:
    server = Server(RedisConnectionError("away"), OSError("no route"), TimeoutError(), KeyError("a bug"))
    server.keeper.start()
    await server.has_links(1)
    assert server.keeper.dials == 5
    assert server.events == ["down"] * 4 + ["up"]
    assert not server.keeper.is_away
    await server.keeper.close()


async def test_a_link_that_breaks_is_replaced() -> None:
    server = Server()
    server.keeper.start()
    await server.has_links(1)
    server.connections[0].answers.put_nowait(RedisConnectionError("cut"))
    await server.has_links(2)
    assert server.events == ["up", "down", "up"]
    assert server.connections[0].closed == 1
    await server.keeper.close()


async def test_a_link_that_is_dropped_is_replaced() -> None:
    server = Server()
    server.keeper.drop()
    server.keeper.start()
    await server.has_links(1)
    server.keeper.drop()
    await server.has_links(2)
    await server.keeper.close()


async def test_a_bug_in_who_is_told_does_not_end_it() -> None:
    server = Server()
    bugs: list[Any] = [KeyError("a bug")]

    def on_up(link: CommandLink) -> None:
        if bugs:
            raise bugs.pop()

    server.keeper = Keeper(
        server.dial,
        lambda connection: CommandLink(connection, EAGER),
        name="fake",
        timing=EAGER,
        rng=Random(0),
        on_up=on_up,
    )
    server.keeper.start()
    await server.has_links(2)
    await server.keeper.close()


async def test_nobody_there_is_away() -> None:
    server = Server()
    server.is_gone = True
    server.keeper.start()
    assert await server.keeper.wait_up(0.001) is None
    assert server.keeper.is_away
    await server.keeper.close()
    await server.keeper.close()


async def test_pauses_grow_to_their_limit_with_jitter(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    sleep = asyncio.sleep

    async def note(delay: float) -> None:
        pauses.append(delay)
        await sleep(0)

    monkeypatch.setattr("server.backplane.redis.keeper.asyncio.sleep", note)
    server = Server(*(RedisConnectionError("away") for _ in range(12)))
    timing = Timing(retry_first_s=0.05, retry_max_s=1.0)
    server.keeper = Keeper(
        server.dial,
        lambda connection: CommandLink(connection, EAGER),
        name="fake",
        timing=timing,
        rng=Random(7),
    )
    server.keeper.start()
    while len(pauses) < 12:
        await sleep(0)
    await server.keeper.close()
    longest = [min(0.05 * 2.0**number, 1.0) for number in range(1, 13)]
    assert all(most / 2 <= pause <= most for pause, most in zip(pauses, longest, strict=False))
    assert len(set(pauses[-5:])) == 5
