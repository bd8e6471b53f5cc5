"""The databases under test, and what only a test does to them: SQL behind the store's back, faults, other workers."""

from __future__ import annotations

import itertools
import resource
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Any, Protocol

from server.clock import SystemClock
from server.store.sql import SqlStore, sqlite_url

_numbers = itertools.count(1)


def new_id() -> str:
    """An identifier of a ULID's length, unique in this process, ascending."""
    return f"01TEST{next(_numbers):020d}"


class Harness(Protocol):
    """One implementation on a fresh, empty database."""

    url: str

    def store(self, **options: Any) -> SqlStore:
        """A worker's store, not started. Stores of one harness share the database; all are closed at the end."""

    async def close(self) -> None:
        """Close every store that was made."""

    def sql(self, statement: str, **values: Any) -> list[tuple[Any, ...]]:
        """Run a statement in its own committed transaction, as an administrator would."""

    def no_room(self) -> AbstractContextManager[None]:
        """The database's disk is full."""

    def locked(self) -> AbstractContextManager[None]:
        """Somebody else holds what every writer needs."""


class _Stores:
    """Makes and closes stores."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._stores: list[SqlStore] = []

    def store(self, **options: Any) -> SqlStore:
        made = SqlStore(self.url, clock=SystemClock(), new_id=new_id, **{"timeout_s": 10.0, **options})
        self._stores.append(made)
        return made

    async def close(self) -> None:
        for store in self._stores:
            await store.close()


class SqliteHarness(_Stores):
    """A file in a temporary folder."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "store.db"
        super().__init__(sqlite_url(self.path))

    def sql(self, statement: str, **values: Any) -> list[tuple[Any, ...]]:
        with closing(self._connect()) as connection:
            return connection.execute(statement, values).fetchall()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, isolation_level=None, timeout=10.0)
        connection.execute("PRAGMA foreign_keys=ON")
        return connection

    @contextmanager
    def no_room(self) -> Iterator[None]:
        # No file of this process may grow beyond the present size of the write-ahead log; the kernel refuses the
        # write as it does on a full disk.
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        size = self.path.with_name(self.path.name + "-wal").stat().st_size
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    @contextmanager
    def locked(self) -> Iterator[None]:
        with closing(self._connect()) as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield
            connection.execute("ROLLBACK")


MakeHarness = Callable[[Path], Awaitable[Harness]]


async def sqlite(folder: Path) -> Harness:
    return SqliteHarness(folder)


IMPLEMENTATIONS: dict[str, MakeHarness] = {"sqlite": sqlite}
