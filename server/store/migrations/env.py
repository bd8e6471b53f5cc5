"""Alembic's environment. ``server.store.migrate`` passes the connection, whose transaction holds the start lock.

The next migration is drafted against a database of the present schema (then raise ``migrate.HEAD``):

    alembic -c server/store/migrations/alembic.ini -x url=sqlite:///data/parlance.db \\
        revision --autogenerate --rev-id 0002 -m what
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
    engine = create_engine(context.get_x_argument(as_dictionary=True)["url"])
    with engine.begin() as _connection:
        _run(_connection)
