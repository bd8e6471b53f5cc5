"""What differs between databases, behind one small interface: one file per database (``sqlite.py``) implements it.

A transaction is a plain function of a SQLAlchemy ``Connection``. The dialect decides where it runs (a thread for
SQLite, a greenlet over an asynchronous driver elsewhere), so the SQL is written once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from typing import Protocol, TypeVar

from sqlalchemy import BigInteger, Connection, Insert, Table, or_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.functions import FunctionElement

T = TypeVar("T")


class Failure(Enum):
    """What an exception of a transaction says about the next one."""

    AWAY = "away"
    """The database can't serve now (gone, full, locked, I/O): whether it committed is unknown."""

    CONTENDED = "contended"
    """Rolled back in favour of another transaction: the same again may succeed."""

    DUPLICATE = "duplicate"
    """A unique index or a foreign key refused a row."""

    BAD_VALUE = "bad value"
    """A value that no column takes: an integer beyond 64 bits, a lone surrogate."""

    BUG = "bug"
    """Nothing that a database says."""


class database_now_ms(FunctionElement[int]):
    """The database's clock in milliseconds since the Unix epoch; each dialect compiles its own expression."""

    type = BigInteger()
    inherit_cache = True
    name = "database_now_ms"


class Database(Protocol):
    """One database: a single writer connection and a few that read."""

    async def open(self, migrate: Callable[[Connection], bool]) -> None:
        """Connect and run ``migrate`` in one transaction that no other starting process shares.

        Raises ``StartupError`` with a remedy; nothing is left open then.
        """

    async def close(self) -> None:
        """Release every connection and thread. Idempotent."""

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run ``work`` in one durable read-write transaction. Calls must not overlap.

        Committed when this returns; rolled back, or unknown, when it raises. ``work`` may run in another thread.
        """

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run ``work``, one SELECT, on a reading connection; it sees every commit that returned before the call."""

    def upsert(self, table: Table, key: Sequence[str], update: Sequence[str]) -> Insert:
        """An INSERT that updates the columns ``update`` where ``key`` exists already and any of them differs.

        An empty ``update`` leaves the existing row alone; RETURNING then gives no row for it.
        """

    def increment(self, table: Table, key: str, counter: str) -> Insert:
        """An INSERT that adds the given counter value to the row's own where ``key`` exists already."""

    def classify(self, error: BaseException) -> Failure:
        """What ``error``, raised by ``write`` or ``read``, means."""


def upsert(
    statement: sqlite.Insert | postgresql.Insert, table: Table, key: Sequence[str], update: Sequence[str]
) -> Insert:
    """``Database.upsert`` where the database knows ON CONFLICT; ``statement`` is its own INSERT into ``table``."""
    if not update:
        return statement.on_conflict_do_nothing(index_elements=key)
    given = statement.excluded
    differs = or_(*(table.c[name].is_distinct_from(given[name]) for name in update))
    values = {name: given[name] for name in update}
    return statement.on_conflict_do_update(index_elements=key, set_=values, where=differs)


def increment(statement: sqlite.Insert | postgresql.Insert, table: Table, key: str, counter: str) -> Insert:
    """``Database.increment``, likewise."""
    total = table.c[counter] + statement.excluded[counter]
    return statement.on_conflict_do_update(index_elements=[key], set_={counter: total})
