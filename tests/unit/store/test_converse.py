"""How many statements a group costs: ordinary messages pay for nothing that only others need."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, cast

import pytest
from sqlalchemy import Connection, create_engine, insert
from sqlalchemy.pool import StaticPool

import server.store.sqlite  # noqa: F401  compiles the database's clock
from server.store import schema
from server.store.converse import converse
from server.store.operations import ConversationOp
from server.store.ports import Appended, Changed
from server.wire.frames import Message
from tests.unit.store.noting import NotingConnection
from tests.unit.store.plans import ANN, EVE, answer, append, claim, hand_off, members, release, resolve

_USER = {
    "created_at_ms": 1,
    "status": "online",
    "last_seen_ms": 1,
    "tokens_from_ms": 0,
    "banned": False,
    "broadcasts_before": 0,
}


@pytest.fixture
def connection() -> Iterator[Connection]:
    engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"factory": NotingConnection})
    with engine.begin() as made:
        schema.metadata.create_all(made)
        for user in (ANN, EVE):
            made.execute(insert(schema.users), {"id": user.id, "kind": user.kind, "name": user.name, **_USER})
        for name in ("a", "b"):
            made.execute(insert(schema.conversations), _conversation(name))
            made.execute(insert(schema.members), {"conversation_id": name, "user_id": ANN.id, "joined_at_ms": 1})
        yield made
    engine.dispose()


def _conversation(name: str) -> dict[str, Any]:
    return {
        "id": name,
        "epoch": "e",
        "state": "bot",
        "claim_number": 0,
        "resolved": False,
        "last_offset": 0,
        "opener_id": ANN.id,
        "open_key": name,
        "metadata_digest": b"",
        "created_at_ms": 1,
        "at_ms": 1,
    }


def _verb_and_table(statement: str) -> str:
    verb = "SELECT" if statement.startswith("WITH") else statement.split(maxsplit=1)[0]
    table = re.search(r'(?:INTO|UPDATE|DELETE FROM|FROM wanted JOIN|FROM) "?(\w+)', statement)
    assert table is not None
    return f"{verb} {table[1]}"


def run(connection: Connection, *operations: ConversationOp) -> tuple[list[str], Sequence[object]]:
    """The statements of a group, each as its verb and its table, what is read first; and the outcomes."""
    driver = cast(NotingConnection, connection.connection.dbapi_connection)
    driver.noted = []
    outcomes = converse(connection, operations)
    seen = [_verb_and_table(statement) for statement, _ in driver.noted]
    reads = [one for one in seen if one.startswith("SELECT")]
    assert seen[: len(reads)] == reads
    return reads + sorted(seen[len(reads) :]), outcomes


LOCK, KEYS, TURNS, MEMBERS = "SELECT conversations", "SELECT messages", "SELECT turns", "SELECT members"
STORE, MOVE, STATE = "INSERT messages", "UPDATE conversations", "UPDATE conversations"


def test_ordinary_messages_cost_four_statements(connection: Connection) -> None:
    many = [append(number, to="ab"[number % 2]) for number in range(20)]
    seen, outcomes = run(connection, *many)
    assert seen == [LOCK, KEYS, STORE, MOVE]
    assert all(isinstance(one, Appended) for one in outcomes)


def test_members_and_turns_are_looked_up_where_they_matter(connection: Connection) -> None:
    seen, _ = run(connection, *(append(number, to="a", members_only=True) for number in range(5)))
    assert seen == [LOCK, KEYS, MEMBERS, STORE, MOVE]
    seen, _ = run(connection, append(7, to="a", turn=True), append(8, to="b", turn=True))
    assert seen == [LOCK, KEYS, TURNS, STORE, "INSERT turns", MOVE]


def test_an_answer_costs_six(connection: Connection) -> None:
    run(connection, append(1, to="a", turn=True))
    seen, outcomes = run(connection, answer(2, "m1", to="a"))
    assert seen == [LOCK, TURNS, "INSERT decisions", STORE, MOVE, "UPDATE turns"]
    assert isinstance(outcomes[0], Message)


def test_under_a_claim_nobody_asks_for_turns(connection: Connection) -> None:
    run(connection, append(1, to="a", turn=True))
    seen, outcomes = run(connection, claim(2, to="a"))
    assert isinstance(outcomes[0], Changed)
    assert seen == [LOCK, TURNS, MEMBERS, "INSERT members", STORE, MOVE, STATE, "UPDATE turns"]
    seen, _ = run(connection, append(3, to="a", turn=True), append(4, to="a", sender="eve", kind="agent"))
    assert seen == [LOCK, KEYS, STORE, MOVE]
    seen, _ = run(connection, release(5, to="a"))
    assert seen == [LOCK, "SELECT users", STORE, MOVE, STATE]


def test_what_changes_nothing_writes_nothing(connection: Connection) -> None:
    run(connection, append(1, to="a", key="k"), hand_off(2, to="a"))
    again = (append(3, to="a", key="k"), resolve(4, False, to="a"), hand_off(5, to="a"), release(6, to="a"))
    seen, _ = run(connection, *again)
    assert seen == [LOCK, KEYS]
    seen, outcomes = run(connection, members(7, [ANN.id], ["nobody"], to="a"))
    assert (seen, list(outcomes)) == ([LOCK, MEMBERS, "SELECT users"], [([], [])])
    seen, _ = run(connection, append(8, to="zz"), claim(9, to="zz"))
    assert seen == [LOCK]
