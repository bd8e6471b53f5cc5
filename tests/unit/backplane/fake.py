"""A connection to no server: what is written is kept, what is read the test says."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from redis.asyncio.connection import Connection


class FakeConnection:
    """Plays redis-py's ``Connection`` for a link. ``batches`` are the writes, each a list of commands."""

    host = "fake"
    port = 1

    def __init__(self) -> None:
        self.batches: list[list[tuple[Any, ...]]] = []
        self.answers: asyncio.Queue[Any] = asyncio.Queue()
        self.takes_bytes = asyncio.Event()
        self.takes_bytes.set()
        self.closed = 0

    def as_connection(self) -> Connection:
        return cast(Connection, self)

    @property
    def written(self) -> list[tuple[Any, ...]]:
        """All commands but the pings."""
        return [words for batch in self.batches for words in batch if words != ("PING",)]

    def pack_commands(self, commands: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        return list(commands)

    async def send_packed_command(self, packed: list[tuple[Any, ...]], check_health: bool = True) -> None:
        await self.takes_bytes.wait()
        self.batches.append(packed)

    async def read_response(self, timeout: float) -> Any:  # noqa: ASYNC109  (redis-py's signature)
        answer = await self.answers.get()
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def disconnect(self, nowait: bool = False) -> None:
        self.closed += 1
