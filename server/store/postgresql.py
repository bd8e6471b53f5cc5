"""PostgreSQL by asyncpg: one writing connection, a few that read.

A transaction is a plain function that runs in a greenlet over the driver (SQLAlchemy's ``run_sync``), so no thread
stands between it and the event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import asyncpg
import structlog
from sqlalchemy import Connection, Insert, Table, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler

from server.store.dialect import Failure, database_now_ms, increment, upsert
from server.store.postgresql_errors import check_encoding, classify, explain, read_url, unreadable_url
from server.store.postgresql_session import Session, make_engine

T = TypeVar("T")

_log = structlog.get_logger(__name__)

READERS = 4
"""Reading connections: a read is over in a millisecond, and each one is a process on the server."""

MIGRATION_WAIT_S = 60.0
"""How long a start waits for another process that migrates the same database."""

MIGRATION_MAX_S = 3_600.0
"""An index over many millions of messages takes minutes."""

_MIGRATION_LOCK = int.from_bytes(b"parlance")  # advisory locks are numbers that all users of a database share

# What is acked is durable, whatever the server's default. Every statement of ours is a search through an index:
# planned for a table that is still empty, PostgreSQL would rather scan it, and would keep to that while it grows.
_SET_UP = """
SELECT
    set_config('statement_timeout', $1, false),
    set_config('lock_timeout', $1, false),
    set_config('idle_in_transaction_session_timeout', $2, false),
    set_config('default_transaction_isolation', 'read committed', false),
    set_config('jit', 'off', false),
    set_config('enable_seqscan', 'off', false),
    set_config('enable_hashjoin', 'off', false),
    set_config('enable_mergejoin', 'off', false),
    CASE current_setting('application_name') WHEN '' THEN set_config('application_name', 'parlance', false) END,
    CASE current_setting('synchronous_commit') WHEN 'off' THEN set_config('synchronous_commit', 'on', false) END,
    current_setting('server_encoding') AS encoding,
    current_setting('fsync') AS fsync
"""


_LOOK = """
SELECT
    current_setting('server_version') AS version,
    current_setting('fsync') <> 'off' AS waits_for_disk,
    coalesce(has_schema_privilege(current_schema(), 'CREATE'), false) AS may_make_tables,
    current_setting('transaction_read_only') = 'on' AS only_reads,
    to_regclass('alembic_version') IS NOT NULL AS has_revision
