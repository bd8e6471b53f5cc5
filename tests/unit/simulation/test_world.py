"""The laws of worlds: what is worth what, when a taste drifts, who reacts and when."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given

from adapters.features import FEATURE_NAMES, FEATURES
from adapters.simulation import Customers, Delay, Drift, Segment, make_world, taste
from adapters.simulation.population import Truth, draw_people
from adapters.simulation.world import DAY_MS, START_MS, traits_of
from adapters.traits import TRAIT_NAMES
from tests.unit.simulation.strategies import PERSONAS, SHIPPED, customers, seeds, world_law

EMPATHIC = {"always": {"empathy": 1.5}}
FORMAL = {"always": {"formality": 1.5}}


class TestLaws:
    @world_law
    @given(customers(), seeds)
    def test_everything_is_in_range_and_in_order(self, who: Customers, seed: int) -> None:
        world = make_world(who, PERSONAS, rounds=40, seed=seed)
        assert world.worth.shape == world.pays.shape == (40, len(PERSONAS))
        assert len(world) == 40 == len(world.user_ids)
        for rewards in (world.worth, world.pays):
            assert np.isfinite(rewards).all()
            assert (rewards >= 0.0).all() and (rewards <= 1.0).all()
        for number, feature in enumerate(FEATURES):
            column = world.contexts[:, number]
            assert column.min() >= feature.low and column.max() <= feature.high
        assert (np.diff(world.at_ms) > 0.0).all()
        assert (world.arrives_ms >= world.at_ms).all()
        assert set(np.diff(world.conversations)) <= {0, 1}

    @world_law
    @given(customers(), seeds)
    def test_the_same_seed_is_the_same_world(self, who: Customers, seed: int) -> None:
        first, second = (make_world(who, PERSONAS, rounds=20, seed=seed) for _ in range(2))
        for name in ("contexts", "worth", "pays", "who", "at_ms", "arrives_ms"):
            assert getattr(first, name).tobytes() == getattr(second, name).tobytes()

    @world_law
    @given(customers(), seeds)
    def test_worth_is_the_taste_that_it_says(self, who: Customers, seed: int) -> None:
        world = make_world(who, PERSONAS, rounds=20, seed=seed)
        leanings = 2.0 * traits_of(PERSONAS) - 1.0
        for at, x in enumerate(world.contexts):
            utility = who.base + leanings @ world.truth.taste(int(world.who[at]), at / 20) @ x
            assert world.worth[at] == pytest.approx(1.0 / (1.0 + np.exp(-utility)), abs=1e-9)

    @world_law
    @given(customers(), seeds)
    def test_without_likes_all_personas_are_alike(self, who: Customers, seed: int) -> None:
        plain = tuple(replace(segment, likes={}, deviation=0.0) for segment in who.segments)
        world = make_world(replace(who, likes={}, segments=plain), PERSONAS, rounds=20, seed=seed)
        assert np.ptp(world.worth, axis=1).max() <= 1e-15

    @world_law
    @given(customers(), seeds)
    def test_the_silent_never_react(self, who: Customers, seed: int) -> None:
        silent = replace(who, segments=tuple(replace(segment, silent=1.0) for segment in who.segments))
        assert np.isinf(make_world(silent, PERSONAS, rounds=20, seed=seed).arrives_ms).all()

    @world_law
    @given(customers(), seeds)
    def test_more_rounds_bring_the_same_people(self, who: Customers, seed: int) -> None:
        few, many = (make_world(who, PERSONAS, rounds=rounds, seed=seed) for rounds in (5, 30))
        assert [one.segment for one in few.truth.people] == [one.segment for one in many.truth.people]
        assert all(
            np.array_equal(one.deviation, other.deviation)
            for one, other in zip(few.truth.people, many.truth.people, strict=True)
        )


class TestTastes:
    def test_a_liked_trait_makes_its_persona_the_best(self) -> None:
        world = make_world(Customers((Segment("all", likes=EMPATHIC),)), PERSONAS, rounds=10, seed=0)
        best = max(PERSONAS, key=lambda name: PERSONAS[name]["empathy"])
        assert {world.arms[number] for number in world.worth.argmax(axis=1)} == {best}

    def test_a_circumstance_counts_by_its_feature(self) -> None:
        weights = taste({"anger": {"humor": -2.0}, "always": {"empathy": 0.5}})
        assert weights.sum() == -1.5
        assert weights[TRAIT_NAMES.index("empathy"), 0] == 0.5

    def test_people_of_a_segment_differ_by_its_deviation(self) -> None:
        who = Customers((Segment("all", deviation=0.7),), count=2_000)
        own = np.stack([person.deviation for person in draw_people(who, np.random.default_rng(0))])
        assert own.std() == pytest.approx(0.7, rel=0.02)
        assert abs(own.mean()) < 0.02


class TestDrift:
    @pytest.mark.parametrize(
        ("over", "moved"), [(0.0, (0.0, 0.0, 1.0, 1.0)), (0.4, (0.0, 0.0, 0.25, 1.0))], ids=["at once", "slowly"]
    )
    def test_it_goes_from_one_taste_to_the_other(self, over: float, moved: tuple[float, ...]) -> None:
        drift = Drift(share=1.0, to="formal", at=0.5, over=over)
        who = Customers((Segment("warm", 1.0, likes=EMPATHIC, drift=drift), Segment("formal", 0.0, likes=FORMAL)))
        truth = Truth(who, draw_people(who, np.random.default_rng(0)), traits_of(PERSONAS))
        for progress, far in zip((0.0, 0.49, 0.6, 0.95), moved, strict=True):
            expected = (1.0 - far) * taste(EMPATHIC) + far * taste(FORMAL)
            assert truth.taste(0, progress) == pytest.approx(expected)

    def test_it_changes_which_persona_is_the_best(self) -> None:
        drift = Drift(share=1.0, to="formal", at=0.5)
        who = Customers((Segment("warm", 1.0, likes=EMPATHIC, drift=drift), Segment("formal", 0.0, likes=FORMAL)))
        best = make_world(who, PERSONAS, rounds=100, seed=0).worth.argmax(axis=1)
        assert len(set(best[:50])) == len(set(best[50:])) == 1
        assert best[0] != best[-1]

    def test_who_does_not_drift_keeps_the_taste(self) -> None:
        who = Customers((Segment("warm", likes=EMPATHIC, drift=Drift(0.0, "warm", 0.5)),))
        truth = Truth(who, draw_people(who, np.random.default_rng(0)), traits_of(PERSONAS))
        assert np.array_equal(truth.taste(0, 0.0), truth.taste(0, 1.0))


class TestRewards:
    @pytest.mark.parametrize("noise", [0.0, 0.3, 0.9, 1.0])
    def test_their_mean_is_the_worth_and_their_variance_the_noise(self, noise: float) -> None:
        who = Customers((Segment("all"),), base=0.6, noise=noise)
        world = make_world(who, PERSONAS, rounds=4_000, seed=1)
        mean = float(world.worth[0, 0])
        assert world.pays.mean() == pytest.approx(mean, abs=0.01)
        assert world.pays.var() == pytest.approx(noise * mean * (1.0 - mean), rel=0.05, abs=1e-12)
        if noise == 1.0:
            assert set(np.unique(world.pays)) == {0.0, 1.0}

    def test_they_come_late_by_the_mean_that_was_given(self) -> None:
        who = Customers((Segment("all", reacts=0.5, delay=Delay(share=1.0, hours=6.0)),))
        world = make_world(who, PERSONAS, rounds=4_000, seed=1)
        comes = np.isfinite(world.arrives_ms)
        assert comes.mean() == pytest.approx(0.5, abs=0.03)
        late_hours = (world.arrives_ms - world.at_ms)[comes] / 3_600_000
        assert late_hours.mean() == pytest.approx(6.0, rel=0.1)


class TestTime:
    def test_turns_are_spread_over_the_days(self) -> None:
        world = make_world(replace(SHIPPED, turns_per_day=100.0), PERSONAS, rounds=200, seed=0)
        assert world.at_ms[0] == START_MS
        assert world.at_ms[100] - START_MS == DAY_MS
        assert len(set(world.segments)) > 1

    def test_who_comes_again_is_known_to_have_been_there(self) -> None:
        world = make_world(Customers((Segment("all"),), count=1), PERSONAS, rounds=50, seed=0)
        seen = world.contexts[:, FEATURE_NAMES.index("visits")]
        assert seen == pytest.approx(world.conversations / (world.conversations + 3.0))

    def test_no_rounds_are_no_world(self) -> None:
        with pytest.raises(ValueError, match="Give at least 1"):
            make_world(SHIPPED, PERSONAS, rounds=0, seed=0)
