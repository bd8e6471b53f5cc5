"""PostgreSQL by asyncpg: one writing connection, a few that read.

A transaction is a plain function that runs in a greenlet over the driver (SQLAlchemy's ``run_sync``), so no thread
stands between it and the event loop.

A call that takes too long, or whose connection fails, ends with its connection: an answer that comes late could
otherwise be taken for the next call's. Whether a commit that was under way took place is then unknown; a repeat with
the same key finds out, and waits on the row's lock if it still is under way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any, TypeVar

import asyncpg
import structlog
from sqlalchemy import Connection, Insert, Table, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.pool import NullPool
from sqlalchemy.sql.compiler import SQLCompiler

from server.errors import StartupError
from server.store.arrays import ArrayCompiler
from server.store.dialect import Failure, database_now_ms, increment, upsert
from server.store.postgresql_errors import check_encoding, classify, explain, read_url, without_values

T = TypeVar("T")
Dial = Callable[[], Awaitable[asyncpg.Connection]]

_log = structlog.get_logger(__name__)

READERS = 4
"""Reading connections: a read is over in a millisecond, and each one is a process on the server."""

MIGRATION_WAIT_S = 60.0
"""How long a start waits for another process that migrates the same database."""

MIGRATION_MAX_S = 3_600.0
"""An index over many millions of messages takes minutes."""

REPLAN_MAX_S = 60.0
"""How old a plan gets at most: as long as PostgreSQL takes to look at new tables by itself."""

_CLOSE_WITHIN_S = 2.0
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

_dialled: ContextVar[asyncpg.Connection] = ContextVar("_dialled")


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
        engine = _make_engine()
        self._migrating = Session(engine, self._dial, MIGRATION_MAX_S)
        self._writer = Session(engine, self._dial, timeout_s)
        self._readers = [Session(engine, self._dial, timeout_s, isolation_level="AUTOCOMMIT") for _ in range(READERS)]
        self._idle: asyncio.LifoQueue[Session] = asyncio.LifoQueue()
        self._is_open = False
        self._waits_for_disk = True

    async def _dial(self) -> asyncpg.Connection:
        connection = await asyncpg.connect(self._dsn, timeout=self._timeout_s)
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

    async def open(self, migrate: Callable[[Connection], bool]) -> None:
        try:
            await self._migrating.run(lambda connection: _migrate_alone(connection, migrate))
            await self._writer.connect()
        except StartupError:
            raise
        except Exception as error:
            raise explain(error, self._place) from error
        finally:
            await self._migrating.close()
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


class Session:
    """One connection, made when it is needed and made anew after a failure. Calls must not overlap.

    ``dial`` connects and sets up; ``options`` are SQLAlchemy's execution options of the connection.
    """

    def __init__(self, engine: AsyncEngine, dial: Dial, timeout_s: float, **options: Any) -> None:
        self._engine = engine
        self._dial = dial
        self._timeout_s = timeout_s
        self._options = options
        self._connection: AsyncConnection | None = None
        self._driver: asyncpg.Connection | None = None
        self._replan_after_s = self._replan_at_s = 0.0

    async def connect(self) -> AsyncConnection:
        """The connection, a new one where the last has failed."""
        if self._connection is not None and self._driver is not None and not self._driver.is_closed():
            return self._connection
        self._drop()
        self._driver = await self._dial()
        _dialled.set(self._driver)
        try:
            with _deadline(self._driver, self._timeout_s):
                connection = await self._engine.connect()
                self._connection = await connection.execution_options(**self._options)
        except BaseException:
            self._drop()
            raise
        self._replan_after_s = 1.0
        self._replan_at_s = asyncio.get_running_loop().time() + self._replan_after_s
        return self._connection

    async def run(self, work: Callable[[Connection], T]) -> T:
        """``work`` in one transaction. What fails or takes too long ends the connection, but for refused rows."""
        connection = await self.connect()
        assert self._driver is not None  # noqa: S101  connected
        try:
            with _deadline(self._driver, self._timeout_s):
                await self._replan(self._driver)
                return await connection.run_sync(_transact, work)
        except Exception as error:
            if classify(error) is Failure.AWAY:
                self._drop()
            refused = without_values(error)
            if refused is error:
                raise
            raise refused from None
        except BaseException:
            self._drop()
            raise

    async def _replan(self, driver: asyncpg.Connection) -> None:
        now_s = asyncio.get_running_loop().time()
        if now_s < self._replan_at_s:
            return
        self._replan_after_s = min(2 * self._replan_after_s, REPLAN_MAX_S)
        self._replan_at_s = now_s + self._replan_after_s
        await driver.execute("DISCARD PLANS")

    def _drop(self) -> None:
        """End the connection without waiting for the server."""
        connection, self._connection = self._connection, None
        driver, self._driver = self._driver, None
        if driver is not None:
            driver.terminate()
        if connection is not None and connection.sync_connection is not None:
            connection.sync_connection.invalidate()
            connection.sync_connection.close()

    async def close(self) -> None:
        """Say good-bye and release the connection. Idempotent; never waits long, never raises."""
        if self._driver is not None:
            with suppress(Exception):
                await self._driver.close(timeout=_CLOSE_WITHIN_S)
        self._drop()


def _make_engine() -> AsyncEngine:
    """Sessions of ours dial by themselves; the engine gets their connection, whichever session asks."""

    async def dialled() -> asyncpg.Connection:
        return _dialled.get()

    # An error's text goes into logs, and statements carry what people wrote.
    engine = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=dialled,
        poolclass=NullPool,
        pool_reset_on_return=None,
        hide_parameters=True,
    )
    engine.dialect.statement_compiler = ArrayCompiler
    return engine


@contextmanager
def _deadline(driver: asyncpg.Connection, seconds: float) -> Iterator[None]:
    """End the connection when the block takes longer: what waits for the server in it fails then."""
    timer = asyncio.get_running_loop().call_later(seconds, driver.terminate)
    try:
        yield
    finally:
        timer.cancel()


def _transact(connection: Connection, work: Callable[[Connection], T]) -> T:
    with connection.begin():
        return work(connection)


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
