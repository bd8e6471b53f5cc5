"""How fast the policies are, and how much they earn: ``python -m loadtest.bench_policies [--json] [--peers [PYTHON]]``.

LinUCB as shipped, beside the textbook's that solves a linear system per arm and decision, and LinTS; all in one run, in
turns, so that whatever else the machine does hits all. Beside the speed stand the worlds of ``loadtest.worlds``:
sklearn's digits as a bandit, and linear arms. Parameters were chosen on seeds 10 to 13, the figures are of 0 to 2.
``--peers`` adds Vowpal Wabbit, MABWiser and contextualbandits (``loadtest/peers/bandits.py``), some minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from adapters.policies import Policy, make_policy
from loadtest.measure import print_table
from loadtest.peers import install
from loadtest.worlds import ROUNDS, World, digits_world, linear_world, play

ROOT = Path(__file__).parents[1]
ARMS = 8
DIM = 32
SEEDS = (0, 1, 2)
FLOOR = 0.002
TIMED_BLOCKS = 10
CALLS_PER_BLOCK = 500
PEERS_WITHIN_S = 3_600

Vector = NDArray[np.float64]


class Learner(Protocol):
    def choose(self, x: Vector) -> object: ...

    def learn(self, arm: str, x: Vector, reward: float) -> None: ...


class SolvePerDecision:
    """LinUCB as in the paper's listing: two solves per arm and choice, nothing kept."""

    def __init__(self, arms: Sequence[str], dim: int, alpha: float = 0.25) -> None:
        self.arms = tuple(arms)
        self.alpha = alpha
        self.a = {arm: np.eye(dim) for arm in arms}
        self.b = {arm: np.zeros(dim) for arm in arms}

    def choose(self, x: Vector) -> str:
        """The arm with the highest upper confidence bound."""

        def score(arm: str) -> float:
            theta = np.linalg.solve(self.a[arm], self.b[arm])
            return float(theta @ x + self.alpha * np.sqrt(x @ np.linalg.solve(self.a[arm], x)))

        return max(self.arms, key=score)

    def learn(self, arm: str, x: Vector, reward: float) -> None:
        """One observation."""
        self.a[arm] += np.outer(x, x)
        self.b[arm] += reward * x


