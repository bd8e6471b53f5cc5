"""The reward model: no row is expected by what has seen it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.ope import Log
from adapters.ope.reward_model import cross_fitted
from tests.unit.adapters.ope.worlds import made


@given(row=st.integers(0, 199))
def test_a_rows_own_reward_has_no_part_in_what_is_expected_of_it(row: int) -> None:
    world, log = made(3, 200)
    rewards = world.rewards.copy()
    rewards[row] = 1.0 - rewards[row]
    other = Log.of(world.arms, world.contexts, world.actions, rewards, world.probabilities)
    before, after = cross_fitted(log), cross_fitted(other)
    assert np.allclose(before.of_others[row], after.of_others[row], atol=1e-12)
    assert (before.of_earlier[: row + 1] == after.of_earlier[: row + 1]).all()
    assert not np.allclose(before.of_others, after.of_others)


def test_it_learns_what_can_be_learned() -> None:
    world, log = made(4, 20_000, arms=3, dim=2, floor=0.2)
    expected = cross_fitted(log)
    blind = np.abs(world.worth - world.worth.mean()).mean()
    assert np.abs(expected.of_others - world.worth).mean() < 0.5 * blind
    assert np.abs(expected.of_earlier[2_000:] - world.worth[2_000:]).mean() < 0.5 * blind


def test_arms_never_tried_are_expected_to_be_like_the_others() -> None:
    world, log = made(5, 400)
    more = Log.of(
        (*world.arms, "new"),
        world.contexts,
        world.actions,
        world.rewards,
        np.pad(world.probabilities, ((0, 0), (0, 1))),
    )
    expected = cross_fitted(more).of_others
    assert np.allclose(expected[:, :-1], cross_fitted(log).of_others)
    assert np.abs(expected[:, -1] - world.rewards.mean()).max() < 0.02


def test_expectations_stay_in_the_range_of_rewards() -> None:
    world, _ = made(6, 300)
    contexts = world.contexts.copy()
    contexts[150:] *= 1e3
    expected = cross_fitted(Log.of(world.arms, contexts, world.actions, world.rewards, world.probabilities))
    for matrix in (expected.of_others, expected.of_earlier):
        assert ((matrix >= 0.0) & (matrix <= 1.0)).all()


def test_fewer_rows_than_blocks() -> None:
    expected = cross_fitted(made(7, 5)[1])
    assert np.isfinite(expected.of_others).all()
    assert (expected.of_earlier[0] == 0.5).all()
    with pytest.raises(ValueError, match="ridge"):
        cross_fitted(made(7, 5)[1], ridge=0.0)
