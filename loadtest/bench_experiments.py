"""How often experiments without an effect find one, and how fast they are read:
``python -m loadtest.bench_experiments [--json]``.

Every row makes a known mistake, and what Parlance does instead on the same data. Nothing differs between the variants,
so each alarm is false; α is 5 %.
"""

from __future__ import annotations

import argparse
import json
import math
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from scipy import stats

from adapters.experiments.corrections import holm
from adapters.experiments.estimates import Estimate, estimates
from adapters.experiments.fixed import FixedHorizon, two_proportions
from adapters.experiments.inference import Inference
from adapters.experiments.metrics import Kind
from adapters.experiments.observations import Totals
from adapters.experiments.sequential import Sequential
from adapters.experiments.srm import SRM_ALPHA, srm_p_value
from loadtest.measure import print_table

ALPHA = 0.05
TRIALS = 4_000
LOOKS = 50
UNITS_PER_LOOK = 50
CSV_ROWS = 1_000_000

Doubles = NDArray[np.float64]
Pair = tuple[bool, bool]
"""Whether the mistake raised an alarm, and whether the remedy did."""


def _alarm(kind: Kind, control: Totals, treatment: Totals, reading: Inference) -> bool:
    base, own = estimates([control, treatment], kind)
    if base is None or own is None:
        return False
    p_value = reading.compare(base, own).p_value
    return p_value is not None and p_value <= ALPHA


def _plain(values: Doubles) -> Totals:
    return Totals(values, None, None, 0)


def looking(rng: np.random.Generator) -> Pair:
    """A fixed-horizon test looked at 50 times; confidence sequences."""
    values = rng.exponential(size=(2, LOOKS * UNITS_PER_LOOK))
    ever = [False, False]
    readings: tuple[Inference, Inference] = (FixedHorizon(ALPHA), Sequential(ALPHA))
    sums, squares = values.cumsum(axis=1), (values**2).cumsum(axis=1)
    for units in range(UNITS_PER_LOOK, LOOKS * UNITS_PER_LOOK + 1, UNITS_PER_LOOK):
        control, treatment = (_estimate(sums[k, units - 1], squares[k, units - 1], units) for k in range(2))
        for place, reading in enumerate(readings):
            if not ever[place]:
                ever[place] = (reading.compare(control, treatment).p_value or 1.0) <= ALPHA
    return ever[0], ever[1]


def _estimate(total: float, squares: float, units: int) -> Estimate:
    mean = total / units
    return Estimate(units, mean, mean, (squares - units * mean**2) / (units - 1) / units)


def variances(rng: np.random.Generator) -> Pair:
    """Student's t where the smaller group varies more; Welch."""
    control, treatment = rng.normal(0.0, 5.0, 40), rng.normal(0.0, 1.0, 400)
    student = bool(stats.ttest_ind(control, treatment, equal_var=True).pvalue <= ALPHA)
    return student, _alarm("continuous", _plain(control), _plain(treatment), FixedHorizon(ALPHA))


def turns(rng: np.random.Generator) -> Pair:
    """Turns taken for independent; the delta method over users."""
    shown = rng.geometric(0.08, (2, 200)).astype(float)
    clicks = rng.binomial(shown.astype(int), rng.beta(1.0, 1.5, (2, 200))).astype(float)
    rows = [(int(clicks[k].sum()), int(shown[k].sum())) for k in range(2)]
    groups = [Totals(clicks[k], shown[k], None, 0) for k in range(2)]
    naive = (two_proportions(rows[0], rows[1], ALPHA).p_value or 1.0) <= ALPHA
    return naive, _alarm("ratio", groups[0], groups[1], FixedHorizon(ALPHA))


def lost_users(rng: np.random.Generator) -> Pair:
    """A variant that loses a fifth of its unhappy users before they are counted; the check of the sample ratio."""
    control, treatment = rng.normal(size=5_000), rng.normal(size=5_000)
    kept = treatment[(treatment > 0.0) | (rng.random(5_000) > 0.2)]
    alarm = _alarm("continuous", _plain(control), _plain(kept), FixedHorizon(ALPHA))
    return alarm, alarm and srm_p_value([len(control), len(kept)], [1, 1]) >= SRM_ALPHA


def ten_metrics(rng: np.random.Generator) -> Pair:
    """Ten metrics, each at α; Holm."""
    values = rng.normal(size=(2, 10, 300))
    p_values = []
    for k in range(10):
        base, own = estimates([_plain(values[0, k]), _plain(values[1, k])], "continuous")
        assert base is not None and own is not None
        p_values.append(FixedHorizon(ALPHA).compare(base, own).p_value or 1.0)
    return min(p_values) <= ALPHA, min(holm(p_values)) <= ALPHA


