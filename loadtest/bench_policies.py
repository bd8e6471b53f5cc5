"""How fast the policy is, and how much it earns: ``python -m loadtest.bench_policies [--json]``.

LinUCB as shipped, beside the textbook's that solves a linear system per arm and decision; both in one run, in turns,
so that whatever else the machine does hits both. Beside the speed stands the value on sklearn's handwritten digits
as a bandit: show a digit, guess it, get 1 when right; the other nine answers stay unknown.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from adapters.policies import Policy, make_policy
from loadtest.measure import print_table

ARMS = 8
DIM = 32
ROUNDS = 10_000
SEEDS = (0, 1, 2)
FLOOR = 0.002
TIMED_BLOCKS = 10
CALLS_PER_BLOCK = 500

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


def digits() -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Contexts (1797, 65), X/16 and a constant 1, and the right arm of each."""
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    return np.hstack([pixels / 16.0, np.ones((len(pixels), 1))]), labels.astype(np.int64)


def digits_value(make: Callable[[tuple[str, ...], int, int], Policy], seed: int, rounds: int = ROUNDS) -> float:
    """Mean reward over ``rounds`` digits drawn with replacement. ``make(arms, dim, seed)`` gives the policy."""
    contexts, labels = digits()
    arms = tuple(str(digit) for digit in range(10))
    policy = make(arms, contexts.shape[1], seed)
    earned = 0.0
    for i in np.random.default_rng(1000 + seed).integers(len(contexts), size=rounds):
        arm = policy.choose(contexts[i]).arm
        reward = float(arm == arms[labels[i]])
        policy.learn(arm, contexts[i], reward)
        earned += reward
    return earned / rounds


def _timed(call: Callable[[int], object], calls: range) -> list[int]:
    taken_ns = []
    for i in calls:
        start = time.perf_counter_ns()
        call(i)
        taken_ns.append(time.perf_counter_ns() - start)
    return taken_ns


def speed() -> dict[str, Any]:
    """Microseconds per choice and update of both, and how many times the shipped one is faster."""
    arms = tuple(f"arm{k}" for k in range(ARMS))
    rng = np.random.default_rng(0)
    contexts = rng.uniform(-1.0, 1.0, size=(TIMED_BLOCKS * CALLS_PER_BLOCK, DIM))
    rewards = rng.random(len(contexts)).tolist()
    learners: dict[str, Learner] = {
        "linucb": make_policy("linucb", arms=arms, dim=DIM, seed=0),
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
    quantiles = {name: np.percentile(taken[CALLS_PER_BLOCK:], (50, 95)) / 1_000.0 for name, taken in taken_ns.items()}
    figures: dict[str, Any] = {
        name: {"p50": round(float(p50), 2), "p95": round(float(p95), 2)} for name, (p50, p95) in quantiles.items()
    }
    figures["times_faster_p50"] = round(float(quantiles["solve_per_decision"][0] / quantiles["linucb"][0]), 1)
    return figures


def value() -> dict[str, Any]:
    """Mean reward on digits per seed: LinUCB with the floor, and choosing at random."""
    linucb = [digits_value(lambda *made: make_policy("linucb", *made, floor=FLOOR), seed) for seed in SEEDS]
    uniform = [digits_value(lambda *made: make_policy("uniform", *made), seed) for seed in SEEDS]
    return {"rounds": ROUNDS, "seeds": list(SEEDS), "floor": FLOOR, "linucb": linucb, "uniform": uniform}


def report() -> dict[str, Any]:
    """All figures, and what they were taken on."""
    machine = {"python": platform.python_version(), "numpy": np.__version__, "machine": platform.machine()}
    return {"arms": ARMS, "dim": DIM, **speed(), "digits": value(), "taken_on": machine}


def show(figures: dict[str, Any]) -> None:
    """Print what ``report`` gave as two tables."""
    rows = []
    for verb in ("choose", "learn"):
        row = figures[f"{verb}_us"]
        own, peer = row["linucb"], row["solve_per_decision"]
        rows.append((verb, own["p50"], own["p95"], peer["p50"], peer["p95"], row["times_faster_p50"]))
    headings = ("µs a call", "LinUCB p50", "p95", "a solve per decision p50", "p95", "times as fast")
    print_table(f"policies: {ARMS} arms x {DIM} features", headings, rows)
    digits = figures["digits"]
    rewards = [(name, *(f"{value:.4f}" for value in digits[name])) for name in ("linucb", "uniform")]
    seeds = ("mean reward", *(f"seed {seed}" for seed in SEEDS))
    print_table(f"digits: {ROUNDS:,} rounds, floor {FLOOR}", seeds, rewards)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark and print its figures."""
    parser = argparse.ArgumentParser(prog="python -m loadtest.bench_policies", description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print the figures as JSON instead of tables")
    options = parser.parse_args(arguments)
    if options.json:
        print(json.dumps(report(), indent=2))
        return
    with Console(stderr=True).status("About 10 seconds of timing and three seeds of digits …"):
        figures = report()
    show(figures)


if __name__ == "__main__":
    main()
