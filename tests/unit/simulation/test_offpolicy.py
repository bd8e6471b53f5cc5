"""Off-policy estimates beside the truth of a simulated world."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from adapters.simulation import make_world, parse_contestant, play
from adapters.simulation.customers import Segment
from adapters.simulation.offpolicy import OffPolicy, best_log, judge
from tests.unit.simulation.strategies import PERSONAS, SHIPPED

LABELS = ("uniform", "fixed:arm=calm")


def judged(rounds: int = 1_500, estimators: tuple[str, ...] = ("ips", "dr")) -> OffPolicy:
    world = make_world(SHIPPED, PERSONAS, rounds=rounds, seed=0)
    trace = play(world, parse_contestant("uniform").make(PERSONAS, world.dim, 1))
    policies = {label: partial(parse_contestant(label).make, PERSONAS, world.dim, 1) for label in LABELS}
    return judge(world, trace, "uniform", policies, estimators)


def test_the_truth_is_the_worlds_and_lies_in_the_intervals() -> None:
    world = make_world(SHIPPED, PERSONAS, rounds=1_500, seed=0)
    known = np.isfinite(world.arrives_ms)
    uniform, calm = judged().judged
    assert uniform.truth == pytest.approx(world.worth[known].mean())
    assert calm.truth == pytest.approx(world.worth[known, world.arms.index("calm")].mean())
    for one in (uniform, calm):
        for estimate in one.estimates:
            assert estimate.low is not None and estimate.high is not None
            assert estimate.low < one.truth < estimate.high


def test_too_few_rows_are_refused_in_words() -> None:
    told = judged(rounds=60).to_json()
    assert "known reward" in told["policies"]["uniform"]["estimates"]["dr"]["refused"]


def test_where_nobody_reacts_there_is_nothing_to_judge() -> None:
    silent = replace(SHIPPED, segments=tuple(replace(segment, silent=1.0) for segment in SHIPPED.segments))
    world = make_world(silent, PERSONAS, rounds=50, seed=0)
    trace = play(world, parse_contestant("uniform").make(PERSONAS, world.dim, 1))
    assert judge(world, trace, "uniform", {}) == OffPolicy("uniform", 0, ())


def test_the_log_is_that_in_which_everything_had_a_chance() -> None:
    world = make_world(SHIPPED, PERSONAS, rounds=50, seed=0)
    traces = {
        label: play(world, parse_contestant(label).make(PERSONAS, world.dim, 1))
        for label in ("fixed", "linucb", "uniform")
    }
    assert best_log(traces) == "uniform"
    assert best_log({"fixed": traces["fixed"]}) is None


def test_a_policy_that_knows_people_is_judged_with_them() -> None:
    """Customers with strong tastes of their own: who is told who comes does better than who is not."""
    each_their_own = replace(SHIPPED, likes={}, count=20, segments=(Segment("all", deviation=8.0),))
    world = make_world(each_their_own, PERSONAS, rounds=3_000, seed=0)
    trace = play(world, parse_contestant("uniform").make(PERSONAS, world.dim, 1))
    policies = {
        label: partial(parse_contestant(label).make, PERSONAS, world.dim, 1) for label in ("personal", "linucb")
    }
    knowing, plain = judge(world, trace, "uniform", policies, ("ips",)).judged
    assert knowing.truth > plain.truth + 0.02
