"""A worker to be killed: ``python -m tests.contract.store.child URL CHANNEL`` prints the key of each acked message."""

from __future__ import annotations

import asyncio
import itertools
import sys

import structlog

from server.clock import SystemClock
from server.store.ports import Append
from server.store.sql import SqlStore
from server.wire.parts import User

structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))


async def talk(url: str, channel: str) -> None:
    ids = (f"01CHILD{number:019d}" for number in itertools.count())
    store = SqlStore(url, clock=SystemClock(), new_id=lambda: next(ids))
    await store.start()

    async def send_all(sender: User) -> None:
        for number in itertools.count():
            key = f"{sender.id}-{number}"
            await store.append(Append(channel, sender, key, key, next(ids), 1, wants_turn=True, worker="child"))
            sys.stdout.write(f"{key}\n")
            sys.stdout.flush()

    await asyncio.gather(*(send_all(User(f"child-{place}", "customer", "x")) for place in range(8)))


if __name__ == "__main__":
    asyncio.run(talk(sys.argv[1], sys.argv[2]))
