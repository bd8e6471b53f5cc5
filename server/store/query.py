"""Statements that SQLAlchemy composes once per dialect and the driver runs.

SQLAlchemy's own execution takes 40 to 120 µs of Python for a statement that takes SQLite 10: two thirds of what a
small commit cost (measured). So what runs in every commit goes to the driver as text, with plain values.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Sequence
from typing import Any

import orjson
from sqlalchemy import BindParameter, Connection, Insert, Select, String, TypeDecorator
from sqlalchemy.dialects.sqlite.base import SQLiteCompiler
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import BinaryExpression
from sqlalchemy.util import await_only

from server.store.arrays import ArrayCompiler

Values = tuple[Any, ...]


def fetch(connection: Connection, sql: str, values: Values) -> Sequence[Any]:
    """Run a statement in the driver's own words; its rows. The driver's errors."""
    rows: list[Any]
    if connection.dialect.name == "sqlite":
        rows = driver(connection).execute(sql, values).fetchall()
    else:
        rows = await_only(driver(connection).fetch(sql, *values))
    return rows


def run_many(connection: Connection, sql: str, rows: Any) -> None:
    """Run a statement that returns nothing, for each row or for what the driver takes in their place."""
    if connection.dialect.name == "sqlite":
        driver(connection).executemany(sql, rows)
    else:
        await_only(driver(connection).fetch(sql, *rows))


def record(names: Sequence[str]) -> Callable[[Sequence[Any]], Any]:
    """Makes rows of plain values into tuples with names."""
    made: Any = namedtuple("Record", names)  # type: ignore[misc]
    make: Callable[[Sequence[Any]], Any] = made._make
    return make


def driver(connection: Connection) -> Any:
    """The driver's own connection."""
    return connection.connection.driver_connection


class Query:
    """``statement`` by the parameters ``names``: a SELECT, or an INSERT with RETURNING.

    ``column IN (parameter)`` takes a list of any length, in one form of the statement.
    """

    def __init__(self, statement: Select[Any] | Insert, names: Sequence[str]) -> None:
        self._statement = statement
        self._names = tuple(names)
        self._forms: dict[str, _Form] = {}

    def rows(self, connection: Connection, *values: Any) -> list[Any]:
        """The rows, with the columns' names, for ``values`` in the order of ``names``."""
        dialect = connection.dialect
        form = self._forms.get(dialect.name)
        if form is None:
            form = self._forms[dialect.name] = _Form(self._statement, self._names, dialect)
        return form.made(fetch(connection, form.sql, form.arranged(values)))


class _Form:
    """The statement in one dialect: its text, the way of its values there, and of its rows back."""

    def __init__(self, statement: Select[Any] | Insert, names: tuple[str, ...], dialect: Dialect) -> None:
        compiler = ListCompiler if dialect.name == "sqlite" else ArrayCompiler
        compiled = compiler(dialect, statement, column_keys=list(names) if isinstance(statement, Insert) else None)
        self.sql = str(compiled)
        self._values = [self._value_of(compiled, name, names) for name in compiled.positiontup or ()]
        columns = list(statement.exported_columns)
        self._readers = [column.type.result_processor(dialect, None) for column in columns]
        self._make = record([str(column.key) for column in columns])
        if dialect.name != "sqlite" or not any(self._readers):
            self._readers = []  # asyncpg gives each type as it is

    @staticmethod
    def _value_of(compiled: SQLCompiler, name: str, names: tuple[str, ...]) -> Callable[[Values], Any]:
        """Takes one parameter's value from those given; what stands in the statement itself is a constant."""
        if name not in names:
            constant = compiled.params[name]
            return lambda _: constant
        place = names.index(name)
        if isinstance(compiled.binds[name].type, _JsonList):
            return lambda values: orjson.dumps(values[place]).decode()
        return lambda values: values[place]

    def arranged(self, values: Values) -> Values:
        return tuple([take(values) for take in self._values])

    def made(self, rows: Sequence[Any]) -> list[Any]:
        if self._readers:
            rows = [
                [value if read is None else read(value) for read, value in zip(self._readers, row, strict=True)]
                for row in rows
            ]
        return list(map(self._make, rows))


class _JsonList(TypeDecorator[Sequence[Any]]):
    """A list as SQLite's JSON functions read it."""

    impl = String
    cache_ok = True


class ListCompiler(SQLiteCompiler):
    """Compiles ``column IN (parameter)`` for a list as JSON: one statement for lists of any length."""

    def visit_in_op_binary(self, binary: BinaryExpression[bool], _operator: Any, **options: Any) -> str:
        given = binary.right
        if not (isinstance(given, BindParameter) and given.expanding and given.value is None):
            return str(self._generate_generic_binary(binary, " IN ", **options))
        listed = BindParameter(given.key, type_=_JsonList(), unique=False)
        left, right = self.process(binary.left, **options), self.process(listed, **options)
        return f"{left} IN (SELECT value FROM json_each({right}))"  # noqa: S608  our own names
