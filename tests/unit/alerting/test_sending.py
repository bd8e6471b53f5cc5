"""Who hears of what and when: ladders, acknowledgements, silences, groups."""

from __future__ import annotations

from typing import Any

import pytest

from server.chat.alerting.sending import Gathering, due
from server.chat.alerting.values import is_acknowledged, silenced_until_ms
from server.store.alert_ports import AlertRow, SilenceRow
from tests.unit.alerting.support import NOW_MS, alert, plan, rule

MINUTE_MS = 60_000


def silence(rule: str = "handoffs", minutes: float = 10, **changes: Any) -> SilenceRow:
    return SilenceRow("s", rule, NOW_MS + round(minutes * MINUTE_MS), "root", NOW_MS, **changes)


def receivers(of: AlertRow, minutes: float, *silences: SilenceRow) -> tuple[str, ...]:
    found = due(of, plan(), silences, NOW_MS + round(minutes * MINUTE_MS))
    return () if found is None else found.receivers


def test_the_ladder_is_climbed_step_by_step() -> None:
    assert receivers(alert(), 0) == ("team",)
    assert receivers(alert(told_steps=1), 14.9) == ()
    assert receivers(alert(told_steps=1), 15) == ("on_call",)
    assert receivers(alert(told_steps=2), 600) == ()
    assert receivers(alert(), 20) == ("team", "on_call")  # who could not be told before


def test_who_has_acknowledged_is_left_alone_until_it_gets_worse() -> None:
    seen: dict[str, Any] = {"acknowledged_by": "root", "acknowledged_at_ms": NOW_MS, "acknowledged_severity": "warning"}
    assert receivers(alert(told_steps=1, **seen), 20) == ()
    assert receivers(alert(told_steps=1, severity="critical", **seen), 20) == ("on_call",)
    assert is_acknowledged(alert(severity="warning", **{**seen, "acknowledged_severity": "critical"}))


def test_the_silent_are_not_told_and_the_ladder_begins_when_it_ends() -> None:
    assert receivers(alert(), 5, silence()) == ()
    assert receivers(alert(), 5, silence("errors")) == receivers(alert(), 5, silence("hand")) == ("team",)
    assert receivers(alert(), 5, silence("hand*")) == ()
    assert receivers(alert(), 16, silence()) == ("team",)  # six minutes after its end
    assert receivers(alert(), 25, silence()) == ("team", "on_call")
    ended = silence(ended_by="root", ended_at_ms=NOW_MS + 2 * MINUTE_MS)
    assert receivers(alert(), 5, ended) == ("team",)
    assert silenced_until_ms(alert(), (silence(), silence(minutes=20)), NOW_MS) == NOW_MS + 20 * MINUTE_MS
    assert silenced_until_ms(alert(), (ended,), NOW_MS + 5 * MINUTE_MS) is None


def test_whoever_heard_of_it_hears_of_its_end() -> None:
    over = alert(state="cleared", told_steps=1)
    assert receivers(over, 1) == receivers(over, 1, silence()) == ("team",)
    assert receivers(alert(state="cleared", told_steps=2), 1) == ("team", "on_call")
    assert receivers(alert(state="cleared"), 1) == ()
    assert receivers(alert(state="cleared", told_steps=1, clear_told=True), 1) == ()


def test_a_group_is_told_in_one_go() -> None:
    own = plan(rule("slow", group="service"), rule("errors", group="service"), rule("other"), wait_ms=10_000)
    gathering = Gathering(own)
    for number, (name, at_ms) in enumerate([("slow", 0), ("other", 2_000), ("errors", 9_000)]):
        found = due(alert(f"a{number}", name), own, (), NOW_MS)
        assert found is not None
        gathering.add(found, at_ms)
    assert gathering.ready(9_999) == []
    assert "a0" in gathering and "a9" not in gathering
    ((dues, notices),) = gathering.ready(10_000)
    assert [one.alert.alert_id for one in dues] == ["a0", "a2"]
    assert [(one.receiver, one.group, [row.rule for row in one.alerts]) for one in notices] == [
        ("team", "service", ["slow", "errors"])
    ]
    ((_, notices),) = gathering.ready(12_000)
    assert [(one.receiver, one.group) for one in notices] == [("team", "other")]


@pytest.mark.parametrize("dropped", [True, False])
def test_what_is_over_before_anybody_heard_is_not_told(dropped: bool) -> None:
    own = plan(wait_ms=1_000)
    gathering, found = Gathering(own), due(alert(), own, (), NOW_MS)
    assert found is not None
    gathering.add(found, 0)
    if dropped:
        gathering.drop("a")
    assert bool(gathering.ready(1_000)) is not dropped
