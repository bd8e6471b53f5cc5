"""PostgreSQL takes many rows in one statement as arrays, one per column: ``unnest($1::TEXT[], $2::BIGINT[])``.

Such a statement serves any number of rows, so it is parsed and planned once per connection; lists of VALUES or of IN
would make one statement per number of rows, and rows one by one cost the server three times as much (measured).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ARRAY, BindParameter, Insert, TableClause, column, table
from sqlalchemy.dialects.postgresql.asyncpg import PGCompiler_asyncpg
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.sql import visitors
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import BinaryExpression, ClauseElement
from sqlalchemy.types import NullType, String, Text, TypeEngine

Types = Mapping[str, TypeEngine[Any]]


def takes_arrays(dialect: Dialect) -> bool:
    """Whether the database knows ``unnest``."""
    return dialect.name == "postgresql"


def columns_of(rows: Sequence[tuple[Any, ...]]) -> tuple[list[Any], ...]:
    """The parameters: one array per column."""
    return tuple(map(list, zip(*rows, strict=True)))


def rows_from_arrays(name: str, types: Types, dialect: Dialect, *, first: int = 1) -> str:
    """``name(columns…) AS (SELECT …)`` to stand behind WITH; the columns' arrays are parameters from ``first`` on."""
    names = ", ".join(f'"{each}"' for each in types)
    arrays = ", ".join(f"${place}::{_element(type_, dialect)}[]" for place, type_ in enumerate(types.values(), first))
    return f"{name}({names}) AS (SELECT * FROM unnest({arrays}))"  # noqa: S608  our own names


def _element(type_: TypeEngine[Any], dialect: Dialect) -> str:
    if isinstance(type_, NullType):
        raise ValueError("a parameter's type is unknown: give it one")
    # Not VARCHAR(n): a cast to it cuts what is too long, where the column itself refuses it.
    return "TEXT" if isinstance(type_, String) else str(type_.compile(dialect))


@dataclass(frozen=True, slots=True)
class Step:
    """A statement for each row of arrays, in two pieces: ``rows`` to stand behind WITH, ``statement`` behind that."""

    rows: str
    statement: str


def for_each_row(
    statement: ClauseElement, names: Sequence[str], dialect: Dialect, *, place: int = 0, first: int = 1
) -> Step:
    """``statement`` (an INSERT, UPDATE or DELETE by the parameters ``names``) for each row of arrays in that order.

    ``place`` tells it from others in one WITH; its parameters begin at number ``first``.
    """
    single = statement.compile(dialect=dialect, column_keys=list(names))
    assert isinstance(single, SQLCompiler)  # noqa: S101
    types = {name: single.binds[name].type for name in names}
    given = table(f"given{place or ''}", *(column(name, type_) for name, type_ in types.items()))

    def from_row(element: object, **_: Any) -> Any:
        return given.c[element.key] if isinstance(element, BindParameter) and element.key in types else None

    if isinstance(statement, Insert):
        statement = _with_values(statement.inline(), given)
    for_rows = visitors.replacement_traverse(statement, {}, from_row)
    assert isinstance(for_rows, ClauseElement)  # noqa: S101
    sql = str(for_rows.compile(dialect=dialect))
    sql = _select_values(sql, given.name) if isinstance(statement, Insert) else sql
    return Step(rows_from_arrays(given.name, types, dialect, first=first), sql)


def all_at_once(steps: Sequence[Step]) -> str:
    """One statement for several steps, of which none sees what another does; foreign keys are checked after all.

    https://www.postgresql.org/docs/current/queries-with.html#QUERIES-WITH-MODIFYING
    """
    *before, last = steps
    parts = [part for place, step in enumerate(before) for part in (step.rows, f"step{place} AS ({step.statement})")]
    return f"WITH {', '.join([*parts, last.rows])} {last.statement}"


def _with_values(statement: Insert, given: TableClause) -> Insert:
    """A bare INSERT takes its parameters' names as its columns."""
    if any(isinstance(each, BindParameter) for each in visitors.iterate(statement)):
        return statement
    return statement.values({each.name: each for each in given.c})


def _select_values(sql: str, given: str) -> str:
    head, _, rest = sql.partition(" VALUES (")
    values, on_conflict, tail = rest.partition(" ON CONFLICT ")
    return f"{head} SELECT {values.removesuffix(')')} FROM {given}{on_conflict}{tail}"  # noqa: S608  a statement of ours


class ArrayCompiler(PGCompiler_asyncpg):
    """Compiles ``column IN (parameter)`` to ``column = ANY (array)``: one statement for lists of any length."""

    def visit_in_op_binary(self, binary: BinaryExpression[bool], _operator: Any, **options: Any) -> str:
        given = binary.right
        # A list that stands in the statement itself stays one: SQLAlchemy would look for its own parameter.
        if not (isinstance(given, BindParameter) and given.expanding and given.value is None):
            return str(self._generate_generic_binary(binary, " IN ", **options))
        # As text: a cast to VARCHAR(n) would cut a longer value, which could then be found.
        element = Text() if isinstance(given.type, String) else given.type
        array = BindParameter(given.key, type_=ARRAY(element), unique=False)
        return f"{self.process(binary.left, **options)} = ANY ({self.process(array, **options)})"
