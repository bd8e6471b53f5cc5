"""What a policy learned is a fold over its reward log, whole, exact and portable."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.policies import codec
from adapters.policies.linear import LARGE_BATCH
from tests.contract.policies.cases import ARMS, DIM, Case, every_policy
from tests.contract.policies.strategies import (
    Event,
    Vector,
    contexts,
    events,
    fold,
    law,
    logs,
    numbers,
    rewards,
    scores,
)

X = np.array([1.0, -0.5, 0.25])


@every_policy
def test_the_version_counts_what_was_learned(case: Case) -> None:
    policy = case.make()
    assert policy.version == 0
    policy.learn("warm", X, 0.5)
    policy.learn("warm", X, 1.0, previous=0.5)

    assert policy.version == policy.choose(X).version == 2


@every_policy
@law
@given(log=logs)
def test_workers_that_fold_the_same_log_agree(case: Case, log: list[Event]) -> None:
    assert fold(case.make(seed=1), log).state() == fold(case.make(seed=2), log).state()


@every_policy
@law
@given(log=st.lists(st.tuples(events, st.lists(rewards, max_size=3)), max_size=10), x=contexts, data=st.data())
def test_corrections_leave_no_trace(
    case: Case, log: list[tuple[Event, list[float]]], x: Vector, data: st.DataObject
) -> None:
    """Each decision's reward is corrected some times, at any later place in the log."""
    if case.detects:
        return  # what a detector hears first decides
    corrections: list[list[Event]] = []
    final: list[Event] = []
    for event, later in log:
        values = [event.reward, *later]
        path = zip(values[1:], values, strict=False)
        corrections.append([event, *(replace(event, reward=now, previous=previous) for now, previous in path)])
        final.append(replace(event, reward=values[-1]))
    corrected = []
    while waiting := [queue for queue in corrections if queue]:
        corrected.append(data.draw(st.sampled_from(range(len(waiting))).map(waiting.__getitem__)).pop(0))

    assert scores(fold(case.make(), corrected), x) == pytest.approx(scores(fold(case.make(), final), x), abs=1e-9)


@every_policy
@law
@given(log=logs, data=st.data())
def test_the_order_of_the_log_does_not_matter_to_what_is_learned(
    case: Case, log: list[Event], data: st.DataObject
) -> None:
    if case.detects:
        return
    other = data.draw(st.permutations(log))

    assert scores(fold(case.make(), log), X) == pytest.approx(scores(fold(case.make(), other), X), abs=1e-9)


@every_policy
@law
@given(log=logs, more=logs)
def test_a_loaded_policy_goes_on_exactly_as_the_saved_one(case: Case, log: list[Event], more: list[Event]) -> None:
    saved = fold(case.make(seed=1), log)
    loaded = fold(case.make(seed=2), more)
    loaded.load(saved.state())

    assert loaded.state() == saved.state()
    assert fold(loaded, more).state() == fold(saved, more).state()


@every_policy
def test_two_workers_that_load_one_state_draw_differently(case: Case) -> None:
    state = fold(case.make(), [Event("concise", X, 1.0)]).state()
    workers = [case.make(seed=seed) for seed in (11, 12)]
    for worker in workers:
        worker.load(state)
    first, second = ([worker.choose(X).arm for _ in range(300)] for worker in workers)

    if workers[0].choose(X).propensity < 1.0:
        assert first != second


@every_policy
def test_a_state_does_not_change_afterwards(case: Case) -> None:
    policy = case.make()
    state = policy.state()
    other = case.make()
    other.load(state)
    fold(other, [Event("warm", X, 1.0)] * 3)

    assert policy.state() == state
    policy.load(state)
    assert policy.state() == state


@every_policy
@pytest.mark.parametrize("reward", [-0.1, 1.1, float("nan"), float("inf"), True, "1", None], ids=str)
def test_a_bad_reward_is_refused(case: Case, reward: object) -> None:
    policy = case.make()
    before = policy.state()
    with pytest.raises(ValueError, match=r"reward is .*: give a number from 0 to 1"):
        policy.learn("warm", X, reward)  # type: ignore[arg-type]
    if reward is not None:
        with pytest.raises(ValueError, match=r"previous is"):
            policy.learn("warm", X, 0.5, previous=reward)  # type: ignore[arg-type]

    assert policy.state() == before


@every_policy
def test_an_unknown_arm_is_refused_with_the_nearest_known(case: Case) -> None:
    policy = case.make()
    with pytest.raises(ValueError, match=r"no arm 'profesional'. Did you mean 'professional'"):
        policy.learn("profesional", X, 1.0)

    assert policy.version == 0


