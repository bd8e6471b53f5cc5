"""One connection to PostgreSQL that comes back by itself.

A call that takes too long, or whose connection fails, ends with its connection: an answer that comes late could
otherwise be taken for the next call's. Whether a commit that was under way took place is then unknown; a repeat with
the same key finds out, and waits on the row's lock if it still is under way.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import TypeVar

import asyncpg
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool
from sqlalchemy.util import await_only

from server.store.arrays import ArrayCompiler
from server.store.dialect import Failure
from server.store.postgresql_errors import classify, without_values
from server.store.query import driver

T = TypeVar("T")
Dial = Callable[[], Awaitable[asyncpg.Connection]]

REPLAN_MIN_S = 0.25
REPLAN_MAX_S = 60.0
"""How old plans get: little at first, twice as old each time, at most as long as PostgreSQL takes to look at new tables
by itself."""

_CLOSE_WITHIN_S = 2.0

_dialled: ContextVar[asyncpg.Connection] = ContextVar("_dialled")


def make_engine() -> AsyncEngine:
    """What several sessions share: compiled statements. They dial by themselves and hand it their connections."""

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


class Session:
    """One connection, made when it is needed and made anew after a failure. Calls must not overlap.

    ``dial`` connects and sets up. ``transacts``: each call is one transaction, else each statement is.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        dial: Dial,
        timeout_s: float,
        *,
        transacts: bool,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine = engine
        self._dial = dial
        self._timeout_s = timeout_s
        self._now_s = now_s
        self._transacts = transacts
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
                # Transactions are ours: what goes to the driver itself is to be in them, too.
                self._connection = await connection.execution_options(isolation_level="AUTOCOMMIT")
        except BaseException:
            self._drop()
            raise
        self._replan_after_s = REPLAN_MIN_S
        self._replan_at_s = self._now_s() + self._replan_after_s
        return self._connection

    async def run(self, work: Callable[[Connection], T], *, within_s: float | None = None) -> T:
        """``work`` in one transaction, where there are any; ``within_s`` instead of the usual time-out.

        What fails or takes too long ends the connection, but for refused rows.
        """
        connection = await self.connect()
        assert self._driver is not None  # noqa: S101  connected
        try:
            with _deadline(self._driver, within_s or self._timeout_s):
                await self._replan(self._driver)
                return await connection.run_sync(_transact if self._transacts else _run, work)
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
        # PostgreSQL keeps the plan of a prepared statement. One that was made for tables that were nearly empty takes
        # the wrong index once they are not: ten times the work (measured), until they are analysed by themselves.
        now_s = self._now_s()
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


@contextmanager
def _deadline(driver: asyncpg.Connection, seconds: float) -> Iterator[None]:
    """End the connection when the block takes longer: what waits for the server in it fails then."""
    timer = asyncio.get_running_loop().call_later(seconds, driver.terminate)
    try:
        yield
    finally:
        timer.cancel()


def _run(connection: Connection, work: Callable[[Connection], T]) -> T:
    with connection.begin():  # what SQLAlchemy notes for itself
        return work(connection)


def _transact(connection: Connection, work: Callable[[Connection], T]) -> T:
    own = driver(connection)
    await_only(own.execute("BEGIN"))
    try:
        outcome = _run(connection, work)
    except Exception:
        if not own.is_closed():
            await_only(own.execute("ROLLBACK"))
        raise
    await_only(own.execute("COMMIT"))
    return outcome
