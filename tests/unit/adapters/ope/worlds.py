"""Logs whose truth is known, as the estimators take them."""

from __future__ import annotations

from typing import Any

from adapters.ope import Log
from loadtest.ope_worlds import LoggedWorld, logged_world


def log_of(world: LoggedWorld) -> Log:
    return Log.of(world.arms, world.contexts, world.actions, world.rewards, world.probabilities)


def made(seed: int = 0, rows: int = 1_000, **recipe: Any) -> tuple[LoggedWorld, Log]:
    world = logged_world(seed, rows, **recipe)
    return world, log_of(world)
