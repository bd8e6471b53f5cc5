"""Customers in the real pipeline: what is learned, what is not, and that nothing else is touched."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from adapters.features import FEATURE_NAMES
from adapters.policies import Policy
from adapters.simulation import Customers, Delay, Segment, Trace, parse_contestant
from server.contents import Contents, read_contents
from server.settings import Settings
from server.simulation.house import simulated
from server.simulation.season import Stage, play_live
from tests.unit.simulation.strategies import PERSONAS, SHIPPED

Live = Callable[..., "Run"]


class Run:
    """A run among ``customers``; ``trace`` when it has been played."""

    def __init__(self, contents: Contents, folder: Path, customers: Customers, label: str) -> None:
        contestant = parse_contestant(label)
        self.policy: Policy = contestant.make(PERSONAS, len(FEATURE_NAMES), 1, is_warm=False)
        self._name = contestant.policy
        self._stage = Stage(Settings(data_dir=folder / "data"), contents, customers, SHIPPED.says, folder)

    async def play(self, rounds: int, seed: int = 0) -> Trace:
        return await play_live(self._stage, self.policy, self._name, rounds=rounds, seed=seed)


@pytest.fixture(scope="module")
def contents() -> Contents:
    return read_contents(Settings())


@pytest.fixture
def live(contents: Contents, tmp_path: Path) -> Live:
    return lambda customers, label="linucb": Run(contents, tmp_path, customers, label)


class TestRuns:
    async def test_every_turn_is_decided_answered_and_learned_of(self, live: Live) -> None:
        run = live(Customers((Segment("all"),), noise=0.2))
        told = await run.play(30)
        assert len(told) == 30
        assert told.probabilities.sum(axis=1) == pytest.approx(np.ones(30))
        assert run.policy.version >= np.isfinite(told.rewards).sum() > 20

    async def test_whom_they_like_is_rewarded(self, live: Live) -> None:
        likes = {"always": {"empathy": 3.0}}
        customers = Customers((Segment("all", likes=likes),), noise=0.1)
        suits, jars = [
            float(np.nanmean((await live(customers, f"fixed:arm={arm}").play(40)).rewards))
            for arm in ("warm", "concise")
        ]
        assert suits > jars + 0.15

    async def test_the_silent_are_only_known_by_their_silence(self, live: Live) -> None:
        likes = {"always": {"empathy": 3.0, "humor": -3.0}}
        run = live(Customers((Segment("all", silent=1.0, moods={"glad": 1.0}, likes=likes),)), "uniform")
        told = await run.play(12)
        assert len(set(told.chosen)) > 1
        assert told.rewards == pytest.approx(np.full(12, told.rewards[0]))  # whatever they would have liked

    async def test_late_thumbs_come_in_the_end(self, live: Live) -> None:
        soon = Customers((Segment("all"),), noise=1.0)
        late = replace(soon, segments=(Segment("all", delay=Delay(share=1.0, hours=1_000.0)),))
        first, second = [await live(customers, "fixed").play(30) for customers in (soon, late)]
        assert np.array_equal(first.worth, second.worth)
        assert first.rewards == pytest.approx(second.rewards)

    async def test_the_same_seed_is_the_same_run(self, live: Live, contents: Contents, tmp_path: Path) -> None:
        (tmp_path / "again").mkdir()
        first = await live(SHIPPED).play(20, seed=3)
        second = await Run(contents, tmp_path / "again", SHIPPED, "linucb").play(20, seed=3)
        assert first.chosen.tobytes() == second.chosen.tobytes()
        assert np.array_equal(first.rewards, second.rewards, equal_nan=True)


def test_nothing_of_the_real_server_is_used(tmp_path: Path) -> None:
    real = Settings(
        data_dir=tmp_path / "real",
        database_url="postgresql://me@db/real",
        redis_url="redis://real:6379/0",
        policy_parameters={"alpha": 1.0},
    )
    own = simulated(real, tmp_path / "own", "ucb1")
    assert own.effective_database_url == f"sqlite:///{tmp_path / 'own' / 'parlance.db'}"
    assert (own.redis_url, own.policy, own.workers, own.limits) == ("", "ucb1", 1, "off")
    assert own.models_path == real.models_path
