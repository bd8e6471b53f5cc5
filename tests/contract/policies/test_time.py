"""A half-life is counted from the time of the decision, whenever its reward arrives."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given

from adapters.policies.forgetting import DAY_MS
from tests.contract.policies.cases import CASES, Case, every_policy
from tests.contract.policies.strategies import FIRST_MS, Event, Vector, contexts, fold, law, logs, scores

X = np.array([1.0, -0.5, 0.25])
forgetting = pytest.mark.parametrize("case", [c for c in CASES if c.forgets and not c.detects], ids=str)


@forgetting
@law
@given(old=logs, new=logs, x=contexts)
def test_what_is_many_half_lives_old_is_forgotten(case: Case, old: list[Event], new: list[Event], x: Vector) -> None:
    if not new:
        return
    later = [replace(event, at_ms=(event.at_ms or 0.0) + 1_000.0 * DAY_MS) for event in new]

    assert scores(fold(case.make(), old + later), x) == pytest.approx(scores(fold(case.make(), later), x), abs=1e-9)


@forgetting
@law
@given(log=logs, x=contexts)
def test_only_ages_count_not_dates(case: Case, log: list[Event], x: Vector) -> None:
    """A shift by whole steps of the landmark (2 days / 64) changes nothing."""
    shifted = [replace(event, at_ms=(event.at_ms or 0.0) + 640 * DAY_MS / 32) for event in log]

    assert scores(fold(case.make(), shifted), x) == pytest.approx(scores(fold(case.make(), log), x), abs=1e-6)


@forgetting
def test_after_a_half_life_new_rewards_outweigh_old_ones_by_two(case: Case) -> None:
    """As two new events for each old one do without forgetting."""
    old = [Event("warm", X, 0.1, at_ms=FIRST_MS, propensity=0.5)] * 200
    new = [Event("warm", X, 0.7, at_ms=FIRST_MS + 2.0 * DAY_MS, propensity=0.5)] * 200
    timeless = replace(case, parameters={**case.parameters, "half_life_days": None})
    double = [replace(event, at_ms=None) for event in old[:100] + new]

    expected = fold(timeless.make(), double).explain(X)[0].exploit
    assert fold(case.make(), old + new).explain(X)[0].exploit == pytest.approx(expected, abs=0.005)


@every_policy
def test_time_is_nothing_to_who_does_not_forget(case: Case) -> None:
    if case.forgets:
        return
    log = [Event("warm", X, 0.5, at_ms=FIRST_MS), Event("concise", X, 0.5, at_ms=FIRST_MS + 1_000.0 * DAY_MS)]

    timeless = [replace(event, at_ms=None) for event in log]
    assert fold(case.make(), log).state() == fold(case.make(), timeless).state()
