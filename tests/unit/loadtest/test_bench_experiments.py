"""The benchmark of false alarms: each mistake is made, and each remedy is one."""

from __future__ import annotations

from loadtest.bench_experiments import SIMULATIONS, false_alarms


def test_mistakes_alarm_and_remedies_do_not() -> None:
    found = false_alarms(30)
    assert set(found) == set(SIMULATIONS)
    for name in ("50 looks: fixed horizon, confidence sequence", "lost users: unchecked, sample ratio checked"):
        mistake, remedy = found[name]
        assert remedy < mistake, name