def proportions(rng: np.random.Generator) -> Pair:
    """No mistake: two proportions, fixed and sequential."""
    values = (rng.random((2, 1_000)) < 0.1).astype(float)
    groups = [_plain(values[k]) for k in range(2)]
    return _alarm("binary", groups[0], groups[1], FixedHorizon(ALPHA)), _alarm(
        "binary", groups[0], groups[1], Sequential(ALPHA)
    )


def cuped(rng: np.random.Generator) -> Pair:
    """No mistake: a mean without and with a covariate."""
    before = rng.normal(size=(2, 300))
    after = before + rng.normal(0.0, 0.5, (2, 300))
    plain = _alarm("continuous", _plain(after[0]), _plain(after[1]), FixedHorizon(ALPHA))
    groups = [Totals(after[k], None, before[k], 0) for k in range(2)]
    return plain, _alarm("continuous", groups[0], groups[1], FixedHorizon(ALPHA))


SIMULATIONS: dict[str, Callable[[np.random.Generator], Pair]] = {
    "50 looks: fixed horizon, confidence sequence": looking,
    "unequal variances: Student, Welch": variances,
    "turns of users: as if independent, delta method": turns,
    "lost users: unchecked, sample ratio checked": lost_users,
    "ten metrics: uncorrected, Holm": ten_metrics,
    "two proportions: fixed, one look of the sequence": proportions,
    "a covariate: left out, CUPED": cuped,
}


def false_alarms(trials: int) -> dict[str, Any]:
    """Shares of ``trials`` with a false alarm, first and second way."""
    found = {}
    for name, simulate in SIMULATIONS.items():
        rng = np.random.default_rng(0)
        counts = np.array([simulate(rng) for _ in range(trials)]).mean(axis=0)
        found[name] = [round(float(share), 4) for share in counts]
    return found


def reading_speed(rows: int) -> dict[str, Any]:
    """Seconds of the whole command on a CSV file of so many users, three metrics."""
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "data.csv"
        shown = 1 + rng.poisson(4, rows)
        columns = zip(
            rng.integers(2, size=rows).tolist(),
            rng.integers(2, size=rows).tolist(),
            rng.normal(4.0, 1.0, rows).round(3).tolist(),
            rng.binomial(shown, 0.3).tolist(),
            shown.tolist(),
            strict=True,
        )
        with path.open("w", encoding="utf-8") as target:
            target.write("user_id,variant,converted,rating,clicks,turns\n")
            for number, (variant, *values) in enumerate(columns):
                target.write(f"u{number},{'AB'[variant]},{','.join(map(str, values))}\n")
        metrics = ("converted:binary", "rating:continuous", "clicks/turns:ratio")
        flags = [flag for metric in metrics for flag in ("--metric", metric)]
        names = ["--unit", "user_id", "--variant", "variant", "--control", "A", "--json"]
        command = [sys.executable, "-m", "server.cli.main", "experiment", "analyse", str(path), *names, *flags]
        start = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        return {"rows": rows, "metrics": len(metrics), "seconds": round(time.perf_counter() - start, 1)}


def report(trials: int = TRIALS) -> dict[str, Any]:
    """All figures, and what they were taken on."""
    error = round(math.sqrt(ALPHA * (1.0 - ALPHA) / trials), 4)
    return {
        "alpha": ALPHA,
        "trials": trials,
        "monte_carlo_error": error,
        "false_alarms": false_alarms(trials),
        "csv": reading_speed(CSV_ROWS),
        "taken_on": {"python": platform.python_version(), "numpy": np.__version__, "machine": platform.machine()},
    }


def show(figures: dict[str, Any]) -> None:
    """Print what ``report`` gave."""
    rows = [(name, f"{first:.2%}", f"{second:.2%}") for name, (first, second) in figures["false_alarms"].items()]
    trials, error = figures["trials"], figures["monte_carlo_error"]
    title = f"false alarms at α = {ALPHA:.0%}: {trials:,} trials, standard error {error:.2%}"
    print_table(title, ("A/A: first way, second way", "first", "second"), rows)
    csv = figures["csv"]
    print_table(
        "reading", ("rows of CSV", "metrics", "seconds"), [(f"{csv['rows']:,}", csv["metrics"], csv["seconds"])]
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark and print its figures."""
    parser = argparse.ArgumentParser(
        prog="python -m loadtest.bench_experiments", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--json", action="store_true", help="print the figures as JSON instead of tables")
    parser.add_argument("--trials", type=int, default=TRIALS, help="A/A experiments of each kind")
    options = parser.parse_args(arguments)
    if options.json:
        print(json.dumps(report(options.trials), indent=2))
        return
    with Console(stderr=True).status("A minute or two of experiments without an effect …"):
        figures = report(options.trials)
    show(figures)


if __name__ == "__main__":
    main()
