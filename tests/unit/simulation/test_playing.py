"""Policies in worlds: what they get to know, and when."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from numpy.typing import ArrayLike

from adapters.policies import POLICY_NAMES, Decision
from adapters.policies.uniform import Uniform
from adapters.simulation import Customers, Segment, make_world, parse_contestant, play
from tests.unit.simulation.strategies import PERSONAS, SHIPPED, customers, seeds, world_law

LIKES = {"always": {"empathy": 1.5, "humor": -1.0}}


class TestTrace:
    @world_law
    @given(customers(), seeds)
    def test_it_is_what_happened(self, who: Customers, seed: int) -> None:
        world = make_world(who, PERSONAS, rounds=30, seed=seed)
        trace = play(world, parse_contestant("linucb").make(PERSONAS, world.dim, seed))
        assert trace.probabilities.sum(axis=1) == pytest.approx(np.ones(30))
        assert (trace.probabilities[np.arange(30), trace.chosen] > 0.0).all()
        assert (trace.regret >= 0.0).all()
        comes = np.isfinite(world.arrives_ms)
        assert np.array_equal(np.isnan(trace.rewards), ~comes)
        assert np.array_equal(trace.rewards[comes], world.pays[np.arange(30), trace.chosen][comes])

    @world_law
    @given(customers(), seeds)
    def test_without_differences_there_is_no_regret(self, who: Customers, seed: int) -> None:
        plain = tuple(replace(segment, likes={}, deviation=0.0) for segment in who.segments)
        world = make_world(replace(who, likes={}, segments=plain), PERSONAS, rounds=30, seed=seed)
        trace = play(world, parse_contestant("uniform").make(PERSONAS, world.dim, seed))
        assert trace.regret.max() <= 1e-15

    def test_whoever_always_takes_the_best_regrets_nothing(self) -> None:
        world = make_world(Customers((Segment("all", likes=LIKES),)), PERSONAS, rounds=50, seed=0)
        best = world.arms[int(world.worth[0].argmax())]
        trace = play(world, parse_contestant(f"fixed:arm={best}").make(PERSONAS, world.dim, 0))
        assert trace.is_best.all()
        assert trace.regret.sum() == 0.0

    def test_the_same_seed_plays_the_same(self) -> None:
        world = make_world(SHIPPED, PERSONAS, rounds=200, seed=4)
        first, second = (play(world, parse_contestant("lints").make(PERSONAS, world.dim, 7)) for _ in range(2))
        assert first.chosen.tobytes() == second.chosen.tobytes()

    def test_every_round_is_told_once(self) -> None:
        told: list[int] = []
        world = make_world(SHIPPED, PERSONAS, rounds=620, seed=0)
        play(world, parse_contestant("uniform").make(PERSONAS, world.dim, 0), told.append)
        assert (sum(told), len(told)) == (620, 3)


class TestLearning:
    def test_a_policy_beats_chance(self) -> None:
        world = make_world(replace(SHIPPED, noise=0.2), PERSONAS, rounds=1_500, seed=0)
        regrets = {
            label: play(world, parse_contestant(label).make(PERSONAS, world.dim, 1)).regret.sum()
            for label in ("linucb", "uniform")
        }
        assert regrets["linucb"] < 0.75 * regrets["uniform"]

    def test_of_the_silent_nothing_is_learned(self) -> None:
        silent = Customers((Segment("all", likes=LIKES, silent=1.0),))
        world = make_world(silent, PERSONAS, rounds=100, seed=0)
        policy = parse_contestant("linucb").make(PERSONAS, world.dim, 1, is_warm=False)
        play(world, policy)
        assert policy.version == 0

    def test_rewards_are_learned_once_each_and_not_before_they_arrive(self) -> None:
        world = make_world(SHIPPED, PERSONAS, rounds=400, seed=0)
        policy = parse_contestant("uniform").make(PERSONAS, world.dim, 1, is_warm=False)
        play(world, policy)
        arrived = world.arrives_ms <= world.at_ms[-1]
        assert policy.version == int(arrived[:-1].sum())
        assert policy.version < np.isfinite(world.arrives_ms).sum()

    def test_whoever_asks_is_told_whose_turn_it_is(self) -> None:
        class Personal(Uniform):
            def __init__(self, *arguments: Any) -> None:
                super().__init__(*arguments)
                self.asked: list[Any] = []
                self.told: list[Any] = []

            def choose(self, x: ArrayLike, allowed: Any = None, user: Any = None, segment: Any = None) -> Decision:
                assert segment is None
                self.asked.append(user)
                return super().choose(x, allowed)

            def learn(self, *arguments: Any, user: Any = None, **named: Any) -> None:
                self.told.append(user)
                super().learn(*arguments, **named)

        world = make_world(SHIPPED, PERSONAS, rounds=60, seed=0)
        policy = Personal(tuple(PERSONAS), world.dim, 0)
        play(world, policy)
        assert tuple(policy.asked) == world.user_ids
        assert 0 < len(policy.told) == policy.version
        assert set(policy.told) <= set(world.user_ids)

    def test_arms_may_stand_in_another_order(self) -> None:
        world = make_world(SHIPPED, PERSONAS, rounds=100, seed=0)
        turned = dict(reversed(list(PERSONAS.items())))
        trace = play(world, parse_contestant("fixed:arm=calm,floor=0.01").make(turned, world.dim, 0))
        assert trace.probabilities[0, world.arms.index("calm")] == pytest.approx(0.93)
        assert np.bincount(trace.chosen).argmax() == world.arms.index("calm")


class TestContestants:
    @pytest.mark.parametrize("name", POLICY_NAMES)
    def test_every_policy_can_play(self, name: str) -> None:
        world = make_world(SHIPPED, PERSONAS, rounds=20, seed=0)
        assert len(play(world, parse_contestant(name).make(PERSONAS, world.dim, 0))) == 20

    def test_parameters_are_values(self) -> None:
        found = parse_contestant(" linucb:alpha=.5, half_life_days=None,detect_changes=yes ")
        assert found.parameters == {"alpha": 0.5, "half_life_days": None, "detect_changes": True}
        assert (found.policy, found.label) == ("linucb", "linucb:alpha=.5, half_life_days=None,detect_changes=yes")
        assert parse_contestant("fixed:arm=calm").parameters == {"arm": "calm"}

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("linucp", "Did you mean 'linucb'?"),
            ("linucb:alpha", "'alpha' in 'linucb:alpha' is no PARAMETER=VALUE"),
            ("linucb:alpha=", "no PARAMETER=VALUE"),
            ("linucb:alpah=1", "policy 'linucb' has no parameter 'alpah' here. It has: alpha,"),
            ("hybrid:traits=1", "no parameter 'traits' here"),
            ("uniform:floor=1", "It has: none."),
        ],
    )
    def test_mistakes_are_named(self, text: str, said: str) -> None:
        with pytest.raises(ValueError, match=re.escape(said)):
            parse_contestant(text)

    def test_a_value_out_of_range_is_the_policys_to_refuse(self) -> None:
        with pytest.raises(ValueError, match="floor"):
            parse_contestant("linucb:floor=0.9").make(PERSONAS, 3, 0)
