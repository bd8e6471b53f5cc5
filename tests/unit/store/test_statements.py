"""Batches and lookups, on SQLite in memory."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import (
    Column,
    Connection,
    Integer,
    MetaData,
    String,
    Table,
    bindparam,
    create_engine,
    delete,
    insert,
    select,
    update,
)
from sqlalchemy.pool import StaticPool

from server.store.batch import Batch, Batches
from server.store.lookup import MAX_KEYS, Lookup

metadata = MetaData()
things = Table(
    "things",
    metadata,
    Column("kind", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("offset", Integer),
)
kinds = Table("kinds", metadata, Column("kind", String, primary_key=True), Column("title", String))

INSERT = Batch(insert(things), ("kind", "key", "offset"))


@pytest.fixture
def connection() -> Iterator[Connection]:
    engine = create_engine("sqlite://", poolclass=StaticPool)
    with engine.begin() as made:
        metadata.create_all(made)
        yield made
    engine.dispose()


def test_a_batch_inserts_and_updates_every_row(connection: Connection) -> None:
    INSERT.run(connection, [("a", "1", 5), ("a", "2", None), ("b", "1", 7)])
    move = (
        update(things)
        .where(things.c.kind == bindparam("of"), things.c.key == bindparam("at"))
        .values(offset=bindparam("to"))
    )
    Batch(move, ("of", "at", "to")).run(connection, [("a", "2", 9), ("b", "1", 8)])
    assert connection.execute(select(things).order_by(things.c.offset)).all() == [
        ("a", "1", 5),
        ("b", "1", 8),
        ("a", "2", 9),
    ]


def test_batches_run_in_order(connection: Connection) -> None:
    move = Batch(update(things).where(things.c.key == bindparam("at")).values(offset=bindparam("to")), ("at", "to"))
    name = Batch(insert(kinds), ("kind", "title"))
    drop = Batch(delete(things).where(things.c.key == bindparam("at")), ("at",))
    steps = Batches(INSERT, name, move, drop)
    steps.run(connection, ([("a", "1", 5), ("b", "2", 6)], [("a", "A")], [("1", 9)], []))
    steps.run(connection, ([], [], [], [("2",)]))
    steps.run(connection, ([], [], [], []))
    assert connection.execute(select(things)).all() == [("a", "1", 9)]
    assert connection.execute(select(kinds)).all() == [("a", "A")]


def test_no_rows_are_no_statement(connection: Connection) -> None:
    INSERT.run(connection, [])
    assert connection.execute(select(things)).all() == []


def test_a_batch_with_other_parameters_is_a_mistake(connection: Connection) -> None:
    with pytest.raises(ValueError, match="parameters"):
        Batch(update(things).values(offset=bindparam("to")), ("to", "of")).run(connection, [(1, 2)])


@pytest.mark.parametrize("count", [1, 2, 3, 5, 64, MAX_KEYS, MAX_KEYS + 1])
def test_a_lookup_finds_what_is_there(connection: Connection, count: int) -> None:
    INSERT.run(connection, [("a", str(number), number) for number in range(2 * count)])
    connection.execute(insert(kinds), {"kind": "a", "title": "A"})
    lookup = Lookup(
        things,
        (things.c.kind, things.c.key),
        (things.c.key, things.c.offset, kinds.c.title),
        ((things.c.kind, kinds.c.kind),),
    )
    wanted = [("a", str(number)) for number in range(1, 4 * count, 4)] + [("b", "1")]
    rows = lookup.rows(connection, wanted)
    expected = {(str(number), number, "A") for number in range(1, 4 * count, 4) if number < 2 * count}
    assert {tuple(row) for row in rows} == expected
    assert lookup.rows(connection, []) == []
