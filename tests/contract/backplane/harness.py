"""The back ends under test, and what only a test does to them."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from contextlib import AsyncExitStack
from random import Random
from typing import Any, Protocol, Self

from redis.crc import key_slot

from server.backplane.connect import Connected, connect_backplane, in_memory
from server.backplane.memory import MemoryHub, MemoryRoll
from server.backplane.memory.registry import DEAD_AFTER_MS
from server.clock import ManualClock, SystemClock
from tests.support.redis import RedisCluster, RedisSentinel, RedisServer

_numbers = itertools.count(1)


class Deployment(Protocol):
    """One implementation, empty, with any number of workers. Leaving it closes them."""

    async def worker(self, name: str) -> Connected:
        """A started worker; whatever it hears is lost."""

    def unstarted(self, name: str) -> Connected:
        """A worker whose backplane the test starts."""

    def let_die(self, name: str) -> None:
        """From now on the worker counts as one that has not beaten for longer than allowed."""

    def empty(self) -> None:
        """Lose everything that is kept, scripts included."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *_: object) -> None: ...


class _Closing:
    """Closes the workers that it made."""

    def __init__(self) -> None:
        self._stack = AsyncExitStack()

    def unstarted(self, name: str) -> Connected:
        made = self._make(name)
        self._stack.push_async_callback(made.backplane.close)
        return made

    async def worker(self, name: str) -> Connected:
        made = self.unstarted(name)
        await made.backplane.start(lambda _: None, lambda: None)
        return made

    def _make(self, name: str) -> Connected:
        raise NotImplementedError

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()


class InMemory(_Closing):
    """Workers of one process."""

    def __init__(self) -> None:
        super().__init__()
        self._clock = ManualClock()
        self._hub = MemoryHub()
        self._roll = MemoryRoll()

    def _make(self, name: str) -> Connected:
        return in_memory(name, clock=self._clock, hub=self._hub, roll=self._roll)

    def let_die(self, name: str) -> None:
        self._roll.beats_ms[name] = self._clock.mono_ms() - DEAD_AFTER_MS - 1

    def empty(self) -> None:
        self._roll.beats_ms.clear()
        self._roll.devices.clear()


class OnRedis(_Closing):
    """Workers over real servers, which many tests share: each has a prefix of its own."""

    def __init__(self, url: str, servers: Callable[[], list[RedisServer]]) -> None:
        super().__init__()
        self.url = url
        self.prefix = f"test{next(_numbers)}"
        self._servers = servers

    def _make(self, name: str) -> Connected:
        return connect_backplane(self.url, name, clock=SystemClock(), rng=Random(), prefix=self.prefix)

    def command(self, key: str, *words: Any) -> Any:
        """Run a command on the server that holds ``key`` (without the prefix)."""
        name = f"{self.prefix}:{key}"
        servers = self._servers()
        server = servers[key_slot(name.encode()) * len(servers) // 16_384]
        return server.command(words[0], name, *words[1:])

    def let_die(self, name: str) -> None:
        self.command("workers", "ZADD", 1, name)

    def empty(self) -> None:
        for server in self._servers():
            server.flush()


def on_server(server: RedisServer) -> OnRedis:
    return OnRedis(server.url, lambda: [server])


def on_cluster(cluster: RedisCluster) -> OnRedis:
    return OnRedis(cluster.url, lambda: cluster.servers)


def on_sentinel(sentinel: RedisSentinel) -> OnRedis:
    return OnRedis(sentinel.url, lambda: [sentinel.primary()])
