"""Worlds of people with tastes of their own, for judging how a policy adapts to each: ``python -m loadtest.tastes``.

Users come one after another, some at a time, write some turns each and leave. What an arm is worth depends on the
context for all alike, and by a taste on the segment and the user; tastes follow the arms' traits, or each arm's own
coin, or there are none. A policy that knows people is compared with the same policy for all, in the same world with
the same draws.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adapters.policies import Policy, make_policy
from loadtest.measure import print_table

FIRST_TURNS = 5
SEEDS = 20
TASTE = 0.05  # the policy's own default
CONFIDENCE_Z = 1.959963984540054  # of a normal's middle 95 %

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Crowd:
    """Who comes. ``user_taste`` and ``segment_taste``: standard deviations of the effects on an arm's worth, which is
    0.5 on average and 0.1 around that by the context. ``by_traits`` in [0, 1]: the part of a taste's variance that
    follows from the arms' traits."""

    name: str
    user_taste: float = 0.1
    segment_taste: float = 0.05
    by_traits: float = 0.5
    users: int = 150
    turns: int = 20
    at_a_time: int = 15
    segments: int = 3
    arms: int = 8
    traits: int = 5
    dim: int = 16
    noise: float = 0.2


CROWDS = (
    Crowd("tastes that follow traits by half"),
    Crowd("tastes that follow traits alone", by_traits=1.0),
    Crowd("an own taste for each arm", by_traits=0.0),
    Crowd("tastes of segments only", user_taste=0.0, segment_taste=0.1),
    Crowd("weak tastes", user_taste=0.04, segment_taste=0.0),
    Crowd("no tastes", user_taste=0.0, segment_taste=0.0),
)


@dataclass(frozen=True, slots=True)
class TasteWorld:
    """Per round: ``contexts`` (rounds, dim), ``users`` (indices), ``turns`` (how many that user had before); ``worth``
    and ``pays`` (rounds, arms); ``segment_of`` (users,); ``traits`` (arms, traits) in [0, 1]."""

    contexts: Matrix
    users: NDArray[np.int64]
    turns: NDArray[np.int64]
    worth: Matrix
    pays: Matrix
    segment_of: NDArray[np.int64]
    traits: Matrix


def taste_world(crowd: Crowd, seed: int) -> TasteWorld:
    """The world of one seed."""
    rng = np.random.default_rng(1000 + seed)
    traits = rng.random((crowd.arms, crowd.traits))
    users, turns = _arrivals(crowd, rng)
    contexts = rng.normal(size=(len(users), crowd.dim)) / np.sqrt(crowd.dim)
    contexts[:, 0] = 1.0
    theta = 0.1 * rng.normal(size=(crowd.arms, crowd.dim))
    theta[:, 0] += 0.5
    segment_of = rng.integers(crowd.segments, size=crowd.users)
    of_segments = crowd.segment_taste * _tastes(crowd, traits, crowd.segments, rng)
    effects = crowd.user_taste * _tastes(crowd, traits, crowd.users, rng) + of_segments[segment_of]
    worth = np.clip(contexts @ theta.T + effects[users], 0.0, 1.0)
    pays = np.clip(worth + crowd.noise * rng.normal(size=worth.shape), 0.0, 1.0)
    return TasteWorld(contexts, users, turns, worth, pays, segment_of, traits)


