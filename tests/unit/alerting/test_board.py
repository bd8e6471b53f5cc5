"""The board: readings in, alerts out, under one identifier from raise to clear."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from server.chat.alerting.board import Board
from server.chat.alerting.values import Reading
from server.store.alert_ports import AlertRow
from tests.unit.alerting.support import NOW_MS, alert, ids, rule


def drift(value: float, version: str) -> Reading:
    return Reading(value, about={"version": version})


def look(board: Board, at_ms: int, *readings: Reading) -> list[tuple[str, str, str]]:
    found = board.look({"handoffs": readings}, mono_ms=at_ms, now_ms=NOW_MS + at_ms)
    return [(row.alert_id, row.severity, row.state) for row in found]


def test_one_identifier_from_raise_to_clear() -> None:
    board = Board([rule()], ids())
    assert look(board, 0, Reading(0.5, 9)) == [("id1", "warning", "raised")]
    assert look(board, 1, Reading(0.5, 9)) == []
    assert look(board, 2, Reading(0.7, 9)) == [("id1", "critical", "raised")]
    (standing,) = board.standing
    assert (standing.value, standing.raised_at_ms, standing.at_ms) == (0.7, NOW_MS, NOW_MS + 2)
    assert look(board, 3, Reading(0.1, 9)) == [("id1", "critical", "cleared")]
    assert board.standing == []
    assert look(board, 4, Reading(0.5, 9)) == [("id2", "warning", "raised")]


def test_different_things_stand_side_by_side_and_end_with_what_they_are_about() -> None:
    board = Board([rule()], ids())
    assert look(board, 0, drift(0.5, "a"), drift(0.7, "b")) == [
        ("id1", "warning", "raised"), ("id2", "critical", "raised"),
    ]  # fmt: skip
    assert look(board, 1, drift(0.7, "b")) == [("id1", "warning", "cleared")]
    assert [dict(row.about) for row in board.standing] == [{"version": "b"}]


def test_another_workers_alerts_go_on() -> None:
    board = Board([rule()], ids())
    board.take_over([alert("old", severity="critical", value=0.8), alert("gone", state="cleared")], 0)
    assert look(board, 1, Reading(0.8, 9)) == []
    assert look(board, 2, Reading(0.45, 9)) == [("old", "warning", "raised")]
    assert look(board, 3, Reading(0.1, 9)) == [("old", "warning", "cleared")]


def test_an_alert_whose_rule_is_gone_is_over() -> None:
    board = Board([rule()], ids())
    board.take_over([alert("old", rule="forgotten")], 0)
    assert look(board, 1) == [("old", "warning", "cleared")]
    assert look(board, 2) == []


def test_what_is_not_to_be_looked_at_stays() -> None:
    board = Board([rule(), rule("near", measure="disk_free")], ids())
    look(board, 0, Reading(0.5, 9))
    found = board.look({}, mono_ms=10**9, now_ms=NOW_MS, only=lambda measure: measure == "disk_free")
    assert (found, len(board.standing)) == ([], 1)


def test_what_people_said_is_taken_up_once() -> None:
    board = Board([rule()], ids())
    look(board, 0, Reading(0.5, 9))
    seen = alert("id1", acknowledged_by="root", acknowledged_at_ms=5, acknowledged_severity="warning")
    assert [row.acknowledged_by for row in board.acknowledged([seen, alert("other")])] == ["root"]
    assert board.acknowledged([seen]) == []
    assert board.standing[0].value == 0.5


@given(st.lists(st.tuples(st.sampled_from("ab"), st.floats(0, 1)), max_size=40))
def test_each_alert_is_raised_first_and_cleared_last_whatever_comes(series: list[tuple[str, float]]) -> None:
    board, told = Board([rule(for_ms=2, clear_for_ms=2)], ids()), dict[str, list[AlertRow]]()
    for at_ms, (version, value) in enumerate(series):
        readings = {"handoffs": [drift(value, version)]}
        for row in board.look(readings, mono_ms=at_ms, now_ms=at_ms):
            told.setdefault(row.alert_id, []).append(row)
    for rows in told.values():
        assert all(row.state == "raised" for row in rows[:-1])
        assert len({(row.rule, tuple(row.about.items()), row.raised_at_ms) for row in rows}) == 1
    open_ids = {alert_id for alert_id, rows in told.items() if rows[-1].state == "raised"}
    assert {row.alert_id for row in board.standing} == open_ids
