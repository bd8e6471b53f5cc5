"""Many rows by composite keys in one statement, through an index on every database.

``(a, b) IN ((…), …)`` would be shorter, but SQLite answers it by scanning the table. A join with a list of VALUES
is standard SQL and searches the index once per key; PostgreSQL takes the keys as arrays (see ``arrays``).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

from sqlalchemy import Column, Connection, Table, TextClause, text
from sqlalchemy.engine.interfaces import Dialect

from server.store.arrays import columns_of, rows_from_arrays, takes_arrays
from server.store.query import fetch, record

MAX_KEYS = 512
"""Keys per statement: three columns of them stay far below the 32,766 parameters that both databases take."""


class Lookup:
    """Rows of ``table`` joined with ``joins`` whose columns ``by`` equal one of the given tuples.

    ``joins``: pairs of columns, (of ``table``, of the other table). Lists of VALUES are made per power of two, so that
    SQLAlchemy and the database see few different ones; keys are repeated to fill up, and rows may then be too.
    """

    def __init__(
        self,
        table: Table,
        by: Sequence[Column[Any]],
        columns: Sequence[Column[Any]],
        joins: Sequence[tuple[Column[Any], Column[Any]]] = (),
    ) -> None:
        self._table = table
        self._by = by
        self._columns = columns
        self._joins = joins
        self._record = record([column.name for column in columns])
        self._statements: dict[tuple[type[Dialect], int], str] = {}

    def rows(self, connection: Connection, keys: Sequence[tuple[str, ...]]) -> list[Any]:
        """The rows found, with the columns' names, in no order, some of them more than once."""
        found: list[Any] = []
        for start in range(0, len(keys), MAX_KEYS):
            found += map(self._record, self._chunk(connection, keys[start : start + MAX_KEYS]))
        return found

    def _chunk(self, connection: Connection, keys: Sequence[tuple[str, ...]]) -> Sequence[Any]:
        if takes_arrays(connection.dialect):
            return fetch(connection, self._of_arrays(connection.dialect), columns_of(keys))
        size = 1 << (len(keys) - 1).bit_length()
        statement = self._statements.get((type(connection.dialect), size))
        if statement is None:
            made = self._make(size).compile(dialect=connection.dialect)
            statement = self._statements[type(connection.dialect), size] = str(made)
        padded = [*keys, *([keys[-1]] * (size - len(keys)))]
        # The parameters stand in the text in the order of the keys, whatever the dialect calls them.
        return fetch(connection, statement, tuple(chain.from_iterable(padded)))

    def _of_arrays(self, dialect: Dialect) -> str:
        statement = self._statements.get((type(dialect), 0))
        if statement is None:
            types = {f"k{place}": column.type for place, column in enumerate(self._by)}
            statement = f"WITH {rows_from_arrays('wanted', types, dialect)} {self._select()}"
            self._statements[type(dialect), 0] = statement
        return statement

    def _make(self, size: int) -> TextClause:
        width = range(len(self._by))
        wanted = ", ".join(f'"k{column}"' for column in width)
        rows = ", ".join("(" + ", ".join(f":v{row}_{column}" for column in width) + ")" for row in range(size))
        return text(f"WITH wanted({wanted}) AS (VALUES {rows}) {self._select()}")

    def _select(self) -> str:
        selected = ", ".join(map(_quoted, self._columns))
        matches = " AND ".join(f'{_quoted(column)} = wanted."k{index}"' for index, column in enumerate(self._by))
        joins = " ".join(
            f'JOIN "{other.table.name}" ON {_quoted(other)} = {_quoted(own)}' for own, other in self._joins
        )
        return f'SELECT {selected} FROM wanted JOIN "{self._table.name}" ON {matches} {joins}'  # noqa: S608  our own names


def _quoted(column: Column[Any]) -> str:
    return f'"{column.table.name}"."{column.name}"'
