"""The databases under test, and what only a test does to them: SQL behind the store's back, faults, other workers."""

from __future__ import annotations

import asyncio
import itertools
import re
import resource
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Any, Protocol

import asyncpg

from server.clock import SystemClock
from server.store import schema
from server.store.sql import SqlStore, sqlite_url
from tests.support import sqlite
from tests.support.postgresql import PostgreSQLServer, empty_database, new_database, shared_server

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

    def __init__(self, folder: Path, *, empty: bool = False) -> None:
        self.path = folder / "store.db"
        if not empty:
            sqlite.new_database(self.path)
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


class _Administrator:
    """A connection of its own, in a thread with a loop of its own, since the test's loop is running."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._thread = ThreadPoolExecutor(1)
        self._runner = asyncio.Runner()
        self._connection: asyncpg.Connection | None = None

    def fetch(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        return self._thread.submit(self._runner.run, self._fetch(statement, *values)).result()

    async def _fetch(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        if self._connection is None or self._connection.is_closed():
            self._connection = await asyncpg.connect(self._url)
        return [tuple(row) for row in await self._connection.fetch(statement, *values)]

    def close(self) -> None:
        if self._connection is not None:
            self._thread.submit(self._runner.run, self._connection.close()).result()
        self._thread.submit(self._runner.close).result()
        self._thread.shutdown()


class PostgresqlHarness(_Stores):
    """A database of its own, on the server that all tests share unless another is given."""

    def __init__(self, server: PostgreSQLServer | None = None, *, empty: bool = False) -> None:
        self.server = server or shared_server()
        self.name = empty_database(self.server) if empty else new_database(self.server)
        super().__init__(self.server.url(self.name))
        self._administrator = _Administrator(self.url)

    async def close(self) -> None:
        await super().close()
        self._administrator.close()
        self.server.drop_database(self.name)

    def sql(self, statement: str, **values: Any) -> list[tuple[Any, ...]]:
        names = list(values)
        numbered = re.sub(r":(\w+)", lambda found: f"${names.index(found[1]) + 1}", statement)
        return self._administrator.fetch(numbered, *values.values())

    @contextmanager
    def no_room(self) -> Iterator[None]:
        # No file may grow beyond a segment of the server's log, and the last page fits by half only.
        with self.server.limited_files(1_048_576 + 4_096):
            yield

    @contextmanager
    def locked(self) -> Iterator[None]:
        tables = ", ".join(schema.metadata.tables)
        self.sql("BEGIN")
        self.sql(f"LOCK TABLE {tables} IN EXCLUSIVE MODE")
        try:
            yield
        finally:
            self.sql("ROLLBACK")


class MakeHarness(Protocol):
    def __call__(self, folder: Path, /, *, empty: bool = False) -> Harness:
        """``folder``: a temporary one. ``empty``: also without tables, which may be there otherwise."""


def _sqlite(folder: Path, *, empty: bool = False) -> Harness:
    return SqliteHarness(folder, empty=empty)


def _postgresql(_folder: Path, *, empty: bool = False) -> Harness:
    return PostgresqlHarness(empty=empty)


IMPLEMENTATIONS: dict[str, MakeHarness] = {"sqlite": _sqlite, "postgresql": _postgresql}
