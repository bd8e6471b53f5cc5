"""Many parameter rows for one statement, without SQLAlchemy's work per row; several statements in one round trip.

SQLAlchemy turns each row's dict into the driver's order and passes each value through its type: 13 of the 84 µs that
a message costs the writer (measured), for values that every driver takes as they are. Statements stay SQLAlchemy's,
compiled for whatever dialect the connection has.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Delete, Insert, Table, Update
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.sql.compiler import SQLCompiler

from server.store.arrays import Step, all_at_once, columns_of, for_each_row, takes_arrays
from server.store.query import run_many

Row = tuple[Any, ...]
Form = tuple[str, Callable[[Sequence[Row]], Any]]
"""A statement as the driver takes it, and how it takes the rows."""


class Batch:
    """``statement`` for rows of plain values (str, int, float, bool, bytes, None) in the order of ``names``.

    ``names`` are those of its bound parameters; an INSERT's are its columns. No two rows of a run may be for the same
    row of the table: PostgreSQL takes all of them in one statement (see ``arrays``), where neither would come last.
    """

    def __init__(self, statement: Insert | Update | Delete, names: Sequence[str]) -> None:
        self._statement = statement
        self.names = tuple(names)
        self._forms: dict[type[Dialect], Form] = {}
        assert isinstance(statement.table, Table)  # noqa: S101
        self.table = statement.table.name

    def run(self, connection: Connection, rows: Sequence[Row]) -> None:
        """Execute it for every row, in one round trip; nothing for no rows."""
        if not rows:
            return
        sql, arrange = self._form(connection.dialect)
        run_many(connection, sql, arrange(rows))

    def step(self, dialect: Dialect, *, place: int = 0, first: int = 1) -> Step:
        """For a database that takes arrays; see ``arrays.for_each_row``."""
        return for_each_row(self._statement, self.names, dialect, place=place, first=first)

    def _form(self, dialect: Dialect) -> Form:
        found = self._forms.get(type(dialect))
        if found is None:
            found = self._forms[type(dialect)] = self._compile(dialect)
        return found

    def _compile(self, dialect: Dialect) -> Form:
        compiled = self._statement.compile(dialect=dialect, column_keys=list(self.names))
        assert isinstance(compiled, SQLCompiler)  # noqa: S101
        order = compiled.positiontup or []
        if sorted(order) != sorted(self.names):
            raise ValueError(f"the statement's parameters are {order}, not {list(self.names)}")
        if takes_arrays(dialect):
            return all_at_once([self.step(dialect)]), columns_of
        if tuple(order) == self.names:
            return str(compiled), list
        take = itemgetter(*(self.names.index(name) for name in order))
        return str(compiled), lambda rows: [take(row) for row in rows]


class Batches:
    """Several batches, run in order as if one after the other.

    A database that takes arrays runs them as one statement, as far as each has a table of its own: a small commit's
    time is its round trips (a fifth of a millisecond each, measured).
    """

    def __init__(self, *batches: Batch) -> None:
        self._batches = batches
        self._statements: dict[tuple[Batch, ...], str] = {}

    def run(self, connection: Connection, rows: Sequence[Sequence[Row]]) -> None:
        """``rows`` of each batch; nothing for those without."""
        wanted = [(batch, some) for batch, some in zip(self._batches, rows, strict=True) if some]
        if not takes_arrays(connection.dialect):
            for batch, some in wanted:
                batch.run(connection, some)
            return
        for group in _by_table(wanted):
            sql = self._statement(tuple(batch for batch, _ in group), connection.dialect)
            run_many(connection, sql, tuple(array for _, some in group for array in columns_of(some)))

    def _statement(self, batches: tuple[Batch, ...], dialect: Dialect) -> str:
        found = self._statements.get(batches)
        if found is None:
            steps: list[Step] = []
            first = 1
            for place, batch in enumerate(batches):
                steps.append(batch.step(dialect, place=place, first=first))
                first += len(batch.names)
            found = self._statements[batches] = all_at_once(steps)
        return found


def _by_table(wanted: Sequence[tuple[Batch, Sequence[Row]]]) -> list[list[tuple[Batch, Sequence[Row]]]]:
    """In order, cut before a table comes again."""
    groups: list[list[tuple[Batch, Sequence[Row]]]] = []
    for batch, some in wanted:
        if not groups or batch.table in {other.table for other, _ in groups[-1]}:
            groups.append([])
        groups[-1].append((batch, some))
    return groups
