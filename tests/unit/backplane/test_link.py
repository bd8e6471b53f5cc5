"""The link that everybody on a worker shares, over a connection that the test plays."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

from server.backplane.redis import link as link_module
from server.backplane.redis.link import BATCH_COMMANDS, CommandLink, LinkLost
from server.backplane.redis.timing import TIMING, Timing
from server.errors import Unavailable
from tests.unit.backplane.fake import FakeConnection

PATIENT = Timing(ping_s=60.0, silence_s=60.0)
IMPATIENT = Timing(ping_s=0.001, silence_s=0.001)


class Running:
    """A link with its life as a task."""

    def __init__(self, timing: Timing = PATIENT) -> None:
        self.connection = FakeConnection()
        self.link = CommandLink(self.connection.as_connection(), timing)
        self.life = asyncio.create_task(self.link.run())

    async def ends(self) -> str:
        """The reason for which the link ends."""
        with pytest.raises(LinkLost) as caught:
            await self.life
        assert self.connection.closed == 1
        return str(caught.value)


@pytest.fixture
async def running() -> AsyncIterator[Running]:
    made = Running()
    yield made
    made.life.cancel()
    await asyncio.gather(made.life, return_exceptions=True)
    assert made.connection.closed == 1


async def settle() -> None:
    """Let every task do what it can."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_commands_of_one_tick_leave_together_and_answers_come_in_their_order(running: Running) -> None:
    futures = [running.link.submit(("GET", str(number))) for number in range(3)]
    await settle()
    assert running.connection.batches == [[[b"GET", b"0"], [b"GET", b"1"], [b"GET", b"2"]]]
    for answer in (b"a", None, b"c"):
        running.connection.answers.put_nowait(answer)
    assert [await future for future in futures] == [b"a", None, b"c"]


async def test_long_queues_are_written_in_pieces(running: Running) -> None:
    for number in range(BATCH_COMMANDS * 2 + 1):
        running.link.submit(("GET", number))
    await settle()
    assert [len(batch) for batch in running.connection.batches] == [BATCH_COMMANDS, BATCH_COMMANDS, 1]


async def test_the_answer_of_a_caller_who_left_goes_to_nobody_else(running: Running) -> None:
    left, stayed = running.link.submit(("GET", "a")), running.link.submit(("GET", "b"))
    left.cancel()
    for answer in (b"of a", b"of b"):
        running.connection.answers.put_nowait(answer)
    assert await stayed == b"of b"


async def test_words_that_cannot_be_written_are_their_senders_error(running: Running) -> None:
    with pytest.raises(UnicodeEncodeError):
        running.link.submit(("GET", "\ud800"))
    asked = running.link.submit(("GET", "a"))
    running.connection.answers.put_nowait(b"a")
    assert await asked == b"a"


async def test_an_error_of_the_server_is_an_answer(running: Running) -> None:
    first, second = running.link.submit(("GET", "a")), running.link.submit(("GET", "b"))
    running.connection.answers.put_nowait(ResponseError("no"))
    running.connection.answers.put_nowait(b"yes")
    assert isinstance(await first, ResponseError)
    assert await second == b"yes"


async def test_answers_to_what_was_only_sent_matter_when_they_are_errors(running: Running) -> None:
    errors: list[ResponseError] = []
    for _ in range(2):
        running.link.send(("PUBLISH", "c", b""), 1, errors.append)
    asked = running.link.submit(("GET", "a"))
    for answer in (3, ResponseError("no"), b"a"):
        running.connection.answers.put_nowait(answer)
    assert await asked == b"a"
    assert [str(error) for error in errors] == ["no"]


async def test_too_many_commands_are_refused(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_module, "MAX_WAITING", 3)
    waiting = [running.link.submit(("GET", "a")) for _ in range(3)]
    with pytest.raises(Unavailable, match="does not keep up"):
        running.link.submit(("GET", "a"))
    running.connection.answers.put_nowait(b"a")
    await waiting[0]
    running.link.submit(("GET", "a"))


async def test_too_many_bytes_are_refused(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_module, "MAX_WAITING_BYTES", 100)
    running.link.send(("PUBLISH", "c", bytes(60)), 60, lambda _: None)
    with pytest.raises(Unavailable, match="does not keep up"):
        running.link.send(("PUBLISH", "c", bytes(60)), 60, lambda _: None)
    running.connection.answers.put_nowait(1)
    await settle()
    running.link.send(("PUBLISH", "c", bytes(60)), 60, lambda _: None)


async def test_what_waits_when_the_connection_breaks_is_told() -> None:
    running = Running()
    asked = running.link.submit(("GET", "a"))
    running.connection.answers.put_nowait(RedisConnectionError("Connection closed by server."))
    assert await running.ends() == "Connection closed by server."
    assert isinstance(await asked, LinkLost)


async def test_an_answer_that_nobody_asked_for_ends_the_link() -> None:
    running = Running()
    running.connection.answers.put_nowait(b"what?")
    assert "nobody asked for" in await running.ends()


async def test_a_link_whose_pings_are_answered_lives() -> None:
    running = Running(Timing(ping_s=0.001, silence_s=30.0))
    for _ in range(20):
        before = len(running.connection.batches)
        while len(running.connection.batches) == before:
            await asyncio.sleep(0.001)
        running.connection.answers.put_nowait(b"PONG")
    assert not running.life.done()
    assert all(batch == [[b"PING"]] for batch in running.connection.batches)
    running.life.cancel()
    await asyncio.gather(running.life, return_exceptions=True)


async def test_a_link_whose_ping_is_not_answered_ends() -> None:
    running = Running(IMPATIENT)
    assert "no answer to a ping" in await running.ends()


async def test_a_server_that_takes_no_bytes_ends_the_link() -> None:
    running = Running(Timing(ping_s=60.0, silence_s=0.001))
    running.connection.takes_bytes.clear()
    running.link.submit(("GET", "a"))
    assert "has taken no bytes" in await running.ends()


async def test_cancelling_its_life_closes_it_and_leaves_no_task(running: Running) -> None:
    before = asyncio.all_tasks()
    other = Running()
    await settle()
    other.life.cancel()
    await asyncio.gather(other.life, return_exceptions=True)
    assert other.connection.closed == 1
    assert asyncio.all_tasks() == before


def test_a_dead_link_is_replaced_within_the_five_seconds_that_are_promised() -> None:
    notices_after_s = TIMING.ping_s + TIMING.silence_s + TIMING.ping_s / 4
    assert notices_after_s + TIMING.retry_max_s < 5.0
