"""Readings of figures and of the ledger."""

from __future__ import annotations

import pytest

from server.chat.alerting.measures import MEASURES, Surroundings, near, of_evidence, of_figures
from server.chat.alerting.values import Reading
from server.chat.signals import WorkerHealth
from server.store.alert_ports import Evidence
from server.telemetry.totals import TURN_S
from tests.unit.alerting.support import figures


def test_nobody_heard_nothing_known() -> None:
    assert of_figures([]) == of_evidence(Evidence()) == {}
    assert set(of_figures([figures()])) <= set(MEASURES)
    assert "handoffs" not in of_figures([figures()])


def test_shares_are_of_all_workers_together() -> None:
    found = of_figures([
        figures("a", turns=30, handoffs=10, apologies=10, sentiment_sum=-3.0, sentiment_count=30),
        figures("b", turns=10, handoffs=10, sentiment_sum=1.0, sentiment_count=10),
    ])  # fmt: skip
    assert found["handoffs"] == (Reading(0.5, 40),)
    assert found["apologies"] == (Reading(0.2, 50),)
    assert found["sentiment"] == (Reading(-0.05, 40),)
    assert found["workers"] == (Reading(2.0),)
    assert of_figures([figures(handoffs=3)])["handoffs"] == (Reading(1.0, 3),)


def test_latencies_are_percentiles_of_all_turns() -> None:
    counts = [0] * (len(TURN_S) + 1)
    fast, slow = [*counts], [*counts]
    fast[0], slow[TURN_S.index(0.5)] = 90, 10
    found = of_figures([figures("a", turn_counts=fast), figures("b", turn_counts=slow), figures("c", turn_counts=[1])])
    (reading,) = found["turn_p99_ms"]
    assert reading.count == 100 and 200 < reading.value <= 500


def test_drift_disk_and_model_are_those_of_the_worst_worker() -> None:
    found = of_figures([
        figures("a", health=WorkerHealth(disk_free=0.5, psi=[("n-1", "class", 0.1)], model_away=False)),
        figures("b", health=WorkerHealth(
            disk_free=0.2, psi=[("n-1", "class", 0.3), ("n-2", "class", 0.0)], model_away=True
        )),
    ])  # fmt: skip
    assert found["drift_class"] == (Reading(0.3, about={"version": "n-1"}), Reading(0.0, about={"version": "n-2"}))
    assert found["drift_confidence"] == ()
    assert (found["disk_free"], found["model_away"]) == ((Reading(0.2),), (Reading(1.0),))


def test_what_the_ledger_knows() -> None:
    found = of_evidence(Evidence(100, 40, 20, 5, 4, 2.5, 6, 2))
    assert found["label_agreement"] == (Reading(0.25, 20),)
    (accuracy,) = found["accuracy"]
    assert accuracy.value == pytest.approx(1 - 0.4 * 0.75) and accuracy.count == 20
    assert found["satisfaction"] == (Reading(3.5, 4),)  # 0.625 of 1 to 5
    assert found["success"] == (Reading(0.75, 8),)


def test_what_one_worker_knows_by_itself() -> None:
    found = near(Surroundings(disk_free=0.4, redis_away=True, queue_length=3, longest_wait_ms=5_000))
    assert {name: readings[0].value for name, readings in found.items()} == {
        "redis_away": 1.0, "database_away": 0.0, "disk_free": 0.4, "queue_length": 3.0, "queue_wait_s": 5.0,
    }  # fmt: skip
    assert {name for name in near(Surroundings()) if MEASURES[name].is_near} == {"redis_away", "database_away"}