class Playing:
    """A policy as a world's player."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy

    def choose(self, x: Vector) -> str:
        """The arm that the policy draws."""
        return self._policy.choose(x).arm

    def learn(self, arm: str, x: Vector, reward: float) -> None:
        """What the policy learns."""
        self._policy.learn(arm, x, reward)


def digits_value(make: Callable[[tuple[str, ...], int, int], Policy], seed: int, rounds: int = ROUNDS) -> float:
    """Mean reward over ``rounds`` digits drawn with replacement. ``make(arms, dim, seed)`` gives the policy."""
    world = digits_world(seed, rounds)
    return float(play(world, Playing(make(world.arms, world.dim, seed))).rewards.mean())


def regret(world: World, name: str, *, seed: int = 0, late: int = 0, since: int = 0, **parameters: object) -> float:
    """What a policy lost against the best arms, from round ``since`` on."""
    player = Playing(make_policy(name, world.arms, world.dim, seed, **parameters))
    return float(play(world, player, late=late).regrets[since:].sum())


def _timed(call: Callable[[int], object], calls: range) -> list[int]:
    taken_ns = []
    for i in calls:
        start = time.perf_counter_ns()
        call(i)
        taken_ns.append(time.perf_counter_ns() - start)
    return taken_ns


def speed() -> dict[str, Any]:
    """Microseconds per choice and update, and how many times LinUCB is faster than with a solve per decision."""
    arms = tuple(f"arm{k}" for k in range(ARMS))
    rng = np.random.default_rng(0)
    contexts = rng.uniform(-1.0, 1.0, size=(TIMED_BLOCKS * CALLS_PER_BLOCK, DIM))
    rewards = rng.random(len(contexts)).tolist()
    learners: dict[str, Learner] = {
        "linucb": make_policy("linucb", arms=arms, dim=DIM, seed=0),
        "lints": make_policy("lints", arms=arms, dim=DIM, seed=0),
        "solve_per_decision": SolvePerDecision(arms, DIM),
    }
    taken_ns: dict[str, dict[str, list[int]]] = {verb: {name: [] for name in learners} for verb in ("choose", "learn")}
    for block in range(TIMED_BLOCKS):
        calls = range(block * CALLS_PER_BLOCK, (block + 1) * CALLS_PER_BLOCK)
        for name, learner in learners.items():
            taken_ns["learn"][name] += _timed(_learning(learner, arms, contexts, rewards), calls)
            taken_ns["choose"][name] += _timed(_choosing(learner, contexts), calls)
    return {f"{verb}_us": _compared(of_verb) for verb, of_verb in taken_ns.items()}


def _learning(
    learner: Learner, arms: Sequence[str], contexts: NDArray[np.float64], rewards: list[float]
) -> Callable[[int], object]:
    return lambda i: learner.learn(arms[i % len(arms)], contexts[i], rewards[i])


def _choosing(learner: Learner, contexts: NDArray[np.float64]) -> Callable[[int], object]:
    return lambda i: learner.choose(contexts[i])


def _compared(taken_ns: dict[str, list[int]]) -> dict[str, Any]:
    # The first block also pays for warming up caches and lazy imports.
    quantiles = {
        name: np.percentile(taken[CALLS_PER_BLOCK:], (10, 50, 95)) / 1_000.0 for name, taken in taken_ns.items()
    }
    figures: dict[str, Any] = {
        name: {"p10": round(float(p10), 2), "p50": round(float(p50), 2), "p95": round(float(p95), 2)}
        for name, (p10, p50, p95) in quantiles.items()
    }
    figures["times_faster_p50"] = round(float(quantiles["solve_per_decision"][1] / quantiles["linucb"][1]), 1)
    return figures


LINEAR: dict[str, Any] = {"alpha": 0.3, "ridge": 0.1, "reward_low": -10.0, "reward_high": 10.0}


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: a world, a policy, and the target of its mean over the seeds (a value or a regret)."""

    what: str
    kind: str
    target: float
    policy: str
    parameters: dict[str, Any] = field(default_factory=dict)
    changes: bool = False
    late: int = 0

    def figure(self, seed: int) -> float:
        """Of one seed."""
        if self.kind == "value":
            return digits_value(lambda *made: make_policy(self.policy, *made, **self.parameters), seed)
        is_digits = self.late > 0
        world = digits_world(seed) if is_digits else linear_world(seed, changes=self.changes)
        since = ROUNDS // 2 if self.changes else 0
        return regret(world, self.policy, seed=seed, late=self.late, since=since, **self.parameters)

    def is_met(self, figure: float) -> bool:
        """Values are to be high, regrets low."""
        return figure >= self.target if self.kind == "value" else figure <= self.target


ROWS = (
    Row(f"digits, floor {FLOOR}", "value", 0.94, "linucb", {"alpha": 0.35, "settle": 500.0, "floor": FLOOR}),
    Row("digits, no floor", "value", 0.955, "linucb", {"alpha": 0.2, "floor": 0.0}),
    Row(f"linear, floor {FLOOR}", "regret", 480.0, "linucb", LINEAR | {"floor": FLOOR}),
    Row("linear, no floor", "regret", 300.0, "linucb", LINEAR | {"floor": 0.0}),
    Row(
        f"linear, θ rolled half-way, detector, floor {FLOOR}: second half", "regret", 1_900.0, "linucb",
        LINEAR | {"floor": FLOOR, "detect_changes": True}, changes=True,
    ),
    Row(
        f"linear, the world stands still, detector, floor {FLOOR}", "regret", 550.0, "linucb",
        LINEAR | {"floor": FLOOR, "detect_changes": True},
    ),
    Row("digits, rewards 100 rounds late, no floor", "regret", 850.0, "lints", {"alpha": 0.1, "floor": 0.0}, late=100),
    Row("digits, rewards 100 rounds late, no floor", "regret", 850.0, "linucb", {"alpha": 0.2, "floor": 0.0}, late=100),
)  # fmt: skip


def worlds() -> list[dict[str, Any]]:
    """The table, a line per row."""
    lines = []
    for row in ROWS:
        figures = [row.figure(seed) for seed in SEEDS]
        mean = float(np.mean(figures))
        lines.append(
            {
                "what": row.what,
                "kind": row.kind,
                "policy": row.policy,
                "parameters": row.parameters,
                "target": row.target,
                "seeds": figures,
                "mean": mean,
                "met": row.is_met(mean),
                "met_by_each_seed": all(map(row.is_met, figures)),
            }
        )
    return lines


def baseline() -> list[float]:
    """Mean reward on digits of choosing at random, per seed."""
    return [digits_value(lambda *made: make_policy("uniform", *made), seed) for seed in SEEDS]


