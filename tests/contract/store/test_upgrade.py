"""A database of the first schema keeps what it holds when this code opens it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text

from server.clock import SystemClock
from server.store.migrate import MIGRATIONS
from server.store.ports import Account
from server.store.schema import metadata
from server.store.sql import SqlStore, sqlite_url
from server.wire.parts import ReceiptMark
from tests.contract.store.harness import new_id
from tests.contract.store.people import ANN, EVE, NOW_MS, message
from tests.support.postgresql import empty_database, shared_server

URLS: dict[str, Callable[[Path], str]] = {
    "sqlite": lambda folder: sqlite_url(folder / "old.db"),
    "postgresql": lambda _folder: shared_server().url(empty_database()),
}

OLD_ROWS = (
    "INSERT INTO users VALUES ('user-ann', 'customer', 'Ann', 7), ('user-eve', 'agent', 'Eve', 8)",
    "INSERT INTO conversations VALUES ('01OLD', 'epoch', 'bot', NULL, 0, false, 2, 'user-ann', 'k', NULL, '', 5, 6)",
    "INSERT INTO members VALUES ('01OLD', 'user-ann', 1, 5), ('01OLD', 'user-eve', 0, 6)",
    "INSERT INTO messages VALUES ('m1', '01OLD', 1, 'user-eve', 'agent', 'Eve', 'a', '', 'hi', NULL, NULL, NULL, "
    "NULL, 5), ('m2', '01OLD', 2, 'user-eve', 'agent', 'Eve', 'b', '', 'ho', NULL, NULL, NULL, NULL, 6)",
    "INSERT INTO decisions VALUES ('d1', 'm1', 'p', 0, 'warm', 0.5, '[]', '', '', 5, '{}', 0.75), "
    "('d2', 'm2', 'p', 0, 'warm', 0.5, '[]', '', '', 5, '{}', NULL)",
    "INSERT INTO policies VALUES ('p', 4)",
    "INSERT INTO reward_log VALUES ('p', 1, 'd1', 0.5, NULL, 6), ('p', 3, 'd1', 0.25, 0.5, 7), "
    "('p', 4, 'd1', 0.75, 0.25, 8)",
)


def make_old(connection: Connection) -> bool:
    """The first schema, with rows."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, "0001")
    for statement in OLD_ROWS:
        connection.execute(text(statement))
    return True


def chained(connection: Connection) -> list[tuple[object, ...]]:
    """Which reward event corrects which, and the last of each decision."""
    events = connection.execute(text("SELECT log_offset, previous_offset FROM reward_log ORDER BY log_offset"))
    last = connection.execute(text("SELECT decision_id, log_offset FROM decisions ORDER BY decision_id"))
    return [tuple(row) for row in (*events, *last)]


def differences(connection: Connection) -> list[object]:
    """Between the tables and what the code says of them."""
    context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
    return list(compare_metadata(context, metadata))


@pytest.mark.parametrize("kind", list(URLS))
async def test_what_was_there_is_still_there(kind: str, tmp_path: Path) -> None:
    url = URLS[kind](tmp_path)
    old = SqlStore(url, clock=SystemClock(), new_id=new_id)
    await old._database.open(make_old)
    await old.close()
    store = SqlStore(url, clock=SystemClock(), new_id=new_id)
    await store.start()
    try:
        assert await store._database.write(differences) == []
        assert await store._database.read(chained) == [(1, None), (3, 1), (4, 3), ("d1", 4), ("d2", None)]
        assert (await store.accounts([ANN.id]))[ANN.id] == Account(ANN, "online", None, 7, 0, banned=False)
        assert await store.members("conv:01OLD", 10) == [ANN, EVE]
        assert await store.receipts("conv:01OLD", 10) == [ReceiptMark(ANN, "read", 1)]
        seen = await store.conversation("conv:01OLD", ANN.id)
        assert (seen.offset, seen.read_offset, seen.unread) == (2, 1, 1)
        assert (await store.append(message("conv:01OLD", at_ms=NOW_MS, members_only=True))).message.offset == 3
    finally:
        await store.close()
