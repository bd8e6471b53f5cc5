"""SQLite: WAL, ``synchronous=FULL``, one writer. The only file with SQL of SQLite's own.

The driver is Python's own sqlite3 in threads of ours, a whole transaction per hop between event loop and thread.
aiosqlite hops at each cursor, execute, fetch and close: a small commit then takes 1.8 instead of 0.9 ms of CPU, a
read 0.34 instead of 0.12 ms (measured, 2 cores, uvloop; docs/architecture.md).
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TypeVar

import structlog
from sqlalchemy import URL, Connection, Engine, Insert, Table, create_engine, event
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.pool import NullPool
from sqlalchemy.sql.compiler import SQLCompiler

from server.errors import StartupError
from server.store.dialect import Failure, database_now_ms, increment, upsert
from server.store.query import driver
from server.store.threads import Threads

_log = structlog.get_logger(__name__)

T = TypeVar("T")

READERS = 3
"""Reading connections, a thread each: more would only queue for the interpreter lock."""

CHECKPOINT_CHANGES = 2_000
"""Changed rows after which the log is written back to the tables: some 25 MB of it."""

LOG_PAGES_MAX = 25_000
"""Where that lags behind, a commit does it itself: 100 MB."""

MIGRATION_WAIT_S = 60.0
"""How long a start waits for another process that migrates the same file."""


def sqlite_url(path: Path) -> str:
    """The database URL of a file."""
    return URL.create("sqlite", database=str(path.absolute())).render_as_string(hide_password=False)


@compiles(database_now_ms, "sqlite")
def _now_ms(_element: database_now_ms, _compiler: SQLCompiler, **_options: Any) -> str:
    # Not unixepoch('subsec'): that needs SQLite 3.42, and Debian 12 has 3.40.
    return "CAST((julianday('now') - 2440587.5) * 86400000.0 AS INTEGER)"


class SqliteDatabase:
    """``dialect.Database`` on one file."""

    def __init__(self, url: URL, *, timeout_s: float) -> None:
        if not url.database or url.database == ":memory:":
            raise StartupError("A SQLite database in memory would not survive the process.", "Name a file instead.")
        self._path = Path(url.database)
        self._url = URL.create("sqlite", database=url.database)
        self._timeout_s = timeout_s
        self._engine = self._make_engine(timeout_s, f"wal_autocheckpoint={LOG_PAGES_MAX}", poolclass=NullPool)
        self._reading = self._make_engine(timeout_s, "query_only=ON", poolclass=NullPool, isolation_level="AUTOCOMMIT")
        self._idle: SimpleQueue[Connection | None] = SimpleQueue()
        self._connection: Connection | None = None
        self._writer: Threads | None = None
        self._readers: Threads | None = None
        self._changes = self._written_back = 0
        self._writing_back: asyncio.Task[None] | None = None

    def _make_engine(self, timeout_s: float, *pragmas: str, **options: Any) -> Engine:
        connect_args = {"timeout": timeout_s, "check_same_thread": False}
        # An error's text goes into logs, and statements carry what people wrote.
        engine = create_engine(self._url, connect_args=connect_args, hide_parameters=True, **options)
        event.listen(engine, "connect", partial(_set_up, timeout_s=timeout_s, pragmas=pragmas))
        return engine

    async def open(self, migrate: Callable[[Connection], bool]) -> None:
        self._writer = Threads(1, "store-writer")
        self._readers = Threads(READERS, "store-reader")
        try:
            await self._writer.run(partial(self._open, migrate))
        except BaseException:
            await self.close()
            raise

    def _open(self, migrate: Callable[[Connection], bool]) -> None:
        # Foreign keys are off while tables are rebuilt: SQLite can't alter most of a table in place, and dropping
        # the old one would delete what refers to it. BEGIN IMMEDIATE keeps other starters out.
        engine = self._make_engine(MIGRATION_WAIT_S, "foreign_keys=OFF", poolclass=NullPool)
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(_BEGIN))
        try:
            with engine.begin() as connection:
                migrated = migrate(connection)
                # The check reads every table, so it follows a migration only and not each start.
                broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first() if migrated else None
                if broken is not None:
                    raise StartupError(f"The database {self._path} is damaged: table {broken[0]} lost a row.", _RESTORE)
            self._connection = self._engine.connect()
            # The readers from the start: were the writer ever the last connection to close, SQLite would remove the
            # log's files, and making them again needs room that a full disk does not have.
            for _ in range(READERS):
                self._idle.put(self._open_reader())
        except (DBAPIError, sqlite3.Error) as error:
            raise _explain(_driver_error(error), self._path) from error
        finally:
            engine.dispose()

    async def close(self) -> None:
        writer, self._writer = self._writer, None
        readers, self._readers = self._readers, None
        if self._writing_back is not None:
            await self._writing_back
        if readers is not None:
            await readers.close()
            while not self._idle.empty():
                _discard(self._idle.get())
        if writer is not None:
            await writer.run(self._drop_connection)
            await writer.close()

    async def write(self, work: Callable[[Connection], T]) -> T:
        if self._writer is None:
            raise sqlite3.OperationalError("the database is closed")
        outcome = await self._writer.run(partial(self._write, work))
        if self._changes - self._written_back >= CHECKPOINT_CHANGES and self._writing_back is None:
            self._writing_back = asyncio.create_task(self._write_back(self._writer), name="store-checkpoint")
        return outcome

    async def _write_back(self, writer: Threads) -> None:
        """Checkpoint beside the commits, which would otherwise wait for two flushes of the disk thrice a second under
        load; then, in a moment, what was committed meanwhile, so that the log begins anew (https://sqlite.org/wal.html).
        """
        self._written_back = self._changes
        try:
            await self.read(_checkpoint)
            await writer.run(self._checkpoint_rest)
        except sqlite3.Error as error:  # the log only grows; where the disk is full, commits say so
            _log.warning("checkpoint failed", reason=str(error))
        finally:
            self._writing_back = None

    def _checkpoint_rest(self) -> None:
        if self._connection is not None:
            _checkpoint(self._connection)

    def _write(self, work: Callable[[Connection], T]) -> T:
        if self._connection is None:
            self._connection = self._engine.connect()
        connection = self._connection
        try:
            # Not by SQLAlchemy, which takes 100 µs around the driver's 10 (measured).
            driver(connection).execute(_BEGIN)
            outcome = work(connection)
            _whose(connection).commit()
            self._changes = driver(connection).total_changes
        except BaseException as error:
            if self.classify(error) is Failure.AWAY:
                self._drop_connection()
            else:
                _whose(connection).rollback()
            raise
        return outcome

    def _drop_connection(self) -> None:
        connection, self._connection = self._connection, None
        self._changes = self._written_back = 0  # the next connection counts its own
        _discard(connection)

    async def read(self, work: Callable[[Connection], T]) -> T:
        if self._readers is None:
            raise sqlite3.OperationalError("the database is closed")
        return await self._readers.run(partial(self._read, work))

    def _read(self, work: Callable[[Connection], T]) -> T:
        """On one of the connections kept: a pool takes as long to hand one out as SQLite to answer (measured)."""
        connection = self._idle.get()
        try:
            if connection is None:
                connection = self._open_reader()
            return work(connection)
        except BaseException as error:
            if self.classify(error) is Failure.AWAY:
                _discard(connection)
                connection = None
            raise
        finally:
            self._idle.put(connection)

    def _open_reader(self) -> Connection:
        connection = self._reading.connect()
        connection.exec_driver_sql("SELECT 1")
        return connection

    def upsert(self, table: Table, key: Sequence[str], update: Sequence[str]) -> Insert:
        return upsert(insert(table), table, key, update)

    def increment(self, table: Table, key: str, counter: str) -> Insert:
        return increment(insert(table), table, key, counter)

    def classify(self, error: BaseException) -> Failure:
        return _classify(_driver_error(error))


def _checkpoint(connection: Connection) -> None:
    driver(connection).execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()


def _discard(connection: Connection | None) -> None:
    if connection is not None:
        connection.invalidate()
        connection.close()


def _set_up(connection: sqlite3.Connection, _record: object, *, timeout_s: float, pragmas: Sequence[str]) -> None:
    """Make a new connection durable; transactions are begun by us alone."""
    connection.isolation_level = None
    cursor = connection.cursor()
    try:
        _enable_wal(cursor, time.monotonic() + timeout_s)
        for pragma in ("synchronous=FULL", "foreign_keys=ON", "temp_store=MEMORY", *pragmas):
            cursor.execute(f"PRAGMA {pragma}")
    finally:
        cursor.close()


def _enable_wal(cursor: sqlite3.Cursor, deadline_s: float) -> None:
    # Two processes that switch a new file to WAL at once: SQLite tells one of them that the file is locked, without
    # waiting for its busy time-out.
    while True:
        try:
            mode = cursor.execute("PRAGMA journal_mode=WAL").fetchone()[0]
        except sqlite3.OperationalError as error:
            if not _is_busy(error) or time.monotonic() > deadline_s:
                raise
            time.sleep(0.01)
            continue
        if mode != "wal":
            raise sqlite3.OperationalError(f"write-ahead logging is not possible here (journal mode {mode})")
        return


# IMMEDIATE takes the write lock at once; a read that turns into a write later could not wait for it.
_BEGIN = "BEGIN IMMEDIATE"


def _whose(connection: Connection) -> Any:
    """Who ends the transaction: SQLAlchemy where it has taken part, since it believes that it has begun one."""
    return connection if connection.in_transaction() else driver(connection)


_RESTORE = "Restore it from a backup."
_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL)
_NO_ACCESS = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH)


def _driver_error(error: BaseException) -> BaseException:
    return error.orig if isinstance(error, DBAPIError) and error.orig is not None else error


def _primary_code(error: BaseException) -> int:
    """SQLite's primary result code (https://www.sqlite.org/rescode.html), 0 where the error has none."""
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF


def _is_busy(error: BaseException) -> bool:
    return _primary_code(error) in _BUSY


def _classify(error: BaseException) -> Failure:
    match error:
        case sqlite3.IntegrityError():
            return Failure.DUPLICATE
        case sqlite3.DataError() | sqlite3.InterfaceError() | sqlite3.ProgrammingError():
            return Failure.BAD_VALUE
        case sqlite3.Error():
            return Failure.AWAY
        case OverflowError() | UnicodeEncodeError():
            return Failure.BAD_VALUE
        case _:
            return Failure.BUG


def _explain(error: BaseException, path: Path) -> StartupError:
    """Why the file can't be opened, and what to do."""
    code = _primary_code(error)
    if code == sqlite3.SQLITE_NOTADB:
        return StartupError(f"{path} is no SQLite database.", "Move it away, or name another file.")
    if code == sqlite3.SQLITE_CORRUPT:
        return StartupError(f"The database {path} is damaged ({error}).", _RESTORE)
    if code in _BUSY:
        return StartupError(f"Another process keeps the database {path} locked.", "End it, then start again.")
    if code == sqlite3.SQLITE_FULL:
        return StartupError(f"No room on the disk of {path}.", "Free some space, then start again.")
    if code in _NO_ACCESS:
        return StartupError(
            f"No permission to open or write the database {path} ({error}).",
            f"Let this user write the file and its directory {path.parent}, which must exist.",
        )
    return StartupError(f"The database {path} can't be used: {error}.", "See whether its disk is well.")