def peers(interpreter: str, rounds: int = ROUNDS) -> dict[str, Any]:
    """The figures of ``loadtest/peers/bandits.py``. ``interpreter``: one that has the libraries, "" to install them.
    Raises ``PeerError``."""
    python = interpreter or str(install.bandits())
    command = [python, "-W", "ignore", str(ROOT / "loadtest" / "peers" / "bandits.py"), str(rounds)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False, timeout=PEERS_WITHIN_S
        )
    except (OSError, subprocess.TimeoutExpired) as failed:
        raise install.PeerError(f"The bandit libraries are left out: {failed}.") from failed
    if done.returncode:
        raise install.PeerError(f"The bandit libraries are left out: {done.stderr.strip()[-500:]}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def report() -> dict[str, Any]:
    """All figures but the peers', and what they were taken on."""
    machine = {"python": platform.python_version(), "numpy": np.__version__, "machine": platform.machine()}
    figures = {"arms": ARMS, "dim": DIM, "rounds": ROUNDS, "seeds": list(SEEDS), **speed()}
    return {**figures, "worlds": worlds(), "digits_at_random": baseline(), "taken_on": machine}


def show(figures: dict[str, Any]) -> None:
    """Print what ``report`` gave as tables."""
    rows = []
    for verb in ("choose", "learn"):
        row = figures[f"{verb}_us"]
        cells = [
            row[name][quantile]
            for name in ("linucb", "lints", "solve_per_decision")
            for quantile in ("p10", "p50", "p95")
        ]
        rows.append((verb, *cells, row["times_faster_p50"]))
    headings = (
        "µs a call",
        "LinUCB p10",
        "p50",
        "p95",
        "LinTS p10",
        "p50",
        "p95",
        "a solve per decision p10",
        "p50",
        "p95",
        "LinUCB faster",
    )
    print_table(f"policies: {ARMS} arms x {DIM} features", headings, rows)
    of_worlds = [
        (line["what"], line["policy"], "met" if line["met"] else "missed", _figure(line["target"]),
         *(_figure(value) for value in (*line["seeds"], line["mean"])))
        for line in figures["worlds"]
    ]  # fmt: skip
    seeds = [f"seed {seed}" for seed in SEEDS]
    print_table(f"{ROUNDS:,} rounds", ("world", "policy", "", "target", *seeds, "mean"), of_worlds, texts=3)
    if "peers" in figures:
        show_peers(figures["peers"])


def show_peers(figures: dict[str, Any]) -> None:
    """Print what ``peers`` gave."""
    players, own = figures["players"], figures["players"][figures["ours"]]

    def times_ours(of: dict[str, Any], which: str) -> float:
        spent, ours = (one[f"choose_us{which}"] + one[f"learn_us{which}"] for one in (of, own))
        return round(float(spent / ours), 1)

    rows = [
        (name, of["choose_us"], of["learn_us"], times_ours(of, ""), times_ours(of, "_fastest_tenth"),
         *(_figure(value) for value in (*of["digits"], float(np.mean(of["digits"])))))
        for name, of in players.items() if "error" not in of
    ]  # fmt: skip
    seeds = [f"seed {seed}" for seed in SEEDS]
    headings = ("", "choose µs", "learn µs", "times our time", "fastest tenth", *seeds, "mean")
    print_table(f"side by side: time a call, and value on {figures['rounds']:,} digits", headings, rows)
    for name, of in players.items():
        if "error" in of:
            print(f"{name}: {of['error']}")


def _figure(value: float) -> str:
    return f"{value:.4f}" if abs(value) < 1.0 else f"{value:,.0f}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark and print its figures."""
    parser = argparse.ArgumentParser(prog="python -m loadtest.bench_policies", description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print the figures as JSON instead of tables")
    parser.add_argument(
        "--peers", nargs="?", const="", metavar="PYTHON",
        help="compare with the bandit libraries: installed into .cache/peers, or those of this interpreter",
    )  # fmt: skip
    options = parser.parse_args(arguments)
    with Console(stderr=True).status("Some seconds of timing and three seeds of every world …"):
        figures = report()
        if options.peers is not None:
            try:
                figures["peers"] = peers(options.peers)
            except install.PeerError as error:
                parser.exit(1, f"{error}\n")
    if options.json:
        print(json.dumps(figures, indent=2))
    else:
        show(figures)


if __name__ == "__main__":
    main()
