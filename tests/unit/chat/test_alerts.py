"""What a worker tells of its models' drift; what becomes of it stands in tests/unit/alerting."""

from __future__ import annotations

from dataclasses import replace

from inference.registry.fleet import Roster
from inference.registry.live import Live
from inference.registry.psi import DriftWindow
from server.wiring.alerts import drift_of
from tests.unit.inference.support import analysis
from tests.unit.registry.engines import engine


def test_drift_is_told_of_versions_that_answer() -> None:
    live, roster = Live(lambda: DriftWindow(reference_turns=10, window_turns=10)), Roster(engine("1"))
    for number in range(20):
        live.observe(replace(analysis("balance" if number < 10 else "weather"), model="nlu-1"))
    found = {measure: index for _, measure, index in drift_of(live, roster)}
    assert set(found) == {"class", "confidence"} and found["class"] > 0.25
    assert [version for version, _, _ in drift_of(live, roster)] == ["nlu-1", "nlu-1"]
    assert drift_of(live, Roster(engine("2"))) == []
