"""A disk that is full: refused with 503, not ready, nothing half stored; and well again once there is room."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.chaos.checker import check_fleet
from tests.chaos.fleet import fleet_of
from tests.chaos.health import readiness
from tests.chaos.ledger import SqliteLedger
from tests.chaos.length import WITHIN_S, pick
from tests.support.server import ServerProcess


@contextmanager
def full_disk(server: ServerProcess, database: Path) -> Iterator[None]:
    """No file of the server may grow beyond the write-ahead log's present size: the kernel refuses the write."""
    assert server.process is not None
    pid = server.process.pid
    size = database.with_name(database.name + "-wal").stat().st_size
    soft, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (soft, hard))


async def test_the_disk_is_full_for_a_while(server: ServerProcess) -> None:
    database = server.data_dir / "parlance.db"
    async with fleet_of([server.ws_url], SqliteLedger(database), 6, 0, guests=True) as fleet:
        for _ in range(pick(2, 10)):
            async with fleet.chatting(0.05):
                await fleet.exchange()
                fleet.forget_refusals()
                with full_disk(server, database):
                    async with asyncio.timeout(WITHIN_S):
                        while len(fleet.refusals) < 3:
                            await asyncio.sleep(0.05)
                        while await asyncio.to_thread(readiness, server) != 503:
                            await asyncio.sleep(0.1)
                    await asyncio.sleep(pick(0.5, 3.0))
                await fleet.exchange()
                assert set(fleet.refusals) == {503}
                assert await asyncio.to_thread(readiness, server) == 200
            await fleet.settle()
            await check_fleet(fleet)
        assert not fleet.closings, "nobody is cut off for the disk's sake"
