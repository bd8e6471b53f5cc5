"""The estimators: equal to obp's on the same logs, and right in the simplest cases."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.ope import ESTIMATOR_NAMES, Log, estimator_named
from loadtest.ope_worlds import logged_world
from tests.unit.adapters.ope.worlds import log_of, made

VECTORS = json.loads((Path(__file__).parent / "obp.json").read_text())["logs"]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: f"seed {vector['recipe']['seed']}")
def test_equal_to_obp(vector: dict[str, Any]) -> None:
    world = logged_world(**vector["recipe"])
    for name, values in (("rewards", world.rewards), ("target", world.target[:, 0]), ("worth", world.worth)):
        assert float(values.sum()) == pytest.approx(vector["check"][name], rel=1e-12), "another log than obp's"
    assert len(vector["estimates"]) == 7
    for name, expected in vector["estimates"].items():
        kind, _, tau = name.partition(" ")
        estimator = estimator_named(kind, float(tau)) if tau else estimator_named(kind)
        found = estimator.value(log_of(world), world.target, world.bent)
        assert found == pytest.approx(expected, abs=1e-9), name


def test_every_estimator_is_held_to_obp() -> None:
    assert {name.partition(" ")[0] for name in VECTORS[0]["estimates"]} == set(ESTIMATOR_NAMES)


def test_a_log_judged_by_itself_earned_what_it_earned() -> None:
    world, log = made()
    for name in ("ips", "snips"):
        value = estimator_named(name).value(log, world.probabilities, world.bent)
        assert value == pytest.approx(log.rewards.mean(), abs=1e-12)


@given(shift=st.floats(-5.0, 5.0), scale=st.floats(0.1, 10.0))
def test_other_units_of_the_reward_change_the_units_only(shift: float, scale: float) -> None:
    world, log = made(rows=50)
    moved = Log.of(
        world.arms, world.contexts, world.actions, shift + scale * world.rewards, world.probabilities,
        reward_low=shift, reward_high=shift + scale + 1e-9,
    )  # fmt: skip
    for name in ("snips", "dm"):  # IPS and those that correct by it do so in expectation only
        estimator = estimator_named(name)
        expected = shift + scale * estimator.value(log, world.target, world.bent)
        found = estimator.value(moved, world.target, shift + scale * world.bent)
        assert found == pytest.approx(expected, abs=1e-9)


def test_a_perfect_model_leaves_doubly_robust_nothing_to_correct() -> None:
    world, log = made()
    sure = Log.of(world.arms, world.contexts, world.actions, log.of_drawn(world.worth), world.probabilities)
    for name in ("dm", "dr", "switch-dr"):
        assert estimator_named(name).value(sure, world.target, world.worth) == pytest.approx(world.value, abs=1e-12)


def test_switch_dr_stands_between_the_direct_method_and_dr() -> None:
    world, log = made()
    none, all_of_them = estimator_named("switch-dr", 0.0), estimator_named("switch-dr", 1e9)
    model, robust = estimator_named("dm"), estimator_named("dr")
    arguments = (log, world.target, world.bent)
    assert none.value(*arguments) == model.value(*arguments)
    assert all_of_them.value(*arguments) == robust.value(*arguments)


def test_unbiased_ones_find_the_value_on_average() -> None:
    errors: dict[str, list[float]] = {name: [] for name in ("ips", "snips", "dr")}
    for seed in range(200):
        world, log = made(seed, 500)
        for name, of_name in errors.items():
            of_name.append(estimator_named(name).value(log, world.target, world.bent) - world.value)
    for name, of_name in errors.items():
        standard_error = np.std(of_name) / np.sqrt(len(of_name))
        assert abs(np.mean(of_name)) < 4.0 * standard_error, name
    assert np.std(errors["dr"]) < np.std(errors["ips"])


def test_names_and_parameters() -> None:
    with pytest.raises(ValueError, match=r"no estimator 'ipw'.*'ips'"):
        estimator_named("ipw")
    with pytest.raises(ValueError, match="tau"):
        estimator_named("switch-dr", -1.0)