"""


@dataclass(frozen=True, slots=True)
class Look:
    """What a start would find. ``place``: server, version and database; ``revision``: of the schema, None without one;
    ``waits_for_disk``: whether what is acked survives a power failure."""

    place: str
    revision: str | None
    may_make_tables: bool
    only_reads: bool
    waits_for_disk: bool


@compiles(database_now_ms, "postgresql")
def _now_ms(_element: database_now_ms, _compiler: SQLCompiler, **_options: Any) -> str:
    # Not now(): that is the transaction's start, and a lease must not have lapsed while its transaction waited.
    return "CAST(extract(epoch from clock_timestamp()) * 1000 AS BIGINT)"


class PostgresqlDatabase:
    """``dialect.Database`` on the database of a libpq URL (``postgresql://USER:PASSWORD@HOST:PORT/NAME?sslmode=…``).

    What the URL leaves out comes from the environment as for every PostgreSQL client (``PGPASSWORD`` …). Nothing takes
    longer than ``timeout_s``, but for a migration. ``StartupError`` for a URL that can't be read.
    """

    def __init__(self, url: str, *, timeout_s: float) -> None:
        self._dsn, self._place = read_url(url)
        self._timeout_s = timeout_s
        engine = make_engine()
        self._writer = Session(engine, self._dial, timeout_s, transacts=True)
        self._readers = [Session(engine, self._dial, timeout_s, transacts=False) for _ in range(READERS)]
        self._idle: asyncio.LifoQueue[Session] = asyncio.LifoQueue()
        self._is_open = False
        self._waits_for_disk = True

    async def _dial(self) -> asyncpg.Connection:
        try:
            connection = await asyncpg.connect(self._dsn, timeout=self._timeout_s)
        except ValueError:
            raise unreadable_url() from None
        try:
            # A worker that hangs in a transaction must lose its locks before those who wait for them give up.
            limits = (_milliseconds(self._timeout_s), _milliseconds(self._timeout_s / 2))
            found = await connection.fetchrow(_SET_UP, *limits, timeout=self._timeout_s)
            check_encoding(found["encoding"], self._place)
        except BaseException:
            connection.terminate()
            raise
        self._waits_for_disk = found["fsync"] != "off"
        return connection

    async def look(self) -> Look:
        """Look at the database without changing anything. ``StartupError`` as ``open`` would raise it."""
        try:
            connection = await self._dial()
            try:
                found = await connection.fetchrow(_LOOK, timeout=self._timeout_s)
                revision = "SELECT version_num FROM alembic_version"
                return Look(
                    place=f"{self._place.server} ({found['version']}), database {self._place.database}",
                    revision=await connection.fetchval(revision) if found["has_revision"] else None,
                    may_make_tables=found["may_make_tables"],
                    only_reads=found["only_reads"],
                    waits_for_disk=found["waits_for_disk"],
                )
            finally:
                connection.terminate()
        except Exception as error:
            raise (explain(error, self._place) or error) from error

    async def open(self, migrate: Callable[[Connection], bool]) -> None:
        try:
            await self._writer.run(lambda connection: _migrate_alone(connection, migrate), within_s=MIGRATION_MAX_S)
        except BaseException as error:
            await self._writer.close()
            explained = explain(error, self._place)
            if explained is None:
                raise
            raise explained from error
        if not self._waits_for_disk:
            _log.warning("PostgreSQL does not wait for its disk (fsync is off): a power failure loses what was acked")
        for reader in self._readers:
            self._idle.put_nowait(reader)
        self._is_open = True

    async def close(self) -> None:
        if not self._is_open:
            return
        self._is_open = False
        for reader in [await self._idle.get() for _ in self._readers]:
            await reader.close()
            self._idle.put_nowait(reader)  # for who still waits, to be told
        await self._writer.close()

    async def write(self, work: Callable[[Connection], T]) -> T:
        self._check_open()
        return await self._writer.run(work)

    async def read(self, work: Callable[[Connection], T]) -> T:
        self._check_open()
        session = await self._idle.get()
        # A caller that goes away leaves its read to end by itself: cut in the middle, its connection would be lost.
        reading = asyncio.create_task(self._read(session, work), name="store-read")
        reading.add_done_callback(_mark_retrieved)
        return await asyncio.shield(reading)

    async def _read(self, session: Session, work: Callable[[Connection], T]) -> T:
        try:
            self._check_open()
            return await session.run(work)
        finally:
            self._idle.put_nowait(session)

    def _check_open(self) -> None:
        if not self._is_open:
            raise ConnectionError("the database is closed")

    def upsert(self, table: Table, key: Sequence[str], update: Sequence[str]) -> Insert:
        return upsert(insert(table), table, key, update)

    def increment(self, table: Table, key: str, counter: str) -> Insert:
        return increment(insert(table), table, key, counter)

    def classify(self, error: BaseException) -> Failure:
        return classify(error)


def _migrate_alone(connection: Connection, migrate: Callable[[Connection], bool]) -> None:
    limits = {"statement_timeout": 0.0, "idle_in_transaction_session_timeout": 0.0, "lock_timeout": MIGRATION_WAIT_S}
    for name, seconds in limits.items():
        values = {"name": name, "value": _milliseconds(seconds)}
        connection.execute(text("SELECT set_config(:name, :value, true)"), values)
    connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _MIGRATION_LOCK})
    migrate(connection)


def _milliseconds(seconds: float) -> str:
    return str(round(seconds * 1e3))


def _mark_retrieved(task: asyncio.Task[Any]) -> None:
    if not task.cancelled():
        task.exception()
