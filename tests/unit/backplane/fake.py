"""A connection to no server: what is written is kept, what is read the test says."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from hiredis import Reader
from redis.asyncio.connection import Connection


class FakeConnection:
    """Plays redis-py's ``Connection`` for a link. ``batches`` are the writes, each a list of commands."""

    host = "fake"
    port = 1

    def __init__(self) -> None:
        self.batches: list[list[list[bytes]]] = []
        self.answers: asyncio.Queue[Any] = asyncio.Queue()
        self.takes_bytes = asyncio.Event()
        self.takes_bytes.set()
        self.closed = 0

    def as_connection(self) -> Connection:
        return cast(Connection, self)

    async def send_packed_command(self, packed: bytes, check_health: bool = True) -> None:
        await self.takes_bytes.wait()
        reader = Reader()
        reader.feed(packed)
        batch = []
        while (words := reader.gets()) is not False:
            batch.append(words)
        self.batches.append(batch)

    async def read_response(self, timeout: float) -> Any:  # noqa: ASYNC109  (redis-py's signature)
        answer = await self.answers.get()
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def disconnect(self, nowait: bool = False) -> None:
        self.closed += 1
