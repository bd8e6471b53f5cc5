"""Reads that many callers make at once, answered by one query: while one is in flight the next keys gather.

Nothing is kept: every answer comes from a query that began after it was asked for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
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
        self._waiting: dict[K, asyncio.Future[V | None]] = {}
        self._task: asyncio.Task[None] | None = None

    async def load(self, key: K) -> V | None:
        """The key's value, None where there is none. Cancelling one caller leaves the others waiting."""
        future = self._waiting.get(key)
        if future is None:
            future = self._waiting[key] = asyncio.get_running_loop().create_future()
            # An error nobody waits for any more is no news: the callers were cancelled.
            future.add_done_callback(_mark_retrieved)
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="store-loader")
        return await asyncio.shield(future)

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

    async def _answer(self, batch: Mapping[K, asyncio.Future[V | None]]) -> None:
        try:
            found = await self._fetch(list(batch))
        except Exception as error:
            for future in batch.values():
                future.set_exception(error)
        else:
            for key, future in batch.items():
                future.set_result(found.get(key))


def _mark_retrieved(future: asyncio.Future[V | None]) -> None:
    if not future.cancelled():
        future.exception()
