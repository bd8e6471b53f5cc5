"""Alembic's environment. ``server.store.migrate`` passes the connection, whose transaction holds the start lock.

To write the next migration: ``alembic -c server/store/migrations/alembic.ini revision --autogenerate --rev-id 0002``.
"""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection, create_engine

from server.store.schema import metadata


def _run(connection: Connection) -> None:
    # SQLite alters a table by copying it ("batch" mode); its DDL is transactional, whatever Alembic's default says.
    context.configure(connection=connection, target_metadata=metadata, render_as_batch=True, transactional_ddl=True)
    with context.begin_transaction():
        context.run_migrations()


if "connection" in context.config.attributes:
    _run(context.config.attributes["connection"])
else:
    engine = create_engine(context.config.get_main_option("sqlalchemy.url", ""))
    with engine.begin() as _connection:
        _run(_connection)
