"""The queue and its one writer, over commits that the tests play."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import pytest

from server.clock import ManualClock
from server.errors import Conflict, Invalid, Unavailable
from server.store.dialect import Failure
from server.store.group import CommitReport, GroupWriter


class Away(Exception):
    """The database is gone."""


class Refused(Exception):
    """One row is bad."""


class Played:
    """Commits of strings: those that start with "bad" spoil their group, "none" fails alone."""

    def __init__(self) -> None:
        self.groups: list[list[str]] = []
        self.stored: list[str] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.away = False
        self.failure = Failure.DUPLICATE

    async def commit(self, operations: Sequence[str]) -> list[object]:
        self.groups.append(list(operations))
        await self.gate.wait()
        if self.away:
            raise Away
        if any(operation.startswith("bad") for operation in operations):
            raise Refused("row")
        self.stored += operations
        return [KeyError(one) if one == "none" else f"{one}!" for one in operations]

    def classify(self, error: BaseException) -> Failure:
        return Failure.AWAY if isinstance(error, Away) else self.failure


Make = Callable[..., GroupWriter[str]]


@pytest.fixture
def played() -> Played:
    return Played()


@pytest.fixture
async def make(played: Played) -> AsyncIterator[Make]:
    writers: list[GroupWriter[str]] = []

    def started(**options: Any) -> GroupWriter[str]:
        values = {"clock": ManualClock(), "group_max": 8, "group_wait_ms": 0.0, "queue_max": 100, "timeout_s": 60.0}
        writer: GroupWriter[str] = GroupWriter(played.commit, played.classify, **{**values, **options})
        writer.start()
        writers.append(writer)
        return writer

    yield started
    played.gate.set()
    for writer in writers:
        await writer.close()


async def outcomes(writer: GroupWriter[str], *operations: str) -> list[Any]:
    calls = [writer.submit(operation) for operation in operations]
    return await asyncio.gather(*calls, return_exceptions=True)


async def test_one_ticks_callers_share_a_commit(played: Played, make: Make) -> None:
    assert await outcomes(make(), "a", "b", "c") == ["a!", "b!", "c!"]
    assert played.groups == [["a", "b", "c"]]


async def test_the_next_group_gathers_while_a_commit_is_in_flight(played: Played, make: Make) -> None:
    writer = make()
    played.gate.clear()
    first = asyncio.create_task(writer.submit("a"))
    while not played.groups:
        await asyncio.sleep(0)
    rest = [asyncio.create_task(writer.submit(one)) for one in "bcd"]
    await asyncio.sleep(0)
    assert (played.groups, writer.waiting) == ([["a"]], 3)
    played.gate.set()
    await asyncio.gather(first, *rest)
    assert played.groups == [["a"], ["b", "c", "d"]]


async def test_groups_are_bounded_and_keep_the_order(played: Played, make: Make) -> None:
    names = [str(number) for number in range(20)]
    await outcomes(make(), *names)
    assert [len(group) for group in played.groups] == [8, 8, 4]
    assert played.stored == names


async def test_an_outcome_that_is_an_error_is_raised_to_its_caller(played: Played, make: Make) -> None:
    found = await outcomes(make(), "a", "none", "b")
    assert (found[0], type(found[1]), found[2]) == ("a!", KeyError, "b!")


async def test_bad_rows_fail_alone_and_the_rest_keeps_its_order(played: Played, make: Make) -> None:
    found = await outcomes(make(), "a", "bad 1", "b", "c", "d", "bad 2", "e", "f")
    assert [type(one) for one in found] == [str, Conflict, str, str, str, Conflict, str, str]
    assert played.stored == list("abcdef")
    assert len(played.groups) <= 13


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (Failure.DUPLICATE, Conflict),
        (Failure.BAD_VALUE, Invalid),
        (Failure.CONTENDED, Unavailable),
        (Failure.BUG, Refused),
    ],
)
async def test_a_lone_bad_row_says_whose_fault_it_is(
    played: Played, make: Make, failure: Failure, kind: type[Exception]
) -> None:
    played.failure = failure
    (error,) = await outcomes(make(), "bad")
    assert type(error) is kind
    assert isinstance(error if kind is Refused else error.__cause__, Refused)


async def test_a_database_away_is_asked_once_per_group_and_then_again(played: Played, make: Make) -> None:
    writer = make()
    played.away = True
    found = await outcomes(writer, "a", "b", "c")
    assert all(isinstance(one, Unavailable) and one.retry_after_ms for one in found)
    assert len({id(one) for one in found}) == 3
    assert played.groups == [["a", "b", "c"]]
    played.away = False
    assert await outcomes(writer, "a") == ["a!"]


async def test_a_full_queue_refuses_without_waiting(played: Played, make: Make) -> None:
    writer = make(queue_max=3)
    found = await outcomes(writer, *"abcde")
    assert [type(one) for one in found] == [str, str, str, Unavailable, Unavailable]
    assert played.stored == list("abc")


async def test_a_caller_waits_no_longer_than_its_deadline(played: Played, make: Make) -> None:
    writer = make(timeout_s=0.01)
    played.gate.clear()
    first, second = (asyncio.create_task(writer.submit(one)) for one in "ab")
    await asyncio.wait([first])
    late = await outcomes(writer, "c")
    assert isinstance(late[0], Unavailable) and isinstance(first.exception(), Unavailable)
    played.gate.set()
    await writer.close()
    assert isinstance(second.exception(), Unavailable)
    assert played.stored == ["a", "b"], "c was given up before a commit took it"


async def test_a_cancelled_caller_leaves_its_operation(played: Played, make: Make) -> None:
    writer = make()
    played.gate.clear()
    first, second = (asyncio.create_task(writer.submit(one)) for one in "ab")
    await asyncio.sleep(0)
    second.cancel()
    played.gate.set()
    assert await first == "a!"
    assert second.cancelled() and played.stored == ["a", "b"]


async def test_closing_commits_what_waits_and_refuses_what_comes(played: Played, make: Make) -> None:
    writer = make(group_wait_ms=60_000.0)
    calls = [asyncio.ensure_future(writer.submit(str(number))) for number in range(20)]
    await asyncio.wait_for(writer.close(), 5)
    assert [call.result() for call in calls] == [f"{number}!" for number in range(20)]
    await writer.close()
    (late,) = await outcomes(writer, "x")
    assert isinstance(late, Unavailable) and "closed" in str(late)


async def test_a_group_that_is_full_waits_no_longer(played: Played, make: Make) -> None:
    writer = make(group_wait_ms=60_000.0, group_max=3)
    calls = [asyncio.ensure_future(writer.submit(one)) for one in "ab"]
    while writer.waiting and not played.groups:
        await asyncio.sleep(0)
        if len(calls) == 2:
            calls.append(asyncio.ensure_future(writer.submit("c")))
    assert await asyncio.wait_for(asyncio.gather(*calls), 5) == ["a!", "b!", "c!"]
    assert played.groups == [["a", "b", "c"]]


async def test_an_observer_that_fails_stops_nobody(make: Make) -> None:
    def broken(_report: CommitReport) -> None:
        raise ZeroDivisionError

    writer = make(observe=broken)
    assert await outcomes(writer, "a") == ["a!"]
    assert await outcomes(writer, "b") == ["b!"]


async def test_every_transaction_is_reported(played: Played, make: Make) -> None:
    clock = ManualClock()
    reports: list[CommitReport] = []
    writer = make(clock=clock, observe=reports.append)
    played.gate.clear()
    calls = [asyncio.create_task(writer.submit(one)) for one in ("a", "bad")]
    while not played.groups:
        await asyncio.sleep(0)
    clock.advance(12.5)
    played.gate.set()
    await asyncio.gather(*calls, return_exceptions=True)
    assert reports == [CommitReport(2, 12.5, False), CommitReport(1, 0.0, True), CommitReport(1, 0.0, False)]
    stats = writer.stats
    assert (stats.commits, stats.failed_commits, stats.operations, stats.commit_ms) == (1, 2, 1, 12.5)
