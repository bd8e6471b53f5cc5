"""One private PostgreSQL server for all tests of a run, started by the first test that needs it."""

from __future__ import annotations

import atexit
import itertools
from functools import cache

from loadtest.postgresql import ROLE_WITH_PASSWORD, PostgreSQLServer

__all__ = ["ROLE_WITH_PASSWORD", "PostgreSQLServer", "new_database", "private_server", "shared_server"]

_numbers = itertools.count(1)


@cache
def shared_server() -> PostgreSQLServer:
    """A running server, ended with the process. Whoever stops or pauses it starts one of their own instead."""
    server = private_server(max_connections="200")
    atexit.register(server.close)
    return server.start()


def private_server(**settings: str) -> PostgreSQLServer:
    """A server for one test, not started. Small log segments: to fill a disk then takes little."""
    return PostgreSQLServer(durable=False, log_segment_mib=1, **settings)


def new_database(server: PostgreSQLServer | None = None, template: str = "template0") -> str:
    """The name of a new database on ``server`` (None: the shared one)."""
    name = f"test_{next(_numbers)}"
    (server or shared_server()).create_database(name, template)
    return name
