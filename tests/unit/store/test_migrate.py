"""Migrations lead to the schema, and strangers are refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, inspect, text

from server.errors import StartupError
from server.store.migrate import HEAD, MIGRATIONS, current_revision, migrate
from server.store.schema import FULL_TEXT, MESSAGE_TEXT, metadata


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    engine = create_engine(f"sqlite:///{tmp_path / 'a.db'}")
    with engine.connect() as made:
        yield made
    engine.dispose()


def is_ours(name: str | None, *_: object) -> bool:
    """Of a table, an index, a column …: not those that the full text makes for itself."""
    return name is None or not name.startswith((FULL_TEXT, MESSAGE_TEXT))


def test_the_migrated_database_has_the_schema(connection: Connection) -> None:
    migrate(connection)
    opts = {"compare_type": True, "compare_server_default": True, "include_name": is_ours}
    context = MigrationContext.configure(connection, opts=opts)
    assert compare_metadata(context, metadata) == []
    tables = {name for name in inspect(connection).get_table_names() if is_ours(name)}
    assert tables == {*metadata.tables, "alembic_version"}


def test_checks_are_in_the_migrated_database_too(connection: Connection) -> None:
    migrate(connection)
    for table in metadata.tables.values():
        wanted = {constraint.name for constraint in table.constraints if type(constraint).__name__ == "CheckConstraint"}
        assert {found["name"] for found in inspect(connection).get_check_constraints(table.name)} == wanted


def test_the_head_is_the_scripts_head() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_current_head() == HEAD


def test_migrating_twice_changes_nothing(connection: Connection) -> None:
    migrate(connection)
    before = connection.execute(text("SELECT sql FROM sqlite_master")).all()
    migrate(connection)
    assert connection.execute(text("SELECT sql FROM sqlite_master")).all() == before
    assert current_revision(connection) == HEAD


def test_a_newer_database_is_refused_with_what_to_do(connection: Connection) -> None:
    migrate(connection)
    connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StartupError, match=r"newer.*9999") as raised:
        migrate(connection)
    assert "later" in raised.value.remedy and raised.value.exit_code == 2


def test_somebody_elses_tables_are_left_alone(connection: Connection) -> None:
    connection.execute(text("CREATE TABLE messages (id INTEGER)"))
    with pytest.raises(StartupError, match="messages") as raised:
        migrate(connection)
    assert raised.value.remedy
