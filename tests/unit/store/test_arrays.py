"""Statements of rows as PostgreSQL takes them, without a PostgreSQL."""

# ruff: noqa: S608  the statements are what is compared

from __future__ import annotations

import pytest
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Delete,
    Double,
    Insert,
    LargeBinary,
    MetaData,
    String,
    Table,
    Update,
    bindparam,
    delete,
    func,
    insert,
    literal_column,
    select,
    update,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import asyncpg
from sqlalchemy.engine.interfaces import Dialect

from server.store.arrays import ArrayCompiler, all_at_once, columns_of, for_each_row, rows_from_arrays

things = Table(
    "things",
    MetaData(),
    Column("id", String(8), primary_key=True),
    Column("offset", BigInteger),
    Column("open", Boolean),
    Column("digest", LargeBinary),
    Column("share", Double),
)
DIALECT = asyncpg.dialect()  # type: ignore[no-untyped-call]


def rows(*columns: tuple[str, str]) -> str:
    names = ", ".join(f'"{name}"' for name, _ in columns)
    arrays = ", ".join(f"${place}::{type_}[]" for place, (_, type_) in enumerate(columns, 1))
    return f"WITH given({names}) AS (SELECT * FROM unnest({arrays})) "


def one(statement: Insert | Update | Delete, names: tuple[str, ...], dialect: Dialect) -> str:
    return all_at_once([for_each_row(statement, names, dialect)])


def test_rows_become_one_array_per_column() -> None:
    assert columns_of([("a", 1), ("b", None)]) == (["a", "b"], [1, None])


def test_each_column_has_its_databases_type_and_texts_no_length() -> None:
    types = {column.name: column.type for column in things.c}
    assert rows_from_arrays("wanted", types, DIALECT) == (
        'wanted("id", "offset", "open", "digest", "share") AS (SELECT * FROM '
        "unnest($1::TEXT[], $2::BIGINT[], $3::BOOLEAN[], $4::BYTEA[], $5::DOUBLE PRECISION[]))"
    )


def test_a_bare_insert_takes_columns() -> None:
    assert one(insert(things), ("offset", "id"), DIALECT) == (
        rows(("offset", "BIGINT"), ("id", "TEXT"))
        + 'INSERT INTO things (id, "offset") SELECT given.id, given."offset" FROM given'
    )


def test_an_insert_may_compute() -> None:
    statement = insert(things).values(id=bindparam("name"), offset=func.now() + bindparam("wait", type_=BigInteger))
    assert one(statement, ("name", "wait"), DIALECT) == (
        rows(("name", "TEXT"), ("wait", "BIGINT"))
        + 'INSERT INTO things (id, "offset") SELECT given.name, (now() + given.wait) FROM given'
    )


def test_an_insert_may_meet_what_is_there() -> None:
    statement = postgresql.insert(things)
    kept = statement.on_conflict_do_update(index_elements=["id"], set_={"open": statement.excluded.open})
    assert one(kept, ("id", "open"), DIALECT) == (
        rows(("id", "TEXT"), ("open", "BOOLEAN")) + "INSERT INTO things (id, open) SELECT given.id, given.open "
        "FROM given ON CONFLICT (id) DO UPDATE SET open = excluded.open"
    )


def move() -> Update:
    return (
        update(things).where(things.c.id == bindparam("of")).values(offset=bindparam("to"), open=literal_column("true"))
    )


def test_an_update_finds_its_row() -> None:
    assert one(move(), ("to", "of"), DIALECT) == (
        rows(("to", "BIGINT"), ("of", "TEXT"))
        + 'UPDATE things SET "offset"=given."to", open=true FROM given WHERE things.id = given."of"'
    )


def test_a_delete_finds_its_row() -> None:
    assert one(delete(things).where(things.c.id == bindparam("of")), ("of",), DIALECT) == (
        rows(("of", "TEXT")) + 'DELETE FROM things USING given WHERE things.id = given."of"'
    )


def test_several_statements_are_one() -> None:
    steps = [
        for_each_row(insert(things), ("id",), DIALECT),
        for_each_row(move(), ("to", "of"), DIALECT, place=1, first=2),
    ]
    assert all_at_once(steps) == (
        'WITH given("id") AS (SELECT * FROM unnest($1::TEXT[])), '
        "step0 AS (INSERT INTO things (id) SELECT given.id FROM given), "
        'given1("to", "of") AS (SELECT * FROM unnest($2::BIGINT[], $3::TEXT[])) '
        'UPDATE things SET "offset"=given1."to", open=true FROM given1 WHERE things.id = given1."of"'
    )


def test_a_parameter_without_a_type_is_a_mistake() -> None:
    statement = insert(things).values(id=func.lower(bindparam("name")))
    with pytest.raises(ValueError, match="type"):
        one(statement, ("name",), DIALECT)


def test_a_list_is_one_array_of_any_length() -> None:
    statement = select(things.c.id).where(
        things.c.id.in_(bindparam("ids", expanding=True)), things.c.offset.in_(bindparam("offsets", expanding=True))
    )
    compiled = ArrayCompiler(DIALECT, statement)
    assert str(compiled).endswith('WHERE things.id = ANY ($1::TEXT[]) AND things."offset" = ANY ($2::BIGINT[])')
    assert compiled.positiontup == ["ids", "offsets"]


def test_a_list_in_the_statement_and_a_query_stay_as_they_are() -> None:
    inner = select(things.c.id).where(things.c.open)
    statement = select(things.c.id).where(things.c.offset.in_([1, 2]), things.c.id.in_(inner))
    sql = str(ArrayCompiler(DIALECT, statement))
    assert "ANY" not in sql and sql.count(" IN (") == 2
