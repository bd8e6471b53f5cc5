"""How a store starts on PostgreSQL: what it refuses, and what it sets for its own connections."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import structlog
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, event, text
from sqlalchemy.engine import Engine

from server.cli.checks import Finding, check_database
from server.clock import ManualClock
from server.errors import StartupError, Unavailable
from server.settings import load_settings
from server.store.migrate import HEAD, migrate
from server.store.postgresql import PostgresqlDatabase
from server.store.schema import metadata
from server.store.sql import SqlStore
from tests.contract.store.harness import PostgresqlHarness, new_id
from tests.contract.store.people import message, opened
from tests.support.postgresql import ROLE_WITH_PASSWORD, PostgreSQLServer, shared_server
from tests.unit.store.test_migrate import is_ours
from tests.unit.store.test_sqlite import use_everything

PASSWORD = "s3cret-0f-the-tests"


@pytest.fixture
async def harness() -> AsyncIterator[PostgresqlHarness]:
    made = PostgresqlHarness(empty=True)
    yield made
    await made.close()


@pytest.fixture(scope="module")
def server() -> PostgreSQLServer:
    """The shared server, with roles."""
    shared = shared_server()
    shared.sql(f"CREATE ROLE {ROLE_WITH_PASSWORD} LOGIN PASSWORD '{PASSWORD}'")
    shared.sql("CREATE ROLE plain LOGIN")
    shared.sql("CREATE ROLE crowded LOGIN CONNECTION LIMIT 0")
    return shared


async def refusal(url: str) -> StartupError:
    store = SqlStore(url, clock=ManualClock(), new_id=new_id, timeout_s=5.0)
    with pytest.raises(StartupError) as raised:
        await store.start()
    with pytest.raises(Unavailable):
        await store.ping()
    await store.close()
    assert raised.value.remedy
    return raised.value


# --------------------------------------------------------------------------- refusals


async def test_a_wrong_password_is_not_repeated(server: PostgreSQLServer, harness: PostgresqlHarness) -> None:
    error = await refusal(server.url(harness.name, user=ROLE_WITH_PASSWORD, password="wr0ng"))
    assert "password" in error.problem and ROLE_WITH_PASSWORD in error.problem
    shown = "".join(str(one) for one in (error, error.__cause__, error.__cause__ and error.__cause__.__cause__))
    assert "wr0ng" not in shown


async def test_the_right_password_lets_in(server: PostgreSQLServer, harness: PostgresqlHarness) -> None:
    server.sql(f'ALTER DATABASE "{harness.name}" OWNER TO {ROLE_WITH_PASSWORD}')
    url = server.url(harness.name, user=ROLE_WITH_PASSWORD, password=PASSWORD)
    store = SqlStore(url, clock=ManualClock(), new_id=new_id)
    await store.start()
    await opened(store)
    await store.close()


async def test_an_unknown_user(server: PostgreSQLServer, harness: PostgresqlHarness) -> None:
    assert "nobody" in (await refusal(server.url(harness.name, user="nobody"))).problem


async def test_an_unknown_database(server: PostgreSQLServer) -> None:
    error = await refusal(server.url("missing"))
    assert "no database missing" in error.problem and "createdb" in error.remedy


@pytest.mark.parametrize("hosts", ["127.0.0.1:1", "127.0.0.1:1,127.0.0.1:2"])
async def test_nobody_listens(hosts: str) -> None:
    error = await refusal(f"postgresql://ann:{PASSWORD}@{hosts}/shop")
    assert hosts in error.problem and "can't be reached" in error.problem
    assert PASSWORD not in str(error)


@pytest.mark.parametrize("url", ["postgresql://ann@127.0.0.1:s3c", "postgresql://ann@127.0.0.1/shop?sslmode=s3c"])
async def test_a_url_that_the_driver_can_not_read(url: str) -> None:
    error = await refusal(url)
    assert "no valid URL" in error.problem and "s3c" not in str(error)


async def test_no_right_to_make_tables(server: PostgreSQLServer, harness: PostgresqlHarness) -> None:
    error = await refusal(server.url(harness.name, user="plain"))
    assert "plain may not make tables" in error.problem and "GRANT CREATE" in error.remedy
    assert harness.sql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == [(0,)]


async def test_no_connection_left(server: PostgreSQLServer, harness: PostgresqlHarness) -> None:
    error = await refusal(server.url(harness.name, user="crowded"))
    assert "no more connections" in error.problem and "max_connections" in error.remedy


async def test_a_newer_database(harness: PostgresqlHarness) -> None:
    store = harness.store()
    await store.start()
    await store.close()
    harness.sql("UPDATE alembic_version SET version_num = '9999'")
    assert "newer" in (await refusal(harness.url)).problem


async def test_somebody_elses_tables_are_left_alone(harness: PostgresqlHarness) -> None:
    harness.sql("CREATE TABLE messages (id BIGINT)")
    assert "messages" in (await refusal(harness.url)).problem
    assert harness.sql("SELECT count(*) FROM messages") == [(0,)]


async def test_an_encoding_that_lacks_characters(server: PostgreSQLServer) -> None:
    server.sql("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    error = await refusal(server.url("latin"))
    assert "LATIN1" in error.problem and "--encoding=UTF8" in error.remedy


async def test_a_database_that_only_reads(server: PostgreSQLServer, harness: PostgresqlHarness) -> None:
    server.sql(f'ALTER DATABASE "{harness.name}" SET default_transaction_read_only = on')
    error = await refusal(harness.url)
    assert "only reads" in error.problem and "primary" in error.remedy


async def test_a_migration_that_fails_leaves_nothing(harness: PostgresqlHarness) -> None:
    def broken(connection: Connection) -> bool:
        migrate(connection)
        raise ZeroDivisionError

    database = PostgresqlDatabase(harness.url, timeout_s=5)
    with pytest.raises(ZeroDivisionError):
        await database.open(broken)
    assert harness.sql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == [(0,)]
    await database.open(migrate)
    await database.close()


# --------------------------------------------------------------------------- what is set


@pytest.mark.parametrize("scheme", ["postgres", "postgresql+asyncpg"])
async def test_other_ways_to_write_the_url(harness: PostgresqlHarness, scheme: str) -> None:
    store = SqlStore(harness.url.replace("postgresql", scheme, 1), clock=ManualClock(), new_id=new_id)
    await store.start()
    await opened(store)
    await store.close()


async def test_the_migrated_database_has_the_schema(harness: PostgresqlHarness) -> None:
    def differences(connection: Connection) -> list[object]:
        options = {"compare_type": True, "compare_server_default": True, "include_name": is_ours}
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))

    database = PostgresqlDatabase(harness.url, timeout_s=5)
    await database.open(migrate)
    assert await database.read(differences) == []
    await database.close()


def settings(connection: Connection) -> dict[str, str]:
    return {name: str(connection.scalar(text(f"SHOW {name}"))) for name in OURS}


OURS = {
    "synchronous_commit": "on",
    "default_transaction_isolation": "read committed",
    "jit": "off",
    "application_name": "parlance",
    "statement_timeout": "5s",
    "idle_in_transaction_session_timeout": "2500ms",
}


async def test_what_is_acked_is_durable_whatever_the_servers_default(
    server: PostgreSQLServer, harness: PostgresqlHarness
) -> None:
    for name, value in {"synchronous_commit": "off", "default_transaction_isolation": "serializable"}.items():
        server.sql(f"ALTER DATABASE \"{harness.name}\" SET {name} = '{value}'")
    database = PostgresqlDatabase(harness.url, timeout_s=5)
    await database.open(migrate)
    assert await database.write(settings) == OURS
    assert await database.read(settings) == OURS
    await database.close()


async def test_a_stronger_promise_is_kept(server: PostgreSQLServer, harness: PostgresqlHarness) -> None:
    server.sql(f"ALTER DATABASE \"{harness.name}\" SET synchronous_commit = 'remote_apply'")
    database = PostgresqlDatabase(f"{harness.url}?application_name=shop", timeout_s=5)
    await database.open(migrate)
    found = await database.write(settings)
    assert (found["synchronous_commit"], found["application_name"]) == ("remote_apply", "shop")
    await database.close()


async def test_a_server_that_does_not_wait_for_its_disk_is_told_of(harness: PostgresqlHarness) -> None:
    with structlog.testing.capture_logs() as logs:
        await harness.store().start()
    assert [log["log_level"] for log in logs if "fsync" in log["event"]] == ["warning"]


# --------------------------------------------------------------------------- looking


async def test_a_look_changes_nothing(harness: PostgresqlHarness) -> None:
    found = await PostgresqlDatabase(harness.url, timeout_s=5.0).look()
    assert (found.revision, found.may_make_tables, found.only_reads, found.waits_for_disk) == (None, True, False, False)
    assert f"PostgreSQL at 127.0.0.1:{harness.server.port} (" in found.place and harness.name in found.place
    assert harness.sql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == [(0,)]
    await harness.store().start()
    assert (await PostgresqlDatabase(harness.url, timeout_s=5.0).look()).revision == HEAD


async def test_a_look_tells_what_a_start_would_not_like(server: PostgreSQLServer, harness: PostgresqlHarness) -> None:
    url = server.url(harness.name, user="plain")
    server.sql(f'ALTER DATABASE "{harness.name}" SET default_transaction_read_only = on')
    found = await PostgresqlDatabase(url, timeout_s=5.0).look()
    assert (found.may_make_tables, found.only_reads) == (False, True)
    with pytest.raises(StartupError, match="no database missing"):
        await PostgresqlDatabase(server.url("missing"), timeout_s=5.0).look()


def test_the_doctor_looks(harness: PostgresqlHarness, server: PostgreSQLServer, tmp_path: Path) -> None:
    def finding(url: str) -> Finding:
        loaded = load_settings({"database_url": url}, {}, tmp_path, check=False, make=False)
        (found,) = check_database(loaded)
        return found

    found = finding(harness.url)
    assert found.status == "warn" and harness.name in found.text and "fsync" in found.remedy
    assert f"the next start brings it to {HEAD}" in found.text
    assert "GRANT CREATE" in finding(server.url(harness.name, user="plain")).remedy
    assert finding(server.url("missing")).status == "fail"
    server.sql(f'ALTER DATABASE "{harness.name}" SET default_transaction_read_only = on')
    assert "primary" in finding(harness.url).remedy


# --------------------------------------------------------------------------- plans


@contextmanager
def noted() -> Iterator[list[tuple[str, Any]]]:
    """Each statement with its (first) parameters, whether SQLAlchemy runs it or we hand it to the driver."""
    found: list[tuple[str, Any]] = []

    def note(
        _connection: object, _cursor: object, statement: str, parameters: Any, _context: object, many: bool
    ) -> None:
        found.append((statement, parameters[0] if many else parameters))

    fetch = asyncpg.Connection.fetch

    async def noting(self: asyncpg.Connection, statement: str, *values: Any, **options: Any) -> Any:
        found.append((statement, values))
        return await fetch(self, statement, *values, **options)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(asyncpg.Connection, "fetch", noting)
            yield found
    finally:
        event.remove(Engine, "before_cursor_execute", note)


async def test_no_statement_scans_a_table(harness: PostgresqlHarness) -> None:
    store = harness.store()
    await store.start()
    with noted() as found:
        await use_everything(store)
    statements = {sql: given for sql, given in found if sql.split()[0] in ("SELECT", "WITH", "UPDATE", "INSERT")}
    assert len(statements) >= 25
    database = PostgresqlDatabase(harness.url, timeout_s=5)
    await database.open(migrate)
    for statement, parameters in statements.items():

        def explain(connection: Connection, statement: str = statement, parameters: Any = parameters) -> str:
            explained = connection.exec_driver_sql(f"EXPLAIN {statement}", parameters)
            return "\n".join(explained.scalars())

        plan = await database.read(explain)
        assert "Seq Scan" not in plan, f"{statement}\n{plan}"
    await database.close()


async def test_one_statement_serves_groups_of_any_size(harness: PostgresqlHarness) -> None:
    store = harness.store(group_max=64)
    await store.start()
    channel = await opened(store)
    seen: list[set[str]] = []
    for size in (1, 3, 50):
        with noted() as found:
            waiting = [store.append(message(channel)) for _ in range(size)]
            for one in waiting:
                await one
        seen.append({statement for statement, _ in found})
    assert seen[0] == seen[1] == seen[2] != set()