@every_policy
@law
@given(position=st.integers(0, 10_000), flip=st.integers(1, 255), keep=st.integers(0, 10_000))
def test_damaged_states_are_refused_and_change_nothing(case: Case, position: int, flip: int, keep: int) -> None:
    policy = fold(case.make(), [Event("warm", X, 1.0)])
    state = policy.state()
    flipped = bytearray(state)
    flipped[position % len(state)] ^= flip
    for damaged in (bytes(flipped), state[: keep % len(state)], state + b"\0", b"", b"PARLPOL2"):
        with pytest.raises(ValueError, match=r"policy state"):
            policy.load(damaged)

    assert policy.state() == state


@every_policy
def test_a_state_of_other_arms_or_another_dimension_is_refused(case: Case) -> None:
    policy = case.make()
    fewer = case.make()
    fewer.remove_arm(ARMS[-1])
    for other, what in (
        (fewer, "arms"),
        (case.make(arms=ARMS[::-1]), "arms"),
        (case.make(dim=4), "dim 4, this policy has 3"),
    ):
        with pytest.raises(ValueError, match=what):
            policy.load(other.state())


@every_policy
def test_a_state_of_another_algorithm_is_refused(case: Case) -> None:
    other = Case("fixed" if case.name != "fixed" else "uniform", 0.0)
    with pytest.raises(ValueError, match=rf"policy '{other.name}', this policy has '{case.name}'"):
        case.make().load(other.make().state())


@every_policy
@law
@given(log=logs, data=st.data())
def test_a_batch_is_learned_as_one_by_one(case: Case, log: list[Event], data: st.DataObject) -> None:
    """Also one long enough for whole products, with corrections in it."""
    corrected = [replace(event, reward=data.draw(rewards), previous=event.reward) for event in log]
    long = (log + corrected) * (1 + LARGE_BATCH // (1 + len(log)))
    batched = case.make()
    batched.learn_many(long)

    assert batched.version == len(long)
    assert scores(batched, X) == pytest.approx(scores(fold(case.make(), long), X), abs=1e-9)


@every_policy
def test_a_batch_with_one_bad_observation_is_refused_whole(case: Case) -> None:
    policy = case.make()
    before = policy.state()
    with pytest.raises(ValueError, match=r"reward is 7"):
        policy.learn_many([Event("warm", X, 1.0), Event("warm", X, 7.0)])

    assert policy.state() == before


@every_policy
@pytest.mark.parametrize(
    ("at_ms", "propensity", "message"),
    [
        (float("nan"), 0.5, r"at_ms is nan"),
        (-1.0, 0.5, r"at_ms is -1.0"),
        (True, 0.5, r"at_ms is True"),
        (1.8e12, 0.0, r"propensity is 0.0"),
        (1.8e12, 1.5, r"propensity is 1.5"),
        (1.8e12, "x", r"propensity is 'x'"),
    ],
)
def test_a_bad_time_or_propensity_is_refused(case: Case, at_ms: float, propensity: float, message: str) -> None:
    policy = case.make()
    before = policy.state()
    with pytest.raises(ValueError, match=message):
        policy.learn("warm", X, 1.0, at_ms=at_ms, propensity=propensity)

    assert policy.state() == before


@every_policy
@law
@given(log=logs)
def test_a_state_as_json_is_the_same_state(case: Case, log: list[Event]) -> None:
    state = fold(case.make(), log).state()

    assert codec.from_json(codec.to_json(state)) == state


@every_policy
@law
@given(common=logs, parts=st.lists(logs, max_size=4), x=st.lists(numbers, min_size=DIM, max_size=DIM))
def test_workers_merge_into_one_that_learned_all(
    case: Case, common: list[Event], parts: list[list[Event]], x: list[float]
) -> None:
    """Each worker goes on from one state, with a part of the log of its own; the parts stand in any order of time."""
    if case.detects:
        return
    start = fold(case.make(), common)
    workers = []
    for part in parts:
        worker = case.make()
        worker.load(start.state())
        workers.append(fold(worker, part).state())
    merged = case.make()
    merged.load(start.state())
    merged.merge(workers, since=start.state())
    whole = fold(case.make(), common + [event for part in parts for event in part])

    assert merged.version == whole.version
    assert scores(merged, np.array(x)) == pytest.approx(scores(whole, np.array(x)), abs=1e-9)


@every_policy
def test_a_merge_with_a_foreign_state_is_refused(case: Case) -> None:
    policy = fold(case.make(), [Event("warm", X, 1.0)])
    before = policy.state()
    with pytest.raises(ValueError, match=r"dim 4"):
        policy.merge([before, case.make(dim=4).state()])

    assert policy.state() == before
