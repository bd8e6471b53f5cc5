"""Off-policy evaluation: how often intervals hold, how wide they are, and how fast:
``python -m loadtest.bench_ope [--json] [--peers [PYTHON]]``.

Coverage is of 95 % intervals on logs whose truth is known (``loadtest.ope_worlds``), beside the percentile bootstrap
that other libraries draw around their estimates. ``--peers`` adds the Open Bandit Pipeline's times.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from adapters.ope import ESTIMATOR_NAMES, Log, Question, estimator_named, evaluate
from adapters.ope.diagnostics import diagnose
from adapters.ope.reward_model import Expected, cross_fitted
from adapters.ope.terms import bounds_of_value
from loadtest.measure import print_table
from loadtest.ope_worlds import LoggedWorld, logged_world
from loadtest.peers import install

ROOT = Path(__file__).parents[1]
ALPHA = 0.05
LOGS = 1_000
RESAMPLES = 200
SPEED_ROWS = 100_000
PEERS_WITHIN_S = 900

Interval = tuple[float, float]
Doubles = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Setting:
    """A kind of log."""

    name: str
    rows: int
    floor: float
    adaptive: bool = False

    def world(self, seed: int) -> LoggedWorld:
        """One such log."""
        return logged_world(seed, self.rows, arms=3, dim=2, floor=self.floor, adaptive=self.adaptive)


SETTINGS = (
    Setting("200 rows, floor .05", 200, 0.05),
    Setting("1,000 rows, floor .05", 1_000, 0.05),
    Setting("1,000 rows, floor .01", 1_000, 0.01),
    Setting("500 rows, floor .05, the log learns", 500, 0.05, adaptive=True),
)


def log_of(world: LoggedWorld) -> Log:
    """As the estimators take it."""
    return Log.of(world.arms, world.contexts, world.actions, world.rewards, world.probabilities)


def bootstrap(log: Log, world: LoggedWorld, expected: Expected, name: str, rng: np.random.Generator) -> Interval:
    """The percentile interval of an estimate, from rows drawn with replacement."""
    estimator = estimator_named(name)
    found = []
    for _ in range(RESAMPLES):
        rows = rng.integers(log.rows, size=log.rows)
        found.append(estimator.value(log.taking(rows), world.target[rows], expected.of_others[rows]))
    low, high = np.quantile(found, (ALPHA / 2.0, 1.0 - ALPHA / 2.0))
    return float(low), float(high)


def coverage(setting: Setting, logs: int, resampled: int) -> dict[str, dict[str, float]]:
    """By estimator: share of ``logs`` whose interval holds the target's value, its mean width, the estimate's root mean
    square error; the same of the bootstrap on the first ``resampled`` of them."""
    rng = np.random.default_rng(0)
    rows: dict[str, list[tuple[bool, float, float]]] = {name: [] for name in ESTIMATOR_NAMES}
    drawn: dict[str, list[bool]] = {name: [] for name in ESTIMATOR_NAMES}
    for seed in range(logs):
        world = setting.world(seed)
        log = log_of(world)
        expected = cross_fitted(log)
        for name in ESTIMATOR_NAMES:
            estimator = estimator_named(name)
            control = estimator.control(log, world.target, expected.of_earlier)
            low, high = bounds_of_value(log, world.target, control, ALPHA).interval
            error = estimator.value(log, world.target, expected.of_others) - world.value
            rows[name].append((low <= world.value <= high, high - low, error**2))
            if seed < resampled:
                below, above = bootstrap(log, world, expected, name, rng)
                drawn[name].append(below <= world.value <= above)
    return {
        name: {
            "coverage": float(np.mean([held for held, _, _ in of_name])),
            "width": float(np.mean([width for _, width, _ in of_name])),
            "rmse": float(np.sqrt(np.mean([squared for _, _, squared in of_name]))),
            "bootstrap_coverage": float(np.mean(drawn[name])),
        }
        for name, of_name in rows.items()
    }


def speed(rows: int = SPEED_ROWS) -> dict[str, float]:
    """Processor seconds on a log of 8 arms × 32 features: the five estimates alone, given expected rewards, and per
    estimator the whole judgement (model, estimate, all bounds, diagnostics)."""
    world = logged_world(0, rows, arms=8, dim=32, floor=0.01)
    log = log_of(world)
    estimators = [estimator_named(name) for name in ESTIMATOR_NAMES]
    found = {"estimates": _seconds(lambda: [each.value(log, world.target, world.bent) for each in estimators])}
    for each in estimators:
        found[each.name] = _seconds(lambda each=each: evaluate(log, world.target, Question(each)))  # type: ignore[misc]
    found["reward model"] = _seconds(lambda: cross_fitted(log))
    found["diagnostics"] = _seconds(lambda: diagnose(log, world.target))
    return found


def _seconds(work: Callable[[], object]) -> float:
    taken = []
    for _ in range(2):
        started = time.process_time()  # whatever else the machine does
        work()
        taken.append(time.process_time() - started)
    return min(taken)


def peers(interpreter: str, rows: int = SPEED_ROWS) -> dict[str, float]:
    """obp's processor seconds; ``interpreter``: one that has it, "" to install it. Raises ``PeerError``."""
    python = interpreter or str(install.off_policy())
    command = [python, "-W", "ignore", str(ROOT / "loadtest" / "peers" / "ope.py"), "times", str(rows)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False, timeout=PEERS_WITHIN_S
        )
    except (OSError, subprocess.TimeoutExpired) as failed:
        raise install.PeerError(f"obp is left out: {failed}.") from failed
    if done.returncode:
        raise install.PeerError(f"obp is left out: {done.stderr.strip()[-500:]}")
    found: dict[str, float] = json.loads(done.stdout)
    return found


