"""What is told of the model's drift and of people's agreement with it; alerts themselves are tested in ``alerting``."""

from __future__ import annotations

from dataclasses import replace

from inference.registry.everywhere import Agreed, ClusterFigures, everywhere
from inference.registry.fleet import Roster
from server.chat.alerting.measures import of_figures
from server.chat.signals import WorkerHealth
from server.wiring.alerts import disputed, drift_of
from tests.unit.alerting.support import figures as worker_figures
from tests.unit.registry.engines import engine


def figures(psi: float = 0.0, **agreed: int) -> dict[str, ClusterFigures]:
    """Of nlu-1, with this drift of its classes."""
    found = everywhere([], {"nlu-1": Agreed(**agreed)}, now_ms=0)["nlu-1"]
    return {"nlu-1": replace(found, psi={"class": psi, "confidence": 0.0})}


def test_drift_is_told_of_versions_that_answer() -> None:
    found, roster = figures(0.31), Roster(engine("1"))
    assert drift_of(found, roster) == [("nlu-1", "class", 0.31), ("nlu-1", "confidence", 0.0)]
    assert drift_of(found, Roster(engine("2"))) == []


def test_falling_agreement_is_told_of_versions_that_answer() -> None:
    roster = Roster(engine("1"))
    fallen = figures(labelled=200, agreed=90, recent_labelled=100, recent_agreed=20)
    assert disputed(figures(labelled=100, agreed=70), roster) == [("nlu-1", False)]
    assert disputed(fallen, roster) == [("nlu-1", True)]
    assert disputed(fallen, Roster(engine("2"))) == []


def test_the_rules_hear_of_both() -> None:
    health = WorkerHealth(psi=[("nlu-1", "class", 0.31)], disputed=[("nlu-1", True)])
    late = WorkerHealth(psi=[("nlu-1", "class", 0.28)], disputed=[("nlu-1", False)])
    readings = of_figures([worker_figures("a", health=health), worker_figures("b", health=late)])
    for name, value in (("drift_class", 0.31), ("disputed", 1.0)):
        (reading,) = readings[name]
        assert (reading.value, reading.about) == (value, {"version": "nlu-1"})
