"""The benchmark measures what it says, on a small load."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import uvloop

from loadtest.bench_store import Load, main, ours, peer, report


def test_ours_and_the_peer_store_the_same_rows(tmp_path: Path) -> None:
    load = Load(senders=5, messages=120, rounds=1)
    first = uvloop.run(ours(tmp_path, load))
    second = peer(tmp_path)
    assert (len(first.send_ms), len(second.commit_ms)) == (120, 3)
    rows = []
    for name in ("ours.db", "peer.db"):
        with closing(sqlite3.connect(tmp_path / name)) as connection:
            rows.append(connection.execute("SELECT * FROM messages ORDER BY message_id").fetchall())
    assert rows[0] == rows[1] and len(rows[0]) == 120


def test_the_report_counts_whole_rounds() -> None:
    found = report(Load(senders=4, messages=42, rounds=2))
    assert (found["bench"], found["messages"]) == ("store", 40)
    assert [row["messages_per_s"] > 0 for row in found["rows"]] == [True, True]
    assert found["ratios"]["messages per second"] > 0


@pytest.mark.parametrize("flags", [[], ["--json"]])
def test_it_prints_a_table_or_json(capsys: pytest.CaptureFixture[str], flags: list[str]) -> None:
    assert main(["--senders", "2", "--messages", "10", "--rounds", "1", *flags]) == 0
    shown = capsys.readouterr().out
    if flags:
        assert json.loads(shown)["senders"] == 2
    else:
        assert "parlance" in shown and "ours / peer" in shown


def test_a_load_without_senders_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--senders", "0"])
    assert "sender" in capsys.readouterr().err
