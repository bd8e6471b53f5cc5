"""Which server a key or a channel belongs to, and how to reach that server now.

A node is a name that stays the same while its server does: "primary" for the only one there is (wherever the
sentinels say it is at the moment), ``host:port`` for a member of a Cluster.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Sequence
from typing import Any, Protocol, TypeVar

from redis.asyncio.connection import Connection
from redis.crc import key_slot
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

from server.backplane.redis.address import Host, host_text
from server.backplane.redis.dial import DIAL_ERRORS, Dialer, ask

Node = str
Result = TypeVar("Result")

PRIMARY: Node = "primary"
SLOTS = 16_384


class Topology(Protocol):
    """Nodes, and connections to them. What asks servers raises one of ``DIAL_ERRORS``."""

    sharded: bool
    """Whether a channel belongs to one node, as a key does (``SSUBSCRIBE``)."""

    def nodes(self) -> Sequence[Node]:
        """All that serve keys and channels."""

    def node(self, key: bytes) -> Node:
        """The one that serves a key, or a sharded channel."""

    async def refresh(self) -> None:
        """Ask who serves what."""

    async def dial(self, node: Node) -> Connection:
        """Connect to a node."""

    async def is_stale(self, host: Host) -> bool:
        """Whether a connection to ``host``, though it works, leads to a server that is not its node any more."""


class Single:
    """One server at one place."""

    sharded = False

    def __init__(self, dialer: Dialer) -> None:
        self._dialer = dialer

    def nodes(self) -> Sequence[Node]:
        return (PRIMARY,)

    def node(self, key: bytes) -> Node:  # noqa: ARG002  (there is one only)
        return PRIMARY

    async def refresh(self) -> None:
        """Nothing can change."""

    async def dial(self, node: Node) -> Connection:  # noqa: ARG002
        return await self._dialer.to(self._dialer.address.hosts[0])

    async def is_stale(self, host: Host) -> bool:  # noqa: ARG002
        return False


class Watched(Single):
    """The primary of a service that sentinels watch over (Redis Sentinel's client guide)."""

    async def dial(self, node: Node) -> Connection:  # noqa: ARG002
        host = await self._primary()
        connection = await self._dialer.to(host)
        try:
            role, *_ = await ask(connection, "ROLE")
            if role != b"master":  # the sentinels have not agreed yet, or their word is old
                raise RedisConnectionError(f"{host_text(host)} is no primary at the moment")
        except BaseException:
            await connection.disconnect(nowait=True)
            raise
        return connection

    async def is_stale(self, host: Host) -> bool:
        try:
            return await self._primary() != host
        except DIAL_ERRORS:  # sentinels that are away are no reason to leave a primary that works
            return False

    async def _primary(self) -> Host:
        return await first_success(self._ask_sentinel(host) for host in self._dialer.address.hosts)

    async def _ask_sentinel(self, host: Host) -> Host:
        service = self._dialer.address.service
        connection = await self._dialer.to_sentinel(host)
        try:
            found = await ask(connection, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", service)
        finally:
            await connection.disconnect(nowait=True)
        if not found:
            raise RedisConnectionError(f"the sentinel {host_text(host)} watches over no service named {service!r}")
        name, port = found
        return name.decode(), int(port)


class Cluster:
    """A Redis Cluster (Redis Cluster specification): every slot has a master, and any member knows them all."""

    sharded = True

    def __init__(self, dialer: Dialer) -> None:
        self._dialer = dialer
        self._owners: list[Node] = []
        self._hosts: dict[Node, Host] = {}

    def nodes(self) -> Sequence[Node]:
        return tuple(self._hosts)

    def node(self, key: bytes) -> Node:
        return self._owners[key_slot(key)]

    async def refresh(self) -> None:
        asked = dict.fromkeys((*self._hosts.values(), *self._dialer.address.hosts))
        self._owners, self._hosts = await first_success(self._ask_member(host) for host in asked)

    async def dial(self, node: Node) -> Connection:
        return await self._dialer.to(self._hosts.get(node) or _host(node))

    async def is_stale(self, host: Host) -> bool:  # noqa: ARG002  (a member that lost a slot says MOVED itself)
        return False

    async def _ask_member(self, host: Host) -> tuple[list[Node], dict[Node, Host]]:
        connection = await self._dialer.to(host)
        try:
            rows = await ask(connection, "CLUSTER", "SLOTS")
        finally:
            await connection.disconnect(nowait=True)
        return read_slots(rows, host)


def read_slots(rows: Iterable[Sequence[Any]], asked: Host) -> tuple[list[Node], dict[Node, Host]]:
    """``CLUSTER SLOTS`` as the owner of each slot, and where the owners are.

    ``rows``: ``[first slot, last slot, [name, port, …] of the master, …]``; a member that does not know its own name
    leaves it out, and means the one it was ``asked`` by. Raises ``ResponseError`` where a slot has no master.
    """
    owners: list[Node] = [""] * SLOTS
    hosts: dict[Node, Host] = {}
    for first, last, (name, port, *_), *_ in rows:
        host = (name.decode() if name else asked[0], int(port))
        node = host_text(host)
        hosts[node] = host
        owners[first : last + 1] = [node] * (last + 1 - first)
    if "" in owners:
        raise ResponseError(f"slot {owners.index('')} of the cluster has no master")
    return owners, hosts


def _host(node: Node) -> Host:
    name, _, port = node.rpartition(":")
    return name.strip("[]"), int(port)


async def first_success(calls: Iterable[Coroutine[Any, Any, Result]]) -> Result:
    """Run all; the first result counts, and the others are cancelled. When all fail, the last error is raised."""
    tasks = [asyncio.ensure_future(call) for call in calls]
    error: BaseException = RedisConnectionError("no server is known")
    try:
        for done in asyncio.as_completed(tasks):
            try:
                return await done
            except DIAL_ERRORS as failure:
                error = failure
        raise error
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
