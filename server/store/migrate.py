"""Bring a database to the schema of this code, or say why that can't be done."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from server.errors import StartupError
from server.store import schema

MIGRATIONS = Path(__file__).parent / "migrations"

HEAD = "0011"
"""The newest migration. Kept here so that an ordinary start needs no Alembic; a test compares it with the scripts."""


def migrate(connection: Connection) -> bool:
    """Run what is missing, inside the caller's transaction, which keeps other starting processes out; True if any was.

    Raises ``StartupError`` for a database that a newer Parlance made, or that belongs to something else.
    """
    current = current_revision(connection)
    if current == HEAD:
        return False
    _refuse_strangers(connection, current)
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if current is not None and current not in known:
        raise StartupError(
            f"The database is newer than this Parlance: it has schema {current}, this version knows {HEAD}.",
            "Start the Parlance that made it or a later one, or restore the backup made before its upgrade.",
        )
    command.upgrade(config, "head")
    return True


def require_current(connection: Connection) -> bool:
    """In the place of ``migrate`` for those who only look in, beside a server perhaps: changes nothing, so False.

    Raises ``StartupError`` for a database of any other schema than this code's.
    """
    current = current_revision(connection)
    if current != HEAD:
        raise StartupError(
            f"The database has {f'schema {current}' if current else 'no tables yet'}, this Parlance knows {HEAD}.",
            "Start the server of this version once, or use the command of the server's version.",
        )
    return False


def current_revision(connection: Connection) -> str | None:
    """The database's schema, None where there is none yet."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return revision


def _refuse_strangers(connection: Connection, current: str | None) -> None:
    if current is not None:
        return
    taken = sorted(set(inspect(connection).get_table_names()) & set(schema.metadata.tables))
    if taken:
        raise StartupError(
            f"The database holds tables that Parlance did not make: {', '.join(taken)}.",
            "Name another database.",
        )
