"""What the store is measured beside: the drivers' own batched inserts of the same rows, in groups of the same size.

They check no keys, allot no offsets, move no heads and wake nobody.
"""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Any, Protocol

import asyncpg
import uvloop

from loadtest.postgresql import PostgreSQLServer

Row = tuple[Any, ...]

# What people sent: other rows are there from the start.
_SENT = "SELECT * FROM messages WHERE sender_kind = 'customer' ORDER BY message_id"


class Database(Protocol):
    """A kind of database. ``ways``: how its driver inserts many rows."""

    name: str
    ways: tuple[str, ...]

    def empty(self) -> str:
        """The URL of a new database."""

    def copy(self, url: str) -> str:
        """The URL of a copy of a database that nobody uses now."""

    def rows(self, url: str) -> list[Row]:
        """The messages that people sent, in the order of their ids."""

    def insert(self, way: str, url: str, rows: Sequence[Row], group: int) -> list[float]:
        """Insert and commit ``group`` rows at a time, durably; milliseconds per commit."""


class SqliteFiles:
    """``executemany`` of sqlite3, with the store's ``synchronous=FULL`` and write-ahead log."""

    name = "sqlite"
    ways: tuple[str, ...] = ("executemany",)

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = count(1)

    def empty(self) -> str:
        return f"sqlite:///{self._folder / f'{next(self._numbers)}.db'}"

    def copy(self, url: str) -> str:
        made = self.empty()
        shutil.copyfile(_path(url), _path(made))
        return made

    def rows(self, url: str) -> list[Row]:
        with closing(sqlite3.connect(_path(url))) as connection:
            return connection.execute(_SENT).fetchall()

    def insert(self, way: str, url: str, rows: Sequence[Row], group: int) -> list[float]:  # noqa: ARG002  one way
        marks = ", ".join("?" * len(rows[0]))
        statement = f"INSERT INTO messages VALUES ({marks})"  # noqa: S608
        with closing(sqlite3.connect(_path(url), isolation_level=None)) as connection:
            for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
                connection.execute(f"PRAGMA {pragma}")

            def commit(some: Sequence[Row]) -> None:
                connection.execute("BEGIN IMMEDIATE")
                connection.executemany(statement, some)
                connection.execute("COMMIT")

            return [_timed_ms(commit, some) for some in _groups(rows, group)]


class PostgresqlServer:
    """``executemany`` and COPY of asyncpg."""

    name = "postgresql"
    ways: tuple[str, ...] = ("executemany", "COPY")

    def __init__(self, server: PostgreSQLServer) -> None:
        self._server = server
        self._numbers = count(1)

    def empty(self) -> str:
        return self._server.create_database(f"bench_{next(self._numbers)}")

    def copy(self, url: str) -> str:
        return self._server.create_database(f"bench_{next(self._numbers)}", url.rpartition("/")[2])

    def rows(self, url: str) -> list[Row]:
        async def fetch() -> list[Row]:
            connection = await asyncpg.connect(url)
            try:
                return [tuple(row) for row in await connection.fetch(_SENT)]
            finally:
                await connection.close()

        found: list[Row] = uvloop.run(fetch())
        return found

    def insert(self, way: str, url: str, rows: Sequence[Row], group: int) -> list[float]:
        commit_ms: list[float] = uvloop.run(_insert_all(way, url, rows, group))
        return commit_ms


async def _insert_all(way: str, url: str, rows: Sequence[Row], group: int) -> list[float]:
    connection = await asyncpg.connect(url)
    marks = ", ".join(f"${place}" for place in range(1, len(rows[0]) + 1))
    commit_ms: list[float] = []
    try:
        for some in _groups(rows, group):
            started = time.perf_counter()
            # Each is a transaction of its own.
            if way == "COPY":
                await connection.copy_records_to_table("messages", records=some)
            else:
                await connection.executemany(f"INSERT INTO messages VALUES ({marks})", some)  # noqa: S608
            commit_ms.append((time.perf_counter() - started) * 1e3)
    finally:
        await connection.close()
    return commit_ms


def _groups(rows: Sequence[Row], group: int) -> list[Sequence[Row]]:
    return [rows[first : first + group] for first in range(0, len(rows), group)]


def _timed_ms(call: Callable[[Sequence[Row]], None], some: Sequence[Row]) -> float:
    started = time.perf_counter()
    call(some)
    return (time.perf_counter() - started) * 1e3


def _path(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))
