"""Raising and clearing: laws for any series of values, and the holding times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from server.chat.alerting.trigger import Transition, gone, started, stepped
from server.chat.alerting.values import Reading, Rule, Threshold
from tests.unit.alerting.support import rule

values = st.one_of(st.none(), st.floats(0.0, 1.0))
gaps_ms = st.floats(0.0, 20_000.0)


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    """In both directions, with one severity or two, and any holding times."""
    bounds = sorted(draw(st.lists(st.floats(0.0, 1.0), min_size=4, max_size=4, unique=True)))
    thresholds = {"warning": Threshold(bounds[1], bounds[0]), "critical": Threshold(bounds[3], bounds[2])}
    if draw(st.booleans()):
        del thresholds[draw(st.sampled_from(["warning", "critical"]))]
    hold = st.integers(0, 30_000)
    found = rule(thresholds=thresholds, for_ms=draw(hold), clear_for_ms=draw(hold))
    if draw(st.booleans()):
        return found
    turned = {name: Threshold(1.0 - one.raise_at, 1.0 - one.clear_at) for name, one in thresholds.items()}
    return rule(direction="below", thresholds=turned, for_ms=found.for_ms, clear_for_ms=found.clear_for_ms)


def run(rule: Rule, series: Sequence[tuple[float, float | None]]) -> list[Transition]:
    """``series``: the time since the value before, and the value."""
    track, now_ms, moved = started(rule, 0.0), 0.0, []
    for gap_ms, value in series:
        now_ms += gap_ms
        track, transition = stepped(rule, track, None if value is None else Reading(value), now_ms)
        if transition is not None:
            moved.append(transition)
    return moved


@given(rules(), st.lists(st.tuples(gaps_ms, values), max_size=60))
def test_there_is_one_raise_per_one_clear(rule: Rule, series: Sequence[tuple[float, float | None]]) -> None:
    kinds = [moved.kind for moved in run(rule, series) if moved.kind != "changed"]
    assert kinds[0::2] == ["raised"] * len(kinds[0::2])
    assert kinds[1::2] == ["cleared"] * len(kinds[1::2])


@given(rules(), st.data())
def test_nothing_moves_inside_the_band(rule: Rule, data: st.DataObject) -> None:
    """Values between what raises and what clears, for however long, change nothing, whether it stands or not."""
    severity = data.draw(st.sampled_from(sorted(rule.thresholds)))
    band = rule.thresholds[severity]
    low, high = sorted((band.raise_at, band.clear_at))
    assume(low < high)
    inside = st.floats(low, high).map(lambda value: band.raise_at if value == band.clear_at else value)
    alone = replace(rule, thresholds={severity: band})
    track, now_ms = started(alone, 0.0, data.draw(st.sampled_from([None, severity]))), 0.0
    for gap_ms, value in data.draw(st.lists(st.tuples(gaps_ms, inside), max_size=30)):
        now_ms += gap_ms
        track, moved = stepped(alone, track, Reading(value), now_ms)
        assert moved is None


@given(rules(), st.lists(st.tuples(gaps_ms, values), max_size=60))
def test_no_two_moves_of_one_severity_come_sooner_than_it_takes(
    rule: Rule, series: Sequence[tuple[float, float | None]]
) -> None:
    if len(rule.thresholds) > 1:
        return
    track, now_ms, raised_ms = started(rule, 0.0), 0.0, None
    for gap_ms, value in series:
        now_ms += gap_ms
        track, moved = stepped(rule, track, None if value is None else Reading(value), now_ms)
        if moved is not None and moved.kind == "raised":
            raised_ms = now_ms
        elif moved is not None and raised_ms is not None and value is not None:
            assert now_ms - raised_ms >= rule.clear_for_ms


def test_a_value_must_last() -> None:
    lasting = rule(for_ms=10_000, clear_for_ms=20_000)
    assert run(lasting, [(0, 0.5), (9_999, 0.5)]) == []
    assert run(lasting, [(0, 0.5), (10_000, 0.5)]) == [Transition("raised", "warning")]
    assert run(lasting, [(0, 0.5), (5_000, 0.35), (5_000, 0.5), (5_000, 0.5)]) == []  # it had gone meanwhile
    over = [(0.0, 0.5), (10_000.0, 0.5), (0.0, 0.2), (19_999.0, 0.2)]
    assert run(lasting, over) == [Transition("raised", "warning")]
    assert run(lasting, [*over, (1, 0.2)])[-1] == Transition("cleared", "warning")
    assert run(lasting, [*over, (1, 0.35), (1, 0.2)]) == [Transition("raised", "warning")]


def test_it_worsens_and_gets_better_under_one_raise() -> None:
    assert run(rule(), [(0, 0.5), (1, 0.7), (1, 0.55), (1, 0.45), (1, 0.2)]) == [
        Transition("raised", "warning"),
        Transition("changed", "critical"),
        Transition("changed", "warning"),
        Transition("cleared", "warning"),
    ]


def test_too_few_observations_say_nothing() -> None:
    asking = rule(at_least=20, silent_clears_ms=60_000)
    track, moved = stepped(asking, started(asking, 0), Reading(0.9, 19), 0)
    assert moved is None
    track, moved = stepped(asking, track, Reading(0.9, 20), 1)
    assert moved == Transition("raised", "critical")
    track, moved = stepped(asking, track, Reading(0.0, 3), 60_000)
    assert moved is None  # three that are well are no proof
    _, moved = stepped(asking, track, None, 60_001)
    assert moved == Transition("cleared", "critical")  # nothing has been known for long


def test_what_is_gone_is_over() -> None:
    track = started(rule(clear_for_ms=5_000), 0, "critical")
    track, moved = gone(rule(clear_for_ms=5_000), track, 0)
    assert moved is None
    assert gone(rule(clear_for_ms=5_000), track, 5_000)[1] == Transition("cleared", "critical")


@pytest.mark.parametrize(("value", "beyond"), [(0.69, True), (0.7, False), (0.71, False)])
def test_below_looks_the_other_way(value: float, beyond: bool) -> None:
    assert rule(direction="below").is_beyond(value, 0.7) is beyond
