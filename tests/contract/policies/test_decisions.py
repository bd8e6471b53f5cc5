"""A policy's probabilities are honest, and its choices follow them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from adapters.policies import POLICY_NAMES
from tests.contract.policies.cases import ARMS, CASES, DIM, Case, every_policy
from tests.contract.policies.strategies import Event, Vector, contexts, fold, law, logs

X = np.array([1.0, -0.5, 0.25])


def test_every_policy_is_held_to_the_contract() -> None:
    assert {case.name for case in CASES} == set(POLICY_NAMES)


@every_policy
@law
@given(log=logs, x=contexts)
def test_probabilities_sum_to_one_and_keep_the_floor(case: Case, log: list[Event], x: Vector) -> None:
    decision = fold(case.make(), log).choose(x)

    assert decision.probabilities.dtype == np.float64
    assert decision.probabilities.shape == (len(ARMS),)
    assert decision.probabilities.sum() == pytest.approx(1.0, abs=1e-12)
    assert decision.probabilities.min() >= case.floor
    assert decision.propensity == decision.probabilities[ARMS.index(decision.arm)] > 0.0
    assert decision.version == len(log)


@every_policy
def test_arms_are_drawn_as_often_as_their_probabilities_say(case: Case) -> None:
    policy = fold(case.make(), [Event("concise", X, 1.0), Event("warm", X, 0.0)])
    decisions = [policy.choose(X) for _ in range(4_000)]

    probabilities = np.array([decision.probabilities for decision in decisions])
    drawn = [decision.arm for decision in decisions]
    counts = np.array([drawn.count(arm) for arm in ARMS])
    # Five standard deviations of a sum of coins; a seed is fixed, so this can't flicker.
    deviations = np.sqrt((probabilities * (1.0 - probabilities)).sum(axis=0))
    assert (np.abs(counts - probabilities.sum(axis=0)) <= 5.0 * deviations + 1e-9).all()


@every_policy
def test_choosing_teaches_nothing(case: Case) -> None:
    policy = fold(case.make(), [Event("concise", X, 1.0)])
    before = policy.state()
    for _ in range(20):
        policy.choose(X)

    assert policy.state() == before


@every_policy
def test_the_same_seed_gives_the_same_choices_and_another_one_others(case: Case) -> None:
    def choices(seed: int) -> list[str]:
        policy = case.make(seed=seed)
        return [policy.choose(X).arm for _ in range(200)]

    assert choices(1) == choices(1)
    if case.make().choose(X).propensity < 1.0:
        assert choices(1) != choices(2)


@every_policy
def test_a_decision_does_not_change_afterwards(case: Case) -> None:
    policy = case.make()
    x = X.copy()
    decision = policy.choose(x)
    before = decision.probabilities.copy()
    x[:] = 0.0
    fold(policy, [Event("concise", X, 1.0)] * 5)
    policy.choose(X)

    assert (decision.probabilities == before).all()
    assert not decision.probabilities.flags.writeable
    with pytest.raises(AttributeError):
        decision.arm = "other"  # type: ignore[misc]


@every_policy
def test_a_single_arm_is_always_taken(case: Case) -> None:
    parameters = {key: value for key, value in case.parameters.items() if key not in ("arm", "traits")}
    decision = Case(case.name, case.floor, parameters).make(arms=("only",)).choose(X)

    assert decision.arm == "only"
    assert decision.propensity == pytest.approx(1.0)


@every_policy
@law
@given(log=logs, x=contexts)
def test_an_explanation_is_of_the_very_decision(case: Case, log: list[Event], x: Vector) -> None:
    policy = fold(case.make(), log)
    explanations = policy.explain(x, names=("constant", "mood", "hour"))

    assert tuple(explanation.arm for explanation in explanations) == policy.arms
    assert [explanation.probability for explanation in explanations] == policy.choose(x).probabilities.tolist()
    for explanation in explanations:
        assert explanation.score == pytest.approx(explanation.exploit + explanation.explore)
        assert {name for name, _ in explanation.features} <= {"constant", "mood", "hour"}


@every_policy
@pytest.mark.parametrize(
    "x",
    [
        np.ones(DIM + 1),
        np.ones((1, DIM)),
        1.0,
        [],
        [1.0, float("nan"), 0.0],
        [1.0, float("inf"), 0.0],
        [1.0, 1e200, 0.0],
        ["a", "b", "c"],
        [[1.0], [1.0, 2.0], 3.0],
        None,
    ],
    ids=str,
)
def test_a_bad_context_is_refused(case: Case, x: object) -> None:
    policy = case.make()
    before = policy.state()
    for attempt in (
        lambda: policy.choose(x),  # type: ignore[arg-type]
        lambda: policy.explain(x),  # type: ignore[arg-type]
        lambda: policy.learn("warm", x, 1.0),  # type: ignore[arg-type]
    ):
        with pytest.raises(ValueError, match=r"context"):
            attempt()

    assert policy.state() == before


@every_policy
def test_names_of_another_length_are_refused(case: Case) -> None:
    with pytest.raises(ValueError, match=r"2 feature names for a context of 3"):
        case.make().explain(X, names=("a", "b"))


@every_policy
def test_a_list_or_other_numbers_are_a_context_too(case: Case) -> None:
    for x in ([1, 0, 1], np.ones(DIM, dtype=np.float32), np.ones(2 * DIM)[::2]):
        assert case.make().choose(x).arm in ARMS