def report(logs: int = LOGS) -> dict[str, Any]:
    """All figures but the peers', and what they were taken on."""
    resampled = max(1, logs // 5)
    return {
        "alpha": ALPHA,
        "logs": logs,
        "resampled": resampled,
        "coverage": {setting.name: coverage(setting, logs, resampled) for setting in SETTINGS},
        "speed_rows": SPEED_ROWS,
        "speed_s": speed(),
        "taken_on": {"python": platform.python_version(), "numpy": np.__version__, "machine": platform.machine()},
    }


def show(figures: dict[str, Any]) -> None:
    """Print what ``report`` gave as tables."""
    error = (ALPHA * (1.0 - ALPHA) / figures["logs"]) ** 0.5
    rows = [
        (name, estimator, f"{of['coverage']:.3f}", f"{of['bootstrap_coverage']:.3f}", f"{of['width']:.3f}",
         f"{of['rmse']:.3f}")
        for name, estimators in figures["coverage"].items() for estimator, of in estimators.items()
    ]  # fmt: skip
    print_table(
        f"coverage of 95 % intervals, {figures['logs']:,} logs (standard error at .95: {error:.3f})",
        ("log", "estimator", "ours", "bootstrap", "width of ours", "rmse"),
        rows,
        texts=2,
    )
    taken = [(name, f"{seconds:.3f}") for name, seconds in figures["speed_s"].items()]
    if "peers" in figures:
        taken += [(f"obp: {name.removesuffix('_s')}", f"{value:.3f}") for name, value in figures["peers"].items()]
    print_table(f"processor seconds on {figures['speed_rows']:,} rows, 8 arms x 32 features", ("what", "s"), taken)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark and print its figures."""
    parser = argparse.ArgumentParser(prog="python -m loadtest.bench_ope", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--json", action="store_true", help="print the figures as JSON instead of tables")
    parser.add_argument("--logs", type=int, default=LOGS, metavar="N", help="logs a row of the table is measured on")
    parser.add_argument(
        "--peers", nargs="?", const="", metavar="PYTHON",
        help="compare with obp: installed into .cache/peers, or that of this interpreter",
    )  # fmt: skip
    options = parser.parse_args(arguments)
    with Console(stderr=True).status("Thousands of logs, a minute or two …"):
        figures = report(options.logs)
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
