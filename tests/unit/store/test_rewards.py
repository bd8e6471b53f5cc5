"""The merging of rewards, with values alone."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.errors import Invalid
from server.store.operations import ChangeOp, DefaultOp, RewardOp
from server.store.policy_ports import PolicyChange, Repeats
from server.store.ports import RewardParts
from server.store.prepare import prepare_reward
from server.store.rewards import DecisionState, RewardPlan, plan_change, plan_defaults, plan_rewards

WEIGHTS = {"a": 0.1, "b": 0.7, "c": 0.3}


def mean(parts: Mapping[str, float]) -> float | None:
    """The order of the sum shows in the last bits: only a fixed order makes it independent of the arrival."""
    known = [(WEIGHTS[name], value) for name, value in parts.items() if name in WEIGHTS]
    return min(1.0, sum(w * v for w, v in known) / sum(w for w, _ in known)) if known else None


def decision(name: str, policy: str = "p", **parts: float) -> DecisionState:
    return DecisionState(name, policy, "warm", (0.5,), 0.25, 7, parts, mean(parts))


def reward(name: str, **parts: float) -> RewardOp:
    return prepare_reward(RewardParts(name, parts), mean, at_ms=1)


def known(*decisions: DecisionState) -> dict[str, DecisionState]:
    return {one.decision_id: one for one in decisions}


def test_every_change_is_an_event_numbered_per_policy() -> None:
    plan = plan_rewards(
        known(decision("x"), decision("y"), decision("z", "q", a=1.0)),
        [reward("x", a=1.0), reward("z", b=0.0), reward("y", a=0.5), reward("x", a=1.0), reward("none", a=1.0)],
    )
    events = plan.numbered({"p": 10, "q": 3}).events
    assert [one and (one.policy, one.log_offset, one.decision_id, one.previous) for one in events] == [
        ("p", 11, "x", None),
        ("q", 4, "z", 1.0),
        ("p", 12, "y", None),
        None,
        None,
    ]
    assert plan.gains == {"p": 2, "q": 1}
    assert set(plan.changed) == {"x", "y", "z"}


@pytest.mark.parametrize(("repeats", "kept"), [("last", 0.5), ("first", 0.75), ("sum", 1.0)])
def test_what_counts_of_a_part_that_is_told_again(repeats: Repeats, kept: float) -> None:
    told = [prepare_reward(RewardParts("x", {"a": value}), mean, 1, repeats) for value in (0.75, 0.5)]
    plan = plan_rewards(known(decision("x")), told)
    assert plan.changed["x"].parts == {"a": kept}
    assert plan.changed["x"].reward == pytest.approx(kept)


def test_defaults_are_for_decisions_without_a_reward_only() -> None:
    states = decision("x"), decision("y"), decision("z", a=1.0)
    plan = plan_rewards(known(*states), [reward("y", a=0.25)])
    given = plan_defaults(plan, states, DefaultOp("p", 0.5, before_ms=9, at_ms=9, limit=5))
    assert given == 1
    assert [
        event and (event.decision_id, event.reward, event.previous) for event in plan.numbered({"p": 3}).events
    ] == [
        ("y", pytest.approx(0.25), None),
        ("x", 0.5, None),
    ]
    assert plan.changed["x"].parts == {}


def test_parts_that_say_nothing_are_kept_without_an_event() -> None:
    plan = plan_rewards(known(decision("x")), [reward("x", other=0.5)])
    assert plan.events == [None]
    assert plan.changed["x"].parts == {"other": 0.5}
    assert plan.changed["x"].reward is None


def test_a_combiner_with_new_weights_is_heard_on_old_parts() -> None:
    kept = DecisionState("x", "p", "warm", (), 0.5, 7, {"a": 1.0}, 0.25)
    plan = plan_rewards(known(kept), [reward("x", a=1.0)])
    (event,) = plan.events
    assert event is not None and (event.previous, event.reward) == (0.25, 1.0)


def test_a_reward_outside_its_range_is_refused() -> None:
    with pytest.raises(Invalid, match="combined reward"):
        plan_rewards(known(decision("x")), [RewardOp(RewardParts("x", {"a": 1.0}), lambda _parts: 1.5, 1)])


shares = st.floats(0, 1)
steps = st.lists(st.tuples(st.sampled_from("xyz"), st.sampled_from("abc"), shares), max_size=12)


def final(plan: RewardPlan) -> dict[str, tuple[dict[str, float], float | None]]:
    return {name: (dict(one.parts), one.reward) for name, one in plan.changed.items()}


@given(st.dictionaries(st.sampled_from("abc"), shares, min_size=1))
def test_the_order_of_arrival_cannot_matter(parts: dict[str, float]) -> None:
    orders = [
        plan_rewards(known(decision("x")), [reward("x", **{name: parts[name]}) for name in order])
        for order in itertools.permutations(parts)
    ]
    assert all(final(plan) == final(orders[0]) for plan in orders)
    assert orders[0].changed["x"].reward == mean(dict(sorted(parts.items())))


@given(steps)
def test_folding_the_events_gives_each_decisions_reward(arrivals: list[tuple[str, str, float]]) -> None:
    plan = plan_rewards(
        known(decision("x"), decision("y"), decision("z", "q")),
        [reward(name, **{part: value}) for name, part, value in arrivals],
    )
    folded: dict[str, float] = {}
    for event in plan.events:
        if event is not None:
            assert event.previous == folded.get(event.decision_id)
            folded[event.decision_id] = event.reward
    assert folded == {name: one.reward for name, one in plan.changed.items()}
    for policy in "pq":
        offsets = [event.log_offset for event in plan.events if event is not None and event.policy == policy]
        assert offsets == list(range(-1, -len(offsets) - 1, -1))


def test_an_event_tells_where_the_one_it_corrects_stands() -> None:
    state = replace(decision("x", a=1.0), log_offset=4)
    plan = plan_rewards(known(state, decision("y")), [reward("x", a=0.5), reward("y", a=1.0), reward("x", a=0.25)])
    plan_change(plan, ChangeOp(PolicyChange("p", 0, "pause", {"arm": "warm"}, "ada", 1), "{}"))
    done = plan.numbered({"p": 10})
    assert [event and (event.log_offset, event.previous_offset) for event in done.events] == [
        (11, 4),
        (12, None),
        (13, 11),
    ]
    assert {state.decision_id: state.log_offset for state in done.decisions} == {"x": 13, "y": 12}
    assert [change.log_offset for change in done.changes] == [14]
    assert plan.gains == {"p": 4}
