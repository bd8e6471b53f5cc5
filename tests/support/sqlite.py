"""A SQLite database with our tables, copied: migrations take a seventh of a second, and a thousand tests begin so."""

from __future__ import annotations

import asyncio
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

from server.clock import SystemClock
from server.store.sql import SqlStore, sqlite_url


def new_database(path: Path) -> None:
    """Write the file that the first start of a store would make."""
    path.write_bytes(_migrated())


@cache
def _migrated() -> bytes:
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(1) as thread:  # the caller's own loop may run
        path = Path(folder) / "store.db"
        thread.submit(asyncio.run, _make(path)).result()
        return path.read_bytes()  # whole: the last to close it brings the log into it


async def _make(path: Path) -> None:
    store = SqlStore(sqlite_url(path), clock=SystemClock(), new_id=str)
    await store.start()
    await store.close()