def _arrivals(crowd: Crowd, rng: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    present, following = list(range(crowd.at_a_time)), crowd.at_a_time
    had, rounds = [0] * crowd.users, []
    while present:
        place = int(rng.integers(len(present)))
        user = present[place]
        rounds.append((user, had[user]))
        had[user] += 1
        if had[user] == crowd.turns:
            if following < crowd.users:
                present[place], following = following, following + 1
            else:
                del present[place]
    users, turns = np.array(rounds).T
    return users, turns


def _tastes(crowd: Crowd, traits: Matrix, people: int, rng: np.random.Generator) -> Matrix:
    """Effects (people, arms) with a standard deviation of 1 on each arm."""
    directions = 2.0 * traits - 1.0
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    likings = rng.normal(size=(people, crowd.traits)) @ directions.T
    own = rng.normal(size=(people, crowd.arms))
    return np.asarray(np.sqrt(crowd.by_traits) * likings + np.sqrt(1.0 - crowd.by_traits) * own)


def regrets(world: TasteWorld, policy: Policy, *, personal: bool) -> Vector:
    """Per round the best arm's worth less that of the policy's choice; with ``personal`` it is told whom it is for."""
    left: Vector = world.worth.max(axis=1)
    for i, x in enumerate(world.contexts):
        user = int(world.users[i])
        name = str(user) if personal else None
        segment = f"s{world.segment_of[user]}" if personal else None
        arm = policy.choose(x, user=name, segment=segment).arm
        left[i] -= world.worth[i, int(arm)]
        policy.learn(arm, x, float(world.pays[i, int(arm)]), user=name, segment=segment)
    return left


@dataclass(frozen=True, slots=True)
class Ratio:
    """Mean regret of the personal policy by that of the population's, with its 95 % interval over worlds."""

    ratio: float
    low: float
    high: float


def ratio_of(own: Sequence[float], common: Sequence[float]) -> Ratio:
    """The ratio of the sums of pairs, by the delta method."""
    x, y = np.array(own), np.array(common)
    ratio = float(x.sum() / y.sum())
    half = CONFIDENCE_Z * float(np.std(x - ratio * y, ddof=1)) / np.sqrt(len(x)) / float(y.mean())
    return Ratio(ratio, ratio - half, ratio + half)


def compared(crowd: Crowd, seeds: Sequence[int], **parameters: object) -> dict[str, Ratio]:
    """Regret of ``personal`` by that of LinUCB: in the ``first`` five turns of every user, and ``later``."""
    sums: dict[str, tuple[list[float], list[float]]] = {"first": ([], []), "later": ([], [])}
    for seed in seeds:
        world = taste_world(crowd, seed)
        arms, dim = [str(k) for k in range(crowd.arms)], crowd.dim
        traits = {arm: tuple(row) for arm, row in zip(arms, world.traits.tolist(), strict=True)}
        knowing = make_policy("personal", arms, dim, seed, traits=traits, **parameters)
        policies = ((knowing, True), (make_policy("linucb", arms, dim, seed), False))
        for place, (policy, personal) in enumerate(policies):
            left = regrets(world, policy, personal=personal)
            sums["first"][place].append(float(left[world.turns < FIRST_TURNS].sum()))
            sums["later"][place].append(float(left[world.turns >= FIRST_TURNS].sum()))
    return {when: ratio_of(*pair) for when, pair in sums.items()}


def main(arguments: Sequence[str] | None = None) -> None:
    """Compare in every crowd."""
    parser = argparse.ArgumentParser(prog="python -m loadtest.tastes", description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=SEEDS, help="worlds of each kind (default %(default)s)")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON instead of a table")
    parser.add_argument("--crowd", choices=[crowd.name for crowd in CROWDS], help="only this one")
    parser.add_argument("--taste", type=float, default=TASTE, help="personal's first guess (default %(default)s)")
    options = parser.parse_args(arguments)
    found: dict[str, Any] = {
        crowd.name: compared(crowd, range(options.seeds), taste=options.taste)
        for crowd in CROWDS
        if options.crowd in {None, crowd.name}
    }
    if options.json:
        print(json.dumps(found, indent=2, default=lambda ratio: [ratio.ratio, ratio.low, ratio.high]))
        return
    rows = [
        (name, *(f"{of[when].ratio:.3f} ({of[when].low:.3f} to {of[when].high:.3f})" for when in ("first", "later")))
        for name, of in found.items()
    ]
    headings = ("", f"first {FIRST_TURNS} turns", "later turns")
    print_table("regret of personal by LinUCB's (95 % interval)", headings, rows, texts=3)


if __name__ == "__main__":
    main()
