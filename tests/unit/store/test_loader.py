"""Reads that share a query."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import pytest

from server.store.loader import Loader


class Played:
    """Finds every key but "none"; waits for ``gate``; fails while ``broken``."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.broken = False

    async def fetch(self, keys: Sequence[str]) -> Mapping[str, int]:
        self.asked.append(list(keys))
        version = len(self.asked)
        await self.gate.wait()
        if self.broken:
            raise ConnectionError
        return {key: version for key in keys if key != "none"}


async def test_keys_of_one_tick_share_a_query() -> None:
    played = Played()
    loader = Loader(played.fetch, batch_max=10)
    assert await asyncio.gather(*(loader.load(key) for key in ("a", "b", "none", "a"))) == [1, 1, None, 1]
    assert played.asked == [["a", "b", "none"]]


async def test_batches_are_bounded() -> None:
    played = Played()
    loader = Loader(played.fetch, batch_max=2)
    assert await asyncio.gather(*(loader.load(key) for key in "abcde")) == [1, 1, 2, 2, 3]


async def test_an_answer_never_comes_from_a_query_that_began_before_the_question() -> None:
    played = Played()
    loader = Loader(played.fetch, batch_max=10)
    played.gate.clear()
    first = asyncio.create_task(loader.load("a"))
    while not played.asked:
        await asyncio.sleep(0)
    second = asyncio.create_task(loader.load("a"))
    await asyncio.sleep(0)
    played.gate.set()
    assert (await first, await second) == (1, 2)


async def test_an_error_reaches_its_batch_and_the_next_is_asked_again() -> None:
    played = Played()
    loader = Loader(played.fetch, batch_max=10)
    played.broken = True
    found = await asyncio.gather(*(loader.load(key) for key in "ab"), return_exceptions=True)
    assert [type(one) for one in found] == [ConnectionError] * 2
    played.broken = False
    assert await loader.load("a") == 2


async def test_a_cancelled_caller_leaves_the_others_waiting() -> None:
    played = Played()
    loader = Loader(played.fetch, batch_max=10)
    played.gate.clear()
    first, second = asyncio.create_task(loader.load("a")), asyncio.create_task(loader.load("a"))
    await asyncio.sleep(0)
    first.cancel()
    played.gate.set()
    assert await second == 1
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_an_error_that_nobody_waits_for_is_dropped() -> None:
    played = Played()
    loader = Loader(played.fetch, batch_max=10)
    played.gate.clear()
    played.broken = True
    task = asyncio.create_task(loader.load("a"))
    while not played.asked:
        await asyncio.sleep(0)
    task.cancel()
    played.gate.set()
    await loader.close()
    await loader.close()
