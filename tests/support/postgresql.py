"""One private PostgreSQL server for all tests of a run, started by the first test that needs it."""

from __future__ import annotations

import asyncio
import atexit
import itertools
from concurrent.futures import ThreadPoolExecutor
from functools import cache

from loadtest.postgresql import ROLE_WITH_PASSWORD, PostgreSQLServer
from server.store.migrate import migrate
from server.store.postgresql import PostgresqlDatabase

__all__ = [
    "ROLE_WITH_PASSWORD",
    "PostgreSQLServer",
    "empty_database",
    "new_database",
    "private_server",
    "shared_server",
]

_numbers = itertools.count(1)


@cache
def shared_server() -> PostgreSQLServer:
    """A running server, ended with the process. Whoever stops or pauses one starts a private one instead."""
    server = private_server(max_connections="200")
    atexit.register(server.close)
    return server.start()


def private_server(**settings: str) -> PostgreSQLServer:
    """A server for one test, not started. Small log segments: to fill a disk then takes little."""
    return PostgreSQLServer(durable=False, log_segment_mib=1, **settings)


def empty_database(server: PostgreSQLServer | None = None) -> str:
    """The name of a new, empty database on ``server`` (None: the shared one)."""
    return _database(server or shared_server(), "template0")


def new_database(server: PostgreSQLServer | None = None) -> str:
    """The name of a new database with our tables: what a migration makes, without its third of a second."""
    server = server or shared_server()
    return _database(server, _migrated(server))


def _database(server: PostgreSQLServer, template: str) -> str:
    name = f"test_{next(_numbers)}"
    server.create_database(name, template)
    return name


@cache
def _migrated(server: PostgreSQLServer) -> str:
    name = "migrated"
    server.create_database(name)

    async def make() -> None:
        database = PostgresqlDatabase(server.url(name), timeout_s=30.0)
        await database.open(migrate)
        await database.close()

    with ThreadPoolExecutor(1) as thread:  # the caller's own loop may be running
        thread.submit(asyncio.run, make()).result()
    return name
