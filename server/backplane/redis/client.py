"""Commands to whatever Redis there is: the right server for each key, redirections followed, deadlines kept.

Everybody on a worker shares one link per server (``CommandLink``), so that the commands of one tick leave together.
Every command has one key, hence works on a Cluster.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any, NoReturn

import structlog
from redis.exceptions import AskError, MovedError, NoScriptError, ReadOnlyError, ResponseError

from server.backplane.redis.address import RedisAddress, host_text
from server.backplane.redis.command import Command, Words
from server.backplane.redis.dial import Dialer
from server.backplane.redis.keeper import Keeper
from server.backplane.redis.link import CommandLink, Link, LinkLost
from server.backplane.redis.startup import find_topology
from server.backplane.redis.timing import TIMING, Timing
from server.backplane.redis.topology import Node, Topology
from server.errors import StartupError, Unavailable

_log = structlog.get_logger(__name__)

MAX_REDIRECTIONS = 4
RETRY_AFTER_MS = 1_000
"""What callers are told: about the time in which a Redis that was restarted is connected again."""


class RedisClient:
    """``start`` before use. While the server of a key is away, what names the key raises ``Unavailable`` at once."""

    def __init__(self, address: RedisAddress, *, name: str, prefix: str, rng: Random, timing: Timing = TIMING) -> None:
        self._dialer = Dialer(address, name, timing)
        self._prefix = prefix
        self._found: Topology | None = None
        self._keepers: dict[Node, Keeper[CommandLink]] = {}
        self._watched: set[Keeper[Any]] = set()
        self._tasks: list[asyncio.Task[NoReturn]] = []
        self._wants_refresh = asyncio.Event()
        self._refusals = 0
        self.on_change: Callable[[], Awaitable[None]] = _nothing
        """Awaited when other nodes serve the keys, or the same nodes others of them."""
        self.db = address.db
        self.timing = timing
        self.rng = rng

    @property
    def topology(self) -> Topology:
        """Which node serves what. ``Unavailable`` before ``start``."""
        if self._found is None:
            raise Unavailable("Redis is not connected yet.", retry_after_ms=RETRY_AFTER_MS)
        return self._found

    @property
    def is_up(self) -> bool:
        """Whether every server is connected."""
        return bool(self._keepers) and all(keeper.link is not None for keeper in self._keepers.values())

    async def start(self) -> None:
        """Connect to all servers. Raises ``StartupError`` with a remedy when that can't be done. Idempotent."""
        if self._found is not None:
            return
        self._found = await find_topology(self._dialer, self._prefix)
        self._open_nodes()
        for node, keeper in self._keepers.items():
            if await keeper.wait_up(self.timing.start_s) is None:
                await self.close()
                raise StartupError(f"Redis at {node} is not reached.", "Open its port to this machine.")
        if self._found.sharded:
            self._tasks.append(asyncio.create_task(self._refresh_for_ever(), name="redis-refresh"))
        elif self._dialer.address.mode == "sentinel":
            self._tasks.append(asyncio.create_task(self._recheck_for_ever(), name="redis-recheck"))

    async def close(self) -> None:
        """End every connection. Idempotent; may be started again."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        keepers, self._keepers = self._keepers, {}
        for keeper in keepers.values():
            await keeper.close()
        self._watched.clear()
        self._found = None

    def watch(self, keeper: Keeper[Any]) -> None:
        """Drop the keeper's link, too, whenever it leads to a server that is not its node any more."""
        self._watched.add(keeper)

    def unwatch(self, keeper: Keeper[Any]) -> None:
        """Undo ``watch``."""
        self._watched.discard(keeper)

    def refresh_soon(self) -> None:
        """Something says that the servers' roles have changed: ask them."""
        self._wants_refresh.set()

    def send(self, key: bytes, words: Words, size_bytes: int) -> None:
        """Send without waiting for the answer. ``Unavailable``: the server is away, or too much waits for it."""
        node = self.topology.node(key)
        self._link(node).send(words, size_bytes, lambda error: self._refused(node, error))

    async def call(self, *commands: Command, within_s: float | None = None) -> list[Any]:
        """The answers of several commands, which leave together and in this order.

        Raises ``Unavailable`` for all when one can't be had within ``within_s`` (``timing.answer_s``): the outcome is
        unknown then.
        """
        try:
            async with asyncio.timeout(self.timing.answer_s if within_s is None else within_s):
                waiting = [self._submit(command) for command in commands]
                answers = [await answer for answer in waiting]
                return [await self._settle(*pair) for pair in zip(commands, answers, strict=True)]
        except TimeoutError:
            raise _unavailable("Redis takes too long.") from None

    def _submit(self, command: Command) -> asyncio.Future[Any]:
        return self._link(self.topology.node(command.key.encode())).submit(command.words)

    async def _settle(self, command: Command, answer: Any) -> Any:
        """Follow what an answer says about where and how to ask, until it is one."""
        words, node, asking = command.words, self.topology.node(command.key.encode()), False
        for _ in range(MAX_REDIRECTIONS):
            match answer:
                case NoScriptError():
                    words = command.loading
                case MovedError():
                    self.refresh_soon()
                    node, asking = _named_by(answer, node), False
                case AskError():
                    node, asking = _named_by(answer, node), True
                case _:
                    break
            answer = await self._ask(node, words, asking)
        if isinstance(answer, LinkLost):
            raise _unavailable("The connection to Redis broke.")
        if isinstance(answer, ResponseError):
            self._refused(node, answer)
            raise _unavailable("Redis can't do this now.") from answer
        return answer

    async def _ask(self, node: Node, words: Words, asking: bool) -> Any:
        """The answer of one node, which may be new. ``asking``: the slot is on its way there, and the node takes this
        one command of it."""
        link = await self._keeper(node).wait_up(self.timing.answer_s)
        if link is None:
            raise _unavailable(f"Redis at {node} is away.")
        if asking:
            link.submit(("ASKING",))
        return await link.submit(words)

    def _link(self, node: Node) -> CommandLink:
        link = self._keeper(node).link
        if link is None:
            raise _unavailable("Redis is away.")
        return link

    def _keeper(self, node: Node) -> Keeper[CommandLink]:
        topology = self.topology
        keeper = self._keepers.get(node)
        if keeper is None:
            keeper = self._keepers[node] = Keeper(
                lambda: topology.dial(node),
                lambda connection: CommandLink(connection, self.timing),
                name=node,
                timing=self.timing,
                rng=self.rng,
                on_down=self.refresh_soon,
            )
            self.watch(keeper)
            keeper.start()
        return keeper

    def _refused(self, node: Node, error: ResponseError) -> None:
        self._refusals += 1
        if isinstance(error, AskError):
            self.refresh_soon()
        elif isinstance(error, ReadOnlyError):
            self._keeper(node).drop()  # it was a primary once; dialling finds today's
        _log_some(self._refusals, "redis refuses commands", server=node, reason=str(error), refusals=self._refusals)

    def _open_nodes(self) -> None:
        for node in self.topology.nodes():
            self._keeper(node)

    async def _refresh_for_ever(self) -> NoReturn:
        failures = 0
        while True:
            await self._wants_refresh.wait()
            self._wants_refresh.clear()
            try:
                await self._refresh()
                failures = 0
            except Exception as error:  # whatever it was, it has to be tried again
                failures += 1
                self._wants_refresh.set()
                _log_some(failures, "the cluster's slots are unknown", reason=str(error), failures=failures)
            await asyncio.sleep(self.timing.refresh_s)

    async def _refresh(self) -> None:
        await self.topology.refresh()
        self._open_nodes()
        await self.on_change()
        for node in set(self._keepers) - set(self.topology.nodes()):
            keeper = self._keepers.pop(node)
            self.unwatch(keeper)
            await keeper.close()

    async def _recheck_for_ever(self) -> NoReturn:
        while True:
            await asyncio.sleep(self.timing.recheck_s)
            for keeper in tuple(self._watched):
                link: Link | None = keeper.link
                if link is not None and await self.topology.is_stale(link.address):
                    keeper.drop()


def _named_by(redirection: AskError, asked: Node) -> Node:
    """The node of a redirection; a member that does not know its own name leaves it out."""
    if not redirection.host:
        return f"{asked.rpartition(':')[0]}:{redirection.port}"
    return host_text((redirection.host, redirection.port))


async def _nothing() -> None:
    """Nobody wants to know."""


def _log_some(count: int, event: str, **values: object) -> None:
    """Log the 1st, 2nd, 4th, 8th … time: such things come in floods."""
    if count & (count - 1) == 0:
        _log.warning(event, **values)


def _unavailable(sentence: str) -> Unavailable:
    return Unavailable(sentence, retry_after_ms=RETRY_AFTER_MS)
