"""Our policies beside Vowpal Wabbit, MABWiser and contextualbandits: ``loadtest.bench_policies --peers`` runs this file
with an interpreter that has them, and reads the JSON that it prints. Of Parlance only ``adapters`` is needed.
"""

from __future__ import annotations

import importlib
import json
import random
import sys
import time
from bisect import bisect_right
from collections.abc import Callable
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adapters.policies import make_policy
from loadtest.worlds import Player, World, digits_world, linear_world, play

SEEDS = (0, 1, 2)
BLOCKS = 12
CALLS_PER_BLOCK = 150

Vector = NDArray[np.float64]
Make = Callable[[World, int], Player]


class Ours:
    def __init__(self, name: str, world: World, seed: int, **parameters: object) -> None:
        self._policy = make_policy(name, world.arms, world.dim, seed, **parameters)

    def choose(self, x: Vector) -> str:
        """See ``Player``."""
        return self._policy.choose(x).arm

    def learn(self, arm: str, x: Vector, reward: float) -> None:
        """See ``Player``."""
        self._policy.learn(arm, x, reward)


class VowpalWabbit:
    """In its own text format. The text is made of the vector at the choice, as whoever has a vector must, and kept for
    the reward; ``beforehand``: all texts are made before the clock runs, for whoever has texts anyway."""

    def __init__(self, arguments: str, world: World, seed: int, *, beforehand: bool = False) -> None:
        workspace = importlib.import_module("vowpalwabbit").Workspace
        arms = len(world.arms)
        self._is_adf = "_adf" in arguments
        explore = arguments if self._is_adf else arguments.replace("--cb_explore", f"--cb_explore {arms}")
        self._vw: Any = workspace(f"{explore} --quiet --random_seed {seed}")
        self._draw = random.Random(seed).random
        self._form = " ".join(f"{i}:%.6g" for i in range(world.dim))
        self._texts = {x.tobytes(): self._text(x) for x in world.contexts} if beforehand else {}
        self._actions = [f"|a arm={arm}" for arm in world.arms]
        self._pending: dict[tuple[str, bytes], tuple[float, str]] = {}

    def _text(self, x: Vector) -> str:
        return self._form % tuple(x.tolist())

    def choose(self, x: Vector) -> str:
        """See ``Player``."""
        key = x.tobytes()
        text = self._texts.get(key) or self._text(x)
        chances = self._vw.predict([f"shared |s {text}", *self._actions] if self._is_adf else f"| {text}")
        sums = list(accumulate(chances))
        arm = min(bisect_right(sums, self._draw() * sums[-1]), len(chances) - 1)
        self._pending[str(arm), key] = max(chances[arm], 1e-3), text
        return str(arm)

    def learn(self, arm: str, x: Vector, reward: float) -> None:
        """See ``Player``."""
        chance, text = self._pending.get((arm, x.tobytes())) or (1.0, self._text(x))
        label = f"{-reward:.6g}:{chance:.6g}"
        if self._is_adf:
            actions = list(self._actions)
            actions[int(arm)] = f"0:{label} {actions[int(arm)]}"
            self._vw.learn([f"shared |s {text}", *actions])
        else:
            self._vw.learn(f"{int(arm) + 1}:{label} | {text}")


class MABWiser:
    def __init__(self, name: str, world: World, seed: int, **parameters: object) -> None:
        mab = importlib.import_module("mabwiser.mab")
        arms = list(world.arms)
        self._mab: Any = mab.MAB(arms, getattr(mab.LearningPolicy, name)(**parameters), seed=seed)
        self._mab.fit(arms, [0.0] * len(arms), np.zeros((len(arms), world.dim)))  # it wants a fit; this says nothing

    def choose(self, x: Vector) -> str:
        """See ``Player``."""
        return str(self._mab.predict(x[None]))

    def learn(self, arm: str, x: Vector, reward: float) -> None:
        """See ``Player``."""
        self._mab.partial_fit([arm], [reward], x[None])


class ContextualBandits:
    def __init__(self, name: str, world: World, seed: int, **parameters: object) -> None:
        online = importlib.import_module("contextualbandits.online")
        self._model: Any = getattr(online, name)(
            len(world.arms), random_state=1 + seed, fit_intercept=False, **parameters
        )
        self._is_fresh = True
        self._draw = np.random.default_rng(seed)
        self._arms = world.arms

    def choose(self, x: Vector) -> str:
        """See ``Player``."""
        if self._is_fresh:  # it can't choose before it was shown something
            return str(self._draw.choice(self._arms))
        return str(int(self._model.predict(x[None])[0]))

    def learn(self, arm: str, x: Vector, reward: float) -> None:
        """See ``Player``."""
        self._model.partial_fit(x[None], np.array([int(arm)]), np.array([reward]))
        self._is_fresh = False


