"""Many parameter rows for one statement, without SQLAlchemy's work per row.

SQLAlchemy turns each row's dict into the driver's order and passes each value through its type: 13 of the 84 µs that
a message costs the writer (measured), for values that every driver takes as they are. Statements stay SQLAlchemy's,
compiled for whatever dialect the connection has.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Executable
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import ClauseElement

from server.store.arrays import columns_of, for_each_row, takes_arrays

Row = tuple[Any, ...]
Form = tuple[str, Callable[[Sequence[Row]], Any]]
"""A statement as the driver takes it, and how it takes the rows."""


class Batch:
    """``statement`` for rows of plain values (str, int, float, bool, bytes, None) in the order of ``names``.

    ``names`` are those of its bound parameters; an INSERT's are its columns. No two rows of a run may be for the same
    row of the table: PostgreSQL takes all of them in one statement (see ``arrays``), where neither would come last.
    """

    def __init__(self, statement: ClauseElement, names: Sequence[str]) -> None:
        assert isinstance(statement, Executable)  # noqa: S101  a slip of ours, not of a caller
        self._statement = statement
        self._names = tuple(names)
        self._forms: dict[type[Dialect], Form] = {}

    def run(self, connection: Connection, rows: Sequence[Row]) -> None:
        """Execute it for every row, in one round trip; nothing for no rows."""
        if not rows:
            return
        sql, arrange = self._form(connection.dialect)
        connection.exec_driver_sql(sql, arrange(rows))

    def _form(self, dialect: Dialect) -> Form:
        found = self._forms.get(type(dialect))
        if found is None:
            found = self._forms[type(dialect)] = self._compile(dialect)
        return found

    def _compile(self, dialect: Dialect) -> Form:
        compiled = self._statement.compile(dialect=dialect, column_keys=list(self._names))
        assert isinstance(compiled, SQLCompiler)  # noqa: S101
        order = compiled.positiontup or []
        if sorted(order) != sorted(self._names):
            raise ValueError(f"the statement's parameters are {order}, not {list(self._names)}")
        if takes_arrays(dialect):
            return for_each_row(self._statement, self._names, dialect), columns_of
        if tuple(order) == self._names:
            return str(compiled), list
        take = itemgetter(*(self._names.index(name) for name in order))
        return str(compiled), lambda rows: [take(row) for row in rows]
