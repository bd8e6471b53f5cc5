"""The SQLite dialect: durability settings, refusals at the start, error classes, indices."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, TextClause, make_url, select, text

from server.clock import ManualClock
from server.errors import StartupError, Unavailable
from server.store import sqlite
from server.store.dialect import Failure, database_now_ms
from server.store.migrate import migrate
from server.store.ports import Rating, RewardParts
from server.store.sql import SqlStore, sqlite_url
from server.store.sqlite import SqliteDatabase
from tests.contract.store.harness import SqliteHarness
from tests.contract.store.people import ANN, NOW_MS, answer, asked, message, opened, opening, resolution
from tests.unit.store.noting import NotingConnection


def make(url: str) -> SqlStore:
    return SqlStore(url, clock=ManualClock(), new_id=lambda: "id", timeout_s=0.2)


async def refusal(url: str) -> StartupError:
    store = make(url)
    with pytest.raises(StartupError) as raised:
        await store.start()
    await store.close()
    assert raised.value.remedy
    return raised.value


def pragmas(connection: Connection) -> dict[str, Any]:
    names = ("journal_mode", "synchronous", "foreign_keys", "query_only")
    return {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in names}


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[SqliteDatabase]:
    made = SqliteDatabase(make_url(sqlite_url(tmp_path / "a.db")), timeout_s=5)
    await made.open(migrate)
    yield made
    await made.close()


async def test_writers_are_durable_and_readers_only_read(database: SqliteDatabase) -> None:
    full = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
    assert await database.write(pragmas) == {**full, "query_only": 0}
    assert await database.read(pragmas) == {**full, "query_only": 1}


async def test_a_failed_transaction_leaves_nothing(database: SqliteDatabase) -> None:
    def work(connection: Connection) -> None:
        connection.execute(text("INSERT INTO probe VALUES (1, 1)"))
        raise ZeroDivisionError

    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            await database.write(work)
    assert await database.read(lambda connection: connection.execute(text("SELECT * FROM probe")).all()) == []


async def test_the_log_begins_anew_beside_the_commits(
    database: SqliteDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "CHECKPOINT_CHANGES", 10)
    many = text("INSERT INTO counters (name, value) VALUES (:name, 0)")
    log = tmp_path / "a.db-wal"
    sizes = []
    for number in range(200):
        await database.write(partial(_execute, statement=many, values={"name": f"{number:0>60}"}))
        sizes.append(log.stat().st_size)
    assert max(sizes) == sizes[-1] < 100 * 4_096  # each commit adds two pages and more
    assert len(await database.read(lambda connection: connection.execute(text("SELECT * FROM counters")).all())) == 200


async def test_a_checkpoint_that_fails_costs_no_commit(
    database: SqliteDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(_: Connection) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(sqlite, "CHECKPOINT_CHANGES", 1)
    monkeypatch.setattr(sqlite, "_checkpoint", failing)
    statement = text("INSERT INTO counters (name, value) VALUES (:name, 0)")
    for number in range(20):
        await database.write(partial(_execute, statement=statement, values={"name": f"{number}"}))
    assert len(await database.read(lambda connection: connection.execute(text("SELECT * FROM counters")).all())) == 20


def _execute(connection: Connection, statement: TextClause, values: dict[str, Any]) -> None:
    connection.execute(statement, values)


async def test_a_migration_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def broken(connection: Connection) -> bool:
        migrate(connection)
        raise ZeroDivisionError

    database = SqliteDatabase(make_url(sqlite_url(tmp_path / "a.db")), timeout_s=5)
    with pytest.raises(ZeroDivisionError):
        await database.open(broken)
    with closing(sqlite3.connect(tmp_path / "a.db")) as connection:
        assert connection.execute("SELECT * FROM sqlite_master").fetchall() == []
    await database.open(migrate)
    await database.close()


async def test_rows_lost_to_a_migration_are_noticed(tmp_path: Path) -> None:
    def lossy(connection: Connection) -> bool:
        migrated = migrate(connection)
        connection.execute(text("INSERT INTO members VALUES ('nowhere', 'nobody', 0, 0)"))
        return migrated

    database = SqliteDatabase(make_url(sqlite_url(tmp_path / "a.db")), timeout_s=5)
    with pytest.raises(StartupError, match="members"):
        await database.open(lossy)
    await database.open(migrate)
    assert await database.read(lambda connection: connection.execute(text("SELECT * FROM members")).all()) == []
    await database.close()


async def test_a_full_disk_is_not_ready(tmp_path: Path) -> None:
    harness = SqliteHarness(tmp_path)
    store = harness.store()
    await store.start()
    await store.ping()
    with harness.no_room(), pytest.raises(Unavailable):
        await store.ping()
    await store.ping()
    await harness.close()


async def test_the_databases_clock_is_the_epochs(database: SqliteDatabase) -> None:
    before = time.time_ns() // 1_000_000
    now = await database.read(lambda connection: connection.scalar(select(database_now_ms())))
    assert now is not None and before - 1 <= now <= time.time_ns() // 1_000_000 + 1


# --------------------------------------------------------------------------- refusals


async def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    path.write_text("Dear reader, " * 100)
    error = await refusal(sqlite_url(path))
    assert str(path) in error.problem and "no SQLite database" in error.problem
    assert path.read_text().startswith("Dear reader")


async def test_a_directory_that_does_not_exist(tmp_path: Path) -> None:
    error = await refusal(sqlite_url(tmp_path / "missing" / "a.db"))
    assert str(tmp_path / "missing") in error.remedy


@contextmanager
def nobody() -> Iterator[None]:
    """Without the rights of root, whom no file refuses."""
    was = os.geteuid()
    if was == 0:
        os.seteuid(65_534)
    try:
        yield
    finally:
        os.seteuid(was)


@pytest.mark.parametrize("there", [False, True], ids=["new", "existing"])
async def test_a_directory_without_permission(tmp_path: Path, there: bool) -> None:
    folder = tmp_path / "closed"
    folder.mkdir()
    url = sqlite_url(folder / "a.db")
    if there:
        store = make(url)
        await store.start()
        await store.close()
        (folder / "a.db").chmod(0o444)
    for one in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        one.chmod(0o755)
    folder.chmod(0o555)
    with nobody():
        error = await refusal(url)
    assert str(folder / "a.db") in error.problem and "permission" in error.problem


async def test_a_newer_database(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "a.db")
    store = make(url)
    await store.start()
    await store.close()
    with closing(sqlite3.connect(tmp_path / "a.db", isolation_level=None)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    assert "newer" in (await refusal(url)).problem


async def test_a_damaged_database(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    store = make(sqlite_url(path))
    await store.start()
    await store.close()
    content = bytearray(path.read_bytes())
    content[100:4096] = b"\xff" * 3_996
    path.write_bytes(content)
    assert "damaged" in (await refusal(sqlite_url(path))).problem


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "mysql://x/y", "not a url"])
def test_urls_that_can_not_serve(url: str) -> None:
    with pytest.raises(StartupError) as raised:
        make(url)
    assert raised.value.remedy


async def test_a_path_may_hold_any_character(tmp_path: Path) -> None:
    folder = tmp_path / "a b#c?d%20é"
    folder.mkdir()
    store = make(sqlite_url(folder / "x.db"))
    await store.start()
    await store.close()
    assert (folder / "x.db").exists()


# --------------------------------------------------------------------------- classes of errors


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (sqlite3.IntegrityError("unique"), Failure.DUPLICATE),
        (sqlite3.OperationalError("database or disk is full"), Failure.AWAY),
        (sqlite3.DatabaseError("malformed"), Failure.AWAY),
        (sqlite3.DataError("too big"), Failure.BAD_VALUE),
        (sqlite3.ProgrammingError("type is not supported"), Failure.BAD_VALUE),
        (OverflowError(), Failure.BAD_VALUE),
        ("\ud800", Failure.BAD_VALUE),
        (KeyError("x"), Failure.BUG),
    ],
)
async def test_errors_are_told_apart(database: SqliteDatabase, error: Exception | str, failure: Failure) -> None:
    if isinstance(error, str):
        with pytest.raises(UnicodeEncodeError) as raised:
            error.encode()
        error = raised.value
    assert database.classify(error) is failure


async def test_a_closed_database_is_away(tmp_path: Path) -> None:
    database = SqliteDatabase(make_url(sqlite_url(tmp_path / "a.db")), timeout_s=5)
    for road in (database.read, database.write):
        with pytest.raises(sqlite3.OperationalError) as raised:
            await road(pragmas)
        assert database.classify(raised.value) is Failure.AWAY


# --------------------------------------------------------------------------- indices


async def test_no_query_scans_a_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    noted: list[tuple[str, Any]] = []
    monkeypatch.setattr(sqlite3.dbapi2, "connect", partial(sqlite3.connect, factory=NotingConnection))
    harness = SqliteHarness(tmp_path)
    store = harness.store()
    await store.start()
    monkeypatch.setattr(NotingConnection, "noted", noted)
    await use_everything(store)
    await store.close()
    statements = {sql: given for sql, given in noted if sql.split()[0] in ("SELECT", "WITH", "UPDATE", "INSERT")}
    assert len(statements) >= 25
    with closing(sqlite3.connect(harness.path)) as connection:
        for statement, parameters in statements.items():
            plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)]
            scans = [
                step
                for step in plan
                if step.startswith("SCAN")
                and not step.startswith("SCAN json_each ")  # a list of keys that is given
                and not step.endswith(("wanted", "CONSTANT ROW", "CONSTANT ROWS"))
            ]
            assert not scans, f"{statement}\n{plan}"


async def use_everything(store: SqlStore) -> None:
    """Every method of the store, and with it every statement."""
    await store.save_user(ANN, NOW_MS)
    channel = await opened(store)
    again = opening(ANN, key="again")
    await store.open_conversation(again)
    await store.open_conversation(again)
    await store.append(message(channel, "hi", key="k"))
    await store.append(message(channel, "hi", key="k"))
    await store.resolve(resolution(channel))
    turn = await asked(store, channel)
    said = await store.answer(answer(turn))
    assert said is not None
    await asked(store, channel)
    await store.expire_leases()
    (taken,) = await store.take_turns("w", 1_000, 5)
    await store.renew_turns("w", [taken.turn_id], 1_000)
    await store.past_turns(channel, 5)
    found = await store.rate(Rating(said.message_id, ANN.id, 1.0, None, NOW_MS))
    await store.rate(Rating(said.message_id, ANN.id, 1.0, None, NOW_MS, in_every_conversation=True))
    await store.add_reward(RewardParts(found.decision_id, found.parts), lambda parts: sum(parts.values()), NOW_MS)
    await store.rewards_after("linucb", 0, 5)
    await store.conversation(channel, ANN.id)
    await store.is_member(channel, ANN.id)
    await store.head(channel)
    await store.heads([channel])
    await store.messages_after(channel, 0, 5)
    await store.messages_before(channel, None, 5)
    await store.messages_before(channel, 3, 5)
    await store.ping()
