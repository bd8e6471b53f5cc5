"""What is found out before the server starts: which kind of Redis answers, and whether it lets us do everything."""

from __future__ import annotations

import asyncio

from redis.asyncio.connection import Connection
from redis.exceptions import AskError, BusyLoadingError, ClusterDownError, ResponseError

from server.backplane.redis.dial import DIAL_ERRORS, Dialer, ask, explain
from server.backplane.redis.topology import Cluster, Single, Topology, Watched
from server.errors import StartupError

# Such a Redis is about to be ready.
SOON_READY = (BusyLoadingError, ClusterDownError)
RETRY_S = 0.2


async def find_topology(dialer: Dialer, prefix: str) -> Topology:
    """Connect and look. Raises ``StartupError`` with a remedy, after ``timing.start_s`` at the latest."""
    try:
        async with asyncio.timeout(dialer.timing.start_s):
            return await _look_until_ready(dialer, prefix)
    except DIAL_ERRORS as error:
        raise explain(error, dialer.address) from error


async def _look_until_ready(dialer: Dialer, prefix: str) -> Topology:
    while True:
        try:
            return await _look(dialer, prefix)
        except SOON_READY:
            await asyncio.sleep(RETRY_S)


async def _look(dialer: Dialer, prefix: str) -> Topology:
    topology = _expected(dialer)
    await topology.refresh()
    connection = await topology.dial(topology.nodes()[0])
    try:
        if isinstance(topology, Single) and await _is_cluster(connection):
            topology = Cluster(dialer)
            await topology.refresh()
        await _check_rights(connection, topology.sharded, f"{prefix}:probe")
    finally:
        await connection.disconnect(nowait=True)
    return topology


def _expected(dialer: Dialer) -> Topology:
    match dialer.address.mode:
        case "cluster":
            return Cluster(dialer)
        case "sentinel":
            return Watched(dialer)
        case _:
            return Single(dialer)


async def _is_cluster(connection: Connection) -> bool:
    try:
        await ask(connection, "CLUSTER", "INFO")
    except ResponseError:  # "This instance has cluster support disabled", or not for this user
        return False
    return True


async def _check_rights(connection: Connection, sharded: bool, probe: str) -> None:
    """Do each kind of thing that the backplane will do. Raises ``NoPermissionError``, or ``StartupError``."""
    publish, subscribe = ("SPUBLISH", "SSUBSCRIBE") if sharded else ("PUBLISH", "SUBSCRIBE")
    for words in (
        ("EVAL", "return redis.call('EXISTS', KEYS[1])", 1, probe),
        (publish, probe, ""),
        (subscribe, probe),
    ):
        try:
            await ask(connection, *words)
        except AskError:  # another member's slot: rights are looked at before slots
            continue
        except ResponseError as error:
            if "unknown command" in str(error):
                raise StartupError(
                    f"What redis_url names does not know {words[0]}.",
                    "Use Redis 7 or newer; sentinels are named by redis+sentinel://.",
                ) from error
            raise
