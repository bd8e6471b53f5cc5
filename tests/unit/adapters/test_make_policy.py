"""Policies by name, and the errors of making one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from adapters.policies import POLICY_NAMES, make_policy, parameters_of


@pytest.mark.parametrize("name", POLICY_NAMES)
def test_a_policy_is_what_was_asked_for(name: str) -> None:
    policy = make_policy(name, arms=["a", "b"], dim=4, seed=0)

    assert (policy.name, policy.arms, policy.dim, policy.version) == (name, ("a", "b"), 4, 0)


def test_the_nearest_policy_is_suggested() -> None:
    with pytest.raises(ValueError, match=r"no policy 'lincub'. Did you mean 'linucb'"):
        make_policy("lincub", arms=("a",), dim=1, seed=0)


def test_the_nearest_parameter_is_suggested() -> None:
    with pytest.raises(ValueError, match=r"'linucb' has no parameter 'aplha'. Did you mean 'alpha'"):
        make_policy("linucb", arms=("a",), dim=1, seed=0, aplha=1.0)
    with pytest.raises(ValueError, match=r"'uniform' has no parameter 'floor'. Known names: none"):
        make_policy("uniform", arms=("a",), dim=1, seed=0, floor=0.1)


def test_parameters_with_their_defaults() -> None:
    assert parameters_of("linucb")["alpha"] == 0.25
    assert parameters_of("linucb")["half_life_days"] is None
    assert parameters_of("fixed") == {"arm": None, "floor": 0.0}
    assert parameters_of("uniform") == {}


def test_numbers_of_any_kind_are_numbers() -> None:
    for floor in (0, np.float32(0.125), np.float64(0.25)):
        decision = make_policy("linucb", ("a", "b"), 2, 3, floor=floor).choose([1.0, 0.0])
        assert decision.probabilities.min() >= floor
    for two in (np.int64(2), np.uint8(2)):
        assert make_policy("uniform", ("a", "b"), dim=two, seed=two).dim == 2  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"alpha": -1.0}, "alpha is -1.0: give a number from 0"),
        ({"alpha": float("nan")}, "alpha is nan"),
        ({"alpha": True}, "alpha is True"),
        ({"alpha": "1"}, "alpha is '1'"),
        ({"floor": -0.1}, "floor is -0.1"),
        ({"floor": 0.6}, "floor 0.6 for 2 arms: give a number from 0 to 1/2 = 0.5"),
        ({"epsilon": 1.5}, "epsilon is 1.5: give a number from 0 to 1"),
        ({"ridge": 0.0}, "ridge is 0.0"),
        ({"reward_low": float("-inf")}, "reward_low is -inf"),
        ({"reward_low": 0.0, "reward_high": -1.0}, "reward_high is -1.0: give a number from 0"),
        ({"half_life_days": 0.0}, "half_life_days is 0.0"),
        ({"detect_changes": 1}, "detect_changes is 1: give true or false"),
    ],
    ids=str,
)
def test_a_parameter_out_of_range_is_refused(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_policy("linucb", arms=("a", "b"), dim=2, seed=0, **parameters)


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("squarecb", {"gamma": -1.0}, r"gamma is -1.0"),
        ("squarecb", {"exponent": 2.0}, r"exponent is 2.0"),
        ("hybrid", {"sharing": 1.0}, r"sharing is 1.0: give a number from 0 to 0.99"),
        ("hybrid", {"traits": {"c": (1.0,)}}, r"traits of 'c', which is no arm"),
        ("hybrid", {"traits": {"a": (1.0,), "b": (1.0, 0.5)}}, r"the arms' traits differ in number"),
        ("hybrid", {"traits": {"a": (7.0,)}}, r"a trait is 7.0"),
        ("thompson", {"likelihood": "poisson"}, r"likelihood is 'poisson': give one of beta, gaussian"),
        ("thompson", {"noise": 0.0}, r"noise is 0.0"),
        ("ucb1", {"alpha": -1.0}, r"alpha is -1.0"),
        ("exp3", {"rate": -1.0}, r"rate is -1.0"),
        ("exp3", {"detect_changes": True}, r"leave detect_changes out"),
        ("epsilon_greedy", {"epsilon": 2.0}, r"epsilon is 2.0"),
    ],
    ids=str,
)
def test_an_algorithms_own_parameter_out_of_range_is_refused(
    name: str, parameters: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        make_policy(name, arms=("a", "b"), dim=2, seed=0, **parameters)


def test_a_fixed_arm_must_be_one_of_the_arms() -> None:
    with pytest.raises(ValueError, match=r"no arm 'warn'. Did you mean 'warm'"):
        make_policy("fixed", arms=("warm", "dry"), dim=1, seed=0, arm="warn")


@pytest.mark.parametrize("arms", [(), "ab", ("a", ""), ("a", 1), ("a", "a")], ids=str)
def test_bad_arms_are_refused(arms: Any) -> None:
    with pytest.raises(ValueError, match=r"arms"):
        make_policy("uniform", arms=arms, dim=1, seed=0)


@pytest.mark.parametrize("whole", [-1, 1.5, True, "1", None], ids=str)
def test_bad_sizes_and_seeds_are_refused(whole: Any) -> None:
    with pytest.raises(ValueError, match=r"dim .*: give a whole number from 1 on"):
        make_policy("uniform", arms=("a",), dim=whole if whole is not True else 0, seed=0)
    with pytest.raises(ValueError, match=r"seed .*: give a whole number from 0 on"):
        make_policy("uniform", arms=("a",), dim=1, seed=whole)