def _ours(name: str, **parameters: object) -> Make:
    return lambda world, seed: Ours(name, world, seed, **parameters)


def _vw(arguments: str, **parameters: bool) -> Make:
    return lambda world, seed: VowpalWabbit(arguments, world, seed, **parameters)


def _mab(name: str, **parameters: object) -> Make:
    return lambda world, seed: MABWiser(name, world, seed, **parameters)


def _cb(name: str, **parameters: object) -> Make:
    return lambda world, seed: ContextualBandits(name, world, seed, **parameters)


OURS = "Parlance LinUCB"
# Every library with several of its algorithms, since which is best on digits is not known beforehand.
PLAYERS: dict[str, Make] = {
    OURS: _ours("linucb", alpha=0.25, floor=0.0),
    "Parlance LinTS": _ours("lints", alpha=0.1, floor=0.0),
    "Parlance SquareCB": _ours("squarecb", gamma=1_000.0, floor=0.0),
    "VW epsilon, dm": _vw("--cb_explore --epsilon 0.002 --cb_type dm"),
    "VW epsilon, dm, texts beforehand": _vw("--cb_explore --epsilon 0.002 --cb_type dm", beforehand=True),
    "VW epsilon, dr": _vw("--cb_explore --epsilon 0.002 --cb_type dr"),
    "VW cover 3": _vw("--cb_explore --cover 3"),
    "VW squarecb": _vw("--cb_explore_adf --squarecb -q sa"),
    "VW regcb": _vw("--cb_explore_adf --regcbopt --mellowness 0.01 -q sa"),
    "MABWiser LinUCB": _mab("LinUCB", alpha=0.25),
    "MABWiser LinTS": _mab("LinTS", alpha=0.1),
    "MABWiser LinGreedy": _mab("LinGreedy", epsilon=0.002),
    "contextualbandits LinUCB": _cb("LinUCB", alpha=0.25, use_float=False),
    "contextualbandits LinTS": _cb("LinTS", v_sq=0.01),
}


def times(makes: dict[str, Make]) -> dict[str, dict[str, float]]:
    """Microseconds per choice and update, medians and the fastest tenth's end (what a quiet machine shows), 8 arms × 32
    features; in turns, a block each."""
    world = linear_world(0, rounds=BLOCKS * CALLS_PER_BLOCK)
    pays = np.random.default_rng(0).random(len(world.contexts)).tolist()
    players = {name: make(world, 0) for name, make in makes.items()}
    taken: dict[str, dict[str, list[float]]] = {name: {"choose_us": [], "learn_us": []} for name in players}
    for block in range(BLOCKS):
        for name, player in players.items():
            for i in range(block * CALLS_PER_BLOCK, (block + 1) * CALLS_PER_BLOCK):
                x, reward = world.contexts[i], pays[i]
                started = time.perf_counter()
                arm = player.choose(x)
                chosen = time.perf_counter()
                player.learn(arm, x, reward)
                learned = time.perf_counter()
                if block:  # the first pays for warming up
                    taken[name]["choose_us"].append((chosen - started) * 1e6)
                    taken[name]["learn_us"].append((learned - chosen) * 1e6)
    return {
        name: {
            key: round(float(np.percentile(values, at)), 2)
            for verb, values in verbs.items()
            for key, at in ((verb, 50), (f"{verb}_fastest_tenth", 10))
        }
        for name, verbs in taken.items()
    }


def value(make: Make, seed: int, rounds: int) -> float:
    """Mean reward on digits."""
    world = digits_world(seed, rounds)
    return float(play(world, make(world, seed)).rewards.mean())


def main(rounds: int) -> None:
    """Print the figures as JSON; a player that fails is named with its error."""
    figures: dict[str, dict[str, Any]] = {}
    able: dict[str, Make] = {}
    for name, make in PLAYERS.items():
        try:
            times({name: make})
            able[name] = make
        except Exception as error:  # whatever a library has, the others are compared all the same
            figures[name] = {"error": f"{type(error).__name__}: {error}"[:300]}
    for name, of_player in times(able).items():
        sys.stderr.write(f"{name}\n")
        figures[name] = {**of_player, "digits": [round(value(able[name], seed, rounds), 4) for seed in SEEDS]}
    print(json.dumps({"rounds": rounds, "ours": OURS, "players": figures}))


if __name__ == "__main__":
    main(int(sys.argv[1]))
