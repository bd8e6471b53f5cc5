"""The benchmark measures what it says, on a small load."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from loadtest.bench_store import Load, main, one_round, report
from loadtest.peers.store import SqliteFiles


def test_ours_and_the_peer_store_the_same_rows(tmp_path: Path) -> None:
    rounds = one_round(SqliteFiles(tmp_path), Load(senders=5, messages=120, rounds=1))
    assert list(rounds) == ["parlance", "executemany"]
    assert len(rounds["parlance"].send_ms) == 120
    assert abs(len(rounds["parlance"].commit_ms) - len(rounds["executemany"].commit_ms)) <= 10
    stored = []
    for path in sorted(tmp_path.glob("*.db"))[1:]:
        with closing(sqlite3.connect(path)) as connection:
            stored.append(connection.execute("SELECT * FROM messages ORDER BY message_id").fetchall())
            assert connection.execute("SELECT DISTINCT state FROM conversations").fetchall() == [("claimed",)]
            assert connection.execute("SELECT count(*) FROM turns").fetchall() == [(0,)]
    assert stored[0] == stored[1] and len(stored[0]) == 120 + 5  # what was sent, and that it was claimed


def test_the_report_counts_whole_rounds() -> None:
    found = report(Load(senders=4, messages=42, rounds=2), ["sqlite"])
    assert (found["bench"], found["messages"]) == ("store", 40)
    assert [row["messages_per_s"] > 0 for row in found["rows"]] == [True, True]
    assert ["ours" in row for row in found["rows"]] == [False, True]


@pytest.mark.parametrize("flags", [[], ["--json"]])
def test_it_prints_a_table_or_json(capsys: pytest.CaptureFixture[str], flags: list[str]) -> None:
    assert main(["--senders", "2", "--messages", "10", "--rounds", "1", "--only", "sqlite", *flags]) == 0
    shown = capsys.readouterr().out
    if flags:
        assert json.loads(shown)["senders"] == 2
    else:
        assert "parlance" in shown and "ours / it" in shown


def test_a_load_without_senders_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--senders", "0"])
    assert "sender" in capsys.readouterr().err
