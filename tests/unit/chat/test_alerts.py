"""Alerts are told once for each change, under one id, and stand in the snapshot meanwhile."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from typing import Any, cast

import msgspec
import pytest

from inference.registry.everywhere import Agreed, ClusterFigures, everywhere
from inference.registry.fleet import Roster
from inference.registry.psi import Level
from server.backplane.ports import Envelope
from server.chat.alerts import Alerts
from server.chat.peer import Caller
from server.clock import ManualClock
from server.fanout.hub import Fanout
from server.wire.parts import User
from server.wiring.drift import Drift, steadied
from tests.unit.registry.engines import engine

ROOT = Caller(User("root", "admin", "Root"))


class Board:
    """A fan-out that keeps what is told, and the alerts on it."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []
        ids = count(1)
        self.clock = ManualClock()
        self.alerts = Alerts(fanout=cast(Fanout, self), clock=self.clock, new_id=lambda: f"id{next(ids)}")

    async def publish(self, envelope: Envelope) -> None:
        event = msgspec.json.decode(envelope.body)
        assert (event["type"], event["channel"], event["name"]) == ("event", "admin:alerts", "alert")
        assert (envelope.channel, envelope.audience) == ("admin:alerts", Envelope("c", 0, b"").audience)
        self.told.append(event["data"])

    def states(self) -> list[tuple[str, str, str]]:
        return [(alert["alert_id"], alert["severity"], alert["state"]) for alert in self.told]


async def test_an_alert_is_raised_worsens_and_clears_once() -> None:
    board = Board()
    for severity in ("warning", "warning", "critical", "critical"):
        await board.alerts.raise_("drift", severity, 0.2, version="nlu-1")
    assert (await board.alerts.snapshot(ROOT))["items"] == [board.told[-1]]
    for _ in range(2):
        await board.alerts.clear("drift", 0.01, version="nlu-1")
    assert board.states() == [
        ("id1", "warning", "raised"), ("id1", "critical", "raised"), ("id1", "critical", "cleared")
    ]  # fmt: skip
    assert await board.alerts.snapshot(ROOT) == {"items": []}
    assert set(board.told[0]) == {"alert_id", "rule", "severity", "state", "at_ms", "value", "version"}
    assert (board.told[2]["value"], board.told[2]["at_ms"]) == (0.01, board.clock.now_ms())


async def test_alerts_about_different_things_stand_side_by_side() -> None:
    board = Board()
    await board.alerts.raise_("drift", "warning", 0.2, version="nlu-1")
    await board.alerts.raise_("drift", "warning", 0.2, version="nlu-2")
    await board.alerts.clear("drift", 0.0, version="nlu-1")
    (left,) = (await board.alerts.snapshot(ROOT))["items"]
    assert left["version"] == "nlu-2"


@pytest.mark.parametrize(
    ("before", "index", "now"),
    [
        ("ok", 0.05, "ok"), ("ok", 0.1, "watch"), ("ok", 0.3, "alarm"), ("watch", 0.09, "watch"),
        ("watch", 0.079, "ok"), ("watch", 0.25, "alarm"), ("alarm", 0.21, "alarm"), ("alarm", 0.19, "watch"),
        ("alarm", 0.09, "watch"), ("alarm", 0.01, "ok"),
    ],
)  # fmt: skip
def test_a_level_that_trembles_stays(before: Level, index: float, now: Level) -> None:
    assert steadied(before, index) == now


def figures(psi: float = 0.0, **agreed: int) -> dict[str, ClusterFigures]:
    """Of nlu-1, with this drift of its classes."""
    found = everywhere([], {"nlu-1": Agreed(**agreed)}, now_ms=0)["nlu-1"]
    return {"nlu-1": replace(found, psi={"class": psi, "confidence": 0.0})}


async def test_drift_is_told_when_it_comes_and_when_it_goes() -> None:
    board, told = Board(), figures()
    roster = Roster(engine("1"))
    drift = Drift(lambda: told, board.alerts, lambda: roster)
    for index in (0.0, 0.3, 0.3, 0.01):
        told.update(figures(index))
        await drift.look()
        await drift.look()
    assert [(alert["rule"], alert["severity"], alert["version"]) for alert in board.told] == [
        ("model_drift_class", "critical", "nlu-1")
    ] * 2
    assert board.told[0]["value"] == 0.3
    assert [state for _, _, state in board.states()] == ["raised", "cleared"]


async def test_a_version_that_answers_no_more_is_not_watched() -> None:
    board = Board()
    rosters = [Roster(engine("1"))]
    found = figures(0.3, labelled=200, agreed=100, recent_labelled=100, recent_agreed=20)
    drift = Drift(lambda: found, board.alerts, lambda: rosters[0])
    await drift.look()
    assert [state for _, _, state in board.states()] == ["raised", "raised"]
    rosters[0] = Roster(engine("2"))
    await drift.look()
    await drift.look()
    assert [state for _, _, state in board.states()] == ["raised", "raised", "cleared", "cleared"]


async def test_people_who_agree_less_than_before_are_heard_once() -> None:
    board, told = Board(), figures(labelled=100, agreed=70)
    drift = Drift(lambda: told, board.alerts, lambda: Roster(engine("1")))
    await drift.look()
    told.update(figures(labelled=200, agreed=90, recent_labelled=100, recent_agreed=20))
    await drift.look()
    await drift.look()
    [alert] = board.told
    assert (alert["rule"], alert["severity"], alert["version"], alert["value"]) == (
        "model_agreement", "warning", "nlu-1", 0.45,
    )  # fmt: skip
    told.update(figures(labelled=300, agreed=190, recent_labelled=100, recent_agreed=70))
    await drift.look()
    assert board.told[1]["state"] == "cleared"
