"""The store's benchmark on both databases, with a PostgreSQL of its own."""

from __future__ import annotations

import json

import pytest

from loadtest.bench_store import Load, main, one_round
from loadtest.peers.store import PostgresqlServer
from tests.support.postgresql import shared_server


def test_ours_and_the_peers_store_the_same_rows() -> None:
    server = shared_server()
    rounds = one_round(PostgresqlServer(server), Load(senders=5, messages=120, rounds=1))
    assert list(rounds) == ["parlance", "executemany", "COPY"]
    stored = [server.sql("SELECT * FROM messages ORDER BY message_id", f"bench_{number}") for number in (2, 3, 4)]
    assert stored[0] == stored[1] == stored[2] and len(stored[0]) == 120 + 5  # what was sent, and that it was claimed
    for number in range(1, 5):
        server.drop_database(f"bench_{number}")


def test_both_databases_stand_in_one_report(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--senders", "2", "--messages", "10", "--rounds", "1", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert [(row["database"], row["way"]) for row in rows] == [
        ("sqlite", "parlance"),
        ("sqlite", "executemany"),
        ("postgresql", "parlance"),
        ("postgresql", "executemany"),
        ("postgresql", "COPY"),
    ]
    assert all(row["messages_per_s"] > 0 for row in rows)
