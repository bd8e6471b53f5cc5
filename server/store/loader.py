"""Reads that many callers make at once, answered by one query: while one is in flight the next keys gather.

Nothing is kept: every answer comes from a query that began after it was asked for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping, Sequence
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Loader(Generic[K, V]):
    """``load(key)`` for single callers on top of ``fetch(keys)``, which leaves out the keys that it doesn't find.

    ``batch_max`` bounds the keys of one query; an error of ``fetch`` reaches each caller of its batch.
    """

    def __init__(self, fetch: Callable[[Sequence[K]], Awaitable[Mapping[K, V]]], *, batch_max: int) -> None:
        self._fetch = fetch
        self._batch_max = batch_max
        self._waiting: dict[K, list[asyncio.Future[V | None]]] = {}
        self._task: asyncio.Task[None] | None = None

    async def load(self, key: K) -> V | None:
        """The key's value, None where there is none. Cancelling one caller leaves the others waiting."""
        future: asyncio.Future[V | None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, []).append(future)
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="store-loader")
        return await future

    async def close(self) -> None:
        """Wait for the query in flight and for what gathers behind it."""
        if self._task is not None:
            await self._task

    async def _run(self) -> None:
        try:
            while self._waiting:
                keys = list(self._waiting)[: self._batch_max]
                await self._answer({key: self._waiting.pop(key) for key in keys})
        finally:
            self._task = None

    async def _answer(self, batch: Mapping[K, list[asyncio.Future[V | None]]]) -> None:
        try:
            found = await self._fetch(list(batch))
        except Exception as error:
            for futures in batch.values():
                for future in _open(futures):
                    future.set_exception(error)
        else:
            for key, futures in batch.items():
                for future in _open(futures):
                    future.set_result(found.get(key))


def _open(futures: Iterable[asyncio.Future[V | None]]) -> list[asyncio.Future[V | None]]:
    """Those whose callers were not cancelled."""
    return [future for future in futures if not future.done()]
