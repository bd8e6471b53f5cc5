"""Threads for blocking work: order, outcomes, what becomes of those who don't wait."""

from __future__ import annotations

import asyncio
from functools import partial
from threading import Event, get_ident

import pytest

from server.store.threads import Threads


async def test_work_is_done_elsewhere_in_the_order_given() -> None:
    threads, done = Threads(1, "test"), []

    def work(number: int) -> int:
        done.append(number)
        return get_ident()

    idents = await asyncio.gather(*(threads.run(partial(work, number)) for number in range(50)))
    assert done == list(range(50))
    assert len(set(idents)) == 1
    assert get_ident() not in idents
    await threads.close()


async def test_an_error_is_its_callers_and_ends_nothing() -> None:
    threads = Threads(1, "test")
    with pytest.raises(ZeroDivisionError):
        await threads.run(lambda: 1 / 0)
    assert await threads.run(lambda: 7) == 7
    await threads.close()


async def test_several_work_at_once() -> None:
    threads, met = Threads(2, "test"), [Event(), Event()]

    def meet(mine: int) -> bool:
        met[mine].set()
        return met[1 - mine].wait(10)

    assert all(await asyncio.gather(threads.run(lambda: meet(0)), threads.run(lambda: meet(1))))
    await threads.close()


async def test_what_is_cancelled_in_the_line_is_not_begun() -> None:
    threads, gate, done = Threads(1, "test"), Event(), []
    first = threads.run(lambda: gate.wait(10))
    second = threads.run(lambda: done.append(2))
    third = threads.run(lambda: done.append(3))
    second.cancel()
    gate.set()
    assert await first
    await third
    assert done == [3]
    await threads.close()


async def test_cancelled_at_work_it_is_finished_and_its_outcome_dropped() -> None:
    threads, begun, gate, done = Threads(1, "test"), Event(), Event(), []

    def work() -> None:
        begun.set()
        gate.wait(10)
        done.append(1)

    future = threads.run(work)
    while not begun.is_set():
        await asyncio.sleep(0)
    future.cancel()
    gate.set()
    assert await threads.run(lambda: list(done)) == [1]
    await threads.close()


async def test_closing_lets_what_waits_be_done() -> None:
    threads = Threads(2, "test")
    done: list[int] = []
    futures = [threads.run(partial(done.append, number)) for number in range(20)]
    await threads.close()
    await asyncio.gather(*futures)
    assert sorted(done) == list(range(20))


def test_a_loop_that_is_gone_is_nobodys_trouble() -> None:
    begun, gate = Event(), Event()
    threads: list[Threads] = []

    def work() -> None:
        begun.set()
        gate.wait(10)

    async def leave() -> None:
        threads.append(Threads(1, "test"))
        threads[0].run(work)
        while not begun.is_set():
            await asyncio.sleep(0)

    asyncio.run(leave())
    gate.set()

    async def come_back() -> int:
        return await threads[0].run(lambda: 7)

    assert asyncio.run(come_back()) == 7
    asyncio.run(threads[0].close())
