"""Arms are allowed, paused, added and removed while a policy runs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.contract.policies.cases import ARMS, Case, every_learner, every_policy
from tests.contract.policies.strategies import Event, Vector, contexts, fold, law, logs, scores

X = np.array([1.0, -0.5, 0.25])
masks = st.sets(st.sampled_from(ARMS), min_size=1)
LOG = [Event(arm, X, reward, propensity=0.25) for arm, reward in zip(ARMS, (0.2, 0.9, 0.4, 0.6), strict=True)]


@every_policy
@law
@given(log=logs, x=contexts, allowed=masks)
def test_only_allowed_arms_have_a_chance(case: Case, log: list[Event], x: Vector, allowed: set[str]) -> None:
    policy = fold(case.make(), log)
    explained = [arm.probability for arm in policy.explain(x, allowed=allowed)]
    decision = policy.choose(x, allowed)
    chances = dict(zip(ARMS, decision.probabilities.tolist(), strict=True))

    assert explained == decision.probabilities.tolist()
    assert decision.arm in allowed
    assert sum(chances.values()) == pytest.approx(1.0, abs=1e-12)
    assert all(chances[arm] == 0.0 for arm in ARMS if arm not in allowed)
    assert all(chances[arm] >= case.floor for arm in allowed)
    assert decision.propensity == chances[decision.arm] > 0.0


@every_policy
@law
@given(log=logs, x=contexts, paused=masks)
def test_a_pause_is_a_mask(case: Case, log: list[Event], x: Vector, paused: set[str]) -> None:
    if len(paused) == len(ARMS):
        return
    policy, other = (fold(case.make(), log) for _ in range(2))
    for arm in sorted(paused):
        policy.pause(arm)
    open_arms = set(ARMS) - paused

    assert policy.paused == paused
    assert policy.choose(x).probabilities.tolist() == other.choose(x, open_arms).probabilities.tolist()
    for arm in sorted(paused):
        policy.resume(arm)
    assert policy.choose(x).probabilities.tolist() == other.choose(x).probabilities.tolist()


@every_policy
def test_a_paused_arm_still_learns_and_is_no_part_of_the_state(case: Case) -> None:
    policy, other = case.make(), case.make()
    policy.pause("warm")

    assert fold(policy, LOG).state() == fold(other, LOG).state()
    policy.load(other.state())
    assert policy.paused == {"warm"}


@every_policy
def test_nobody_is_left_is_refused(case: Case) -> None:
    policy = case.make()
    for arm in ARMS[:-1]:
        policy.pause(arm)
    last = ARMS[-1]
    attempts: tuple[Callable[[], None], ...] = (lambda: policy.pause(last), lambda: policy.remove_arm(last))
    for attempt in attempts:
        with pytest.raises(ValueError, match=r"'playful' is the last that is not paused"):
            attempt()
    for allowed in ((), ("warm", "concise")):
        with pytest.raises(ValueError, match=r"no arm is left of those allowed"):
            policy.choose(X, allowed)

    assert policy.choose(X).arm == last


@every_policy
def test_an_unknown_arm_is_refused_everywhere(case: Case) -> None:
    policy = case.make()
    attempts: tuple[Callable[[], object], ...] = (
        lambda: policy.choose(X, ["concice"]),
        lambda: policy.choose(X, "concice"),
        lambda: policy.pause("concice"),
        lambda: policy.resume("concice"),
        lambda: policy.remove_arm("concice"),
        lambda: policy.add_arm("new", like="concice"),
    )
    for attempt in attempts:
        with pytest.raises(ValueError, match=r"no arm 'concice'. Did you mean 'concise'"):
            attempt()
    for name in ("warm", ""):
        with pytest.raises(ValueError, match=r"arms"):
            policy.add_arm(name)
    with pytest.raises(ValueError, match=r"weight is 2"):
        policy.add_arm("new", like="warm", weight=2.0)

    assert policy.arms == ARMS


@every_policy
@law
@given(log=logs, x=contexts)
def test_an_arm_that_comes_and_goes_leaves_no_trace(case: Case, log: list[Event], x: Vector) -> None:
    policy = fold(case.make(), log)
    before, version = scores(policy, x), policy.version
    policy.add_arm("new")

    assert list(policy.arms) == [*ARMS, "new"]
    assert scores(policy, x)[: len(before)] == pytest.approx(before, abs=1e-9)
    assert len(policy.choose(x).probabilities) == len(ARMS) + 1
    policy.remove_arm("new")
    assert list(policy.arms) == list(ARMS)
    assert policy.version == version
    assert scores(policy, x) == pytest.approx(before, abs=1e-9)


@every_learner
def test_a_removed_arm_is_forgotten_and_the_others_stay(case: Case) -> None:
    policy = fold(case.make(), LOG)
    policy.pause("concise")
    before = dict(zip(ARMS, policy.explain(X), strict=True))
    policy.remove_arm("professional")

    assert policy.arms == ("warm", "concise", "playful")
    assert policy.paused == {"concise"}
    if case.shares:  # what the others had from it is gone with it
        assert policy.explain(X)[0].exploit != pytest.approx(before["warm"].exploit, abs=1e-4)
    if not case.shares and case.name not in ("exp3", "ucb1"):  # whose scores look at how much was learned in all
        for explanation in policy.explain(X):
            assert explanation.exploit == pytest.approx(before[explanation.arm].exploit, abs=1e-12)
            assert explanation.explore == pytest.approx(before[explanation.arm].explore, abs=1e-12)
    with pytest.raises(ValueError, match=r"no arm 'professional'"):
        policy.learn("professional", X, 1.0)
    policy.learn("playful", X, 1.0)


@every_learner
def test_a_new_arm_takes_over_what_another_has_learned(case: Case) -> None:
    policy = fold(case.make(), LOG * 3)
    policy.add_arm("copy", like="professional")
    policy.add_arm("hint", like="professional", weight=0.1)
    policy.add_arm("fresh")
    by_arm = {explanation.arm: explanation for explanation in policy.explain(X)}

    if not case.shares:  # where the copy's own part stands beside the original's
        assert by_arm["copy"].exploit == pytest.approx(by_arm["professional"].exploit, abs=1e-12)
        assert by_arm["copy"].explore == pytest.approx(by_arm["professional"].explore, abs=1e-12)
    if case.name != "exp3":  # for which a loss less is a better arm
        assert by_arm["professional"].exploit > by_arm["hint"].exploit
    else:
        assert by_arm["professional"].exploit < by_arm["hint"].exploit
    before = by_arm["professional"]
    policy.learn("copy", X, 0.0, propensity=0.2)
    after = {explanation.arm: explanation for explanation in policy.explain(X)}
    assert after["copy"].exploit < by_arm["copy"].exploit
    if not case.shares and case.name not in ("exp3", "ucb1"):
        assert after["professional"].exploit == before.exploit


@every_policy
def test_a_loaded_state_of_the_new_arms_is_taken(case: Case) -> None:
    grown, other = fold(case.make(), LOG), case.make()
    for policy in (grown, other):
        policy.add_arm("new")
    grown.learn("new", X, 0.75)
    other.load(grown.state())

    assert other.state() == grown.state()
    assert scores(other, X) == scores(grown, X)


def test_more_arms_than_the_floor_has_room_for_are_refused() -> None:
    policy = Case("linucb", 0.25, {"floor": 0.25}).make()
    with pytest.raises(ValueError, match=r"floor 0.25 for 5 arms"):
        policy.add_arm("fifth")

    assert policy.arms == ARMS
    assert policy.choose(X).arm in ARMS
