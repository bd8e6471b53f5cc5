"""Put simulated customers on a running server and report their latencies.

    python -m loadtest.run --users 200 --time 30s --host ws://127.0.0.1:8000 --csv results/loadtest

Exit code 0: done, few enough failures; 1: more failures than ``--max-failures``; 2: the run could not be made.
"""

from __future__ import annotations

import argparse
import csv
import importlib.util
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from loadtest.scripts import DEFAULT_SCRIPTS, ScriptError, load_scripts
from loadtest.target import Target, TargetError, check_target

LOCUSTFILE = Path(__file__).with_name("locustfile.py")
_TIME = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s?)?")
# Locust starts its own timer once it is ready and ends its users one after the other.
_GRACE_S = 120


@dataclass(frozen=True, slots=True)
class Entry:
    """One kind of request. Times in ms; ``percentiles`` as locust's CSV names them, e.g. ``95%``."""

    name: str
    requests: int
    failures: int
    per_s: float
    median_ms: float
    mean_ms: float
    max_ms: float
    percentiles_ms: dict[str, float]


def seconds(text: str) -> int:
    """``90``, ``30s``, ``5m``, ``1h30m`` → seconds."""
    match = _TIME.fullmatch(text.strip())
    hours, minutes, rest = (int(part or 0) for part in match.groups()) if match else (0, 0, 0)
    total = hours * 3600 + minutes * 60 + rest
    if total <= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no duration: write one such as 30s, 5m or 1h30m")
    return total


def share(text: str) -> float:
    """A number from 0 to 1."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no share: write a number from 0 to 1")
    return value


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="python -m loadtest.run", description=(__doc__ or "").partition("\n")[0])
    made.add_argument("--users", type=int, default=100, help="simulated customers (default %(default)s)")
    made.add_argument(
        "--spawn-rate", type=float, default=None, help="customers started per second (default: all in 5 s)"
    )
    made.add_argument("--time", type=seconds, default=30, help="how long, such as 30s or 5m (default 30s)")
    made.add_argument("--host", default="ws://127.0.0.1:8000", help="the server (default %(default)s)")
    made.add_argument("--csv", type=Path, default=None, help="prefix of the CSV files to write, e.g. results/loadtest")
    made.add_argument("--max-failures", type=share, default=0.01, help="tolerated share of failures (default 0.01)")
    made.add_argument("--encoding", choices=("json", "msgpack"), default="json", help="encoding of the protocol")
    made.add_argument("--think-min-s", type=float, default=1.0, help="shortest pause before a message (default 1)")
    made.add_argument("--think-max-s", type=float, default=4.0, help="longest pause before a message (default 4)")
    made.add_argument("--thumbs", type=share, default=0.3, help="share of answers that get a thumb (default 0.3)")
    made.add_argument("--timeout-s", type=float, default=10.0, help="later than this is a failure (default 10)")
    made.add_argument("--scripts", type=Path, default=DEFAULT_SCRIPTS, help="YAML file of what customers say")
    made.add_argument("--seed", type=int, default=0, help="seed of everything random")
    made.add_argument("--json", action="store_true", help="print the results as JSON")
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Run, print, judge; returns the exit code."""
    options = parser().parse_args(argv)
    console = Console(stderr=options.json)
    if importlib.util.find_spec("locust") is None:
        console.print("locust is not installed: pip install 'parlance[loadtest]'", markup=False)
        return 2
    try:
        load_scripts(options.scripts)
        target = check_target(options.host)
    except (TargetError, ScriptError) as error:
        console.print(str(error), style="red", markup=False, soft_wrap=True)
        return 2
    console.print(f"{options.users} customers for {options.time} s on {target.url} (version {target.version})")
    with tempfile.TemporaryDirectory() as scratch:
        prefix = options.csv or Path(scratch) / "loadtest"
        prefix.parent.mkdir(parents=True, exist_ok=True)
        code = _run_locust(locust_command(options, target, prefix), options.time, console)
        if code != 0:
            console.print(f"locust ended with exit code {code}", style="red")
            return 2
        entries = read_entries(prefix)
        failures = read_failures(prefix)
    return report(entries, failures, options, console)


def locust_command(options: argparse.Namespace, target: Target, prefix: Path) -> list[str]:
    """Locust's own command line for these options."""
    rate = options.spawn_rate or max(1.0, options.users / 5)
    passed_on = ("think_min_s", "think_max_s", "thumbs", "timeout_s", "scripts", "seed")
    return [
        *(sys.executable, "-m", "locust", "-f", str(LOCUSTFILE), "--headless", "--only-summary", "--skip-log"),
        *("--users", str(options.users), "--spawn-rate", str(rate), "--run-time", f"{options.time}s"),
        *("--host", target.url, "--csv", str(prefix), "--exit-code-on-error", "0", "--stop-timeout", "2"),
        *("--wire", options.encoding),
        *(part for name in passed_on for part in (f"--{name.replace('_', '-')}", str(getattr(options, name)))),
    ]


def _run_locust(command: list[str], time_s: int, console: Console) -> int:
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with (
        tempfile.TemporaryFile() as output,
        subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT) as locust,
        Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress,
    ):
        try:
            bar = progress.add_task("under load", total=time_s)
            deadline = time.monotonic() + time_s + _GRACE_S
            while locust.poll() is None and time.monotonic() < deadline:
                time.sleep(0.2)
                progress.advance(bar, 0.2)
        finally:
            if locust.poll() is None:
                locust.terminate()
        code = locust.wait()
        if code != 0:
            output.seek(0)
            console.print(output.read()[-4000:].decode(errors="replace"), markup=False)
    return code


def read_entries(prefix: Path) -> list[Entry]:
    """The rows of locust's ``<prefix>_stats.csv``, without its total over unlike requests."""
    with Path(f"{prefix}_stats.csv").open(encoding="utf-8", newline="") as file:
        return [_entry(row) for row in csv.DictReader(file) if row["Name"] != "Aggregated"]


def _entry(row: dict[str, str]) -> Entry:
    return Entry(
        name=row["Name"],
        requests=int(row["Request Count"]),
        failures=int(row["Failure Count"]),
        per_s=float(row["Requests/s"]),
        median_ms=float(row["Median Response Time"]),
        mean_ms=float(row["Average Response Time"]),
        max_ms=float(row["Max Response Time"]),
        percentiles_ms={name: float(value) for name, value in row.items() if name.endswith("%") and value != "N/A"},
    )


def read_failures(prefix: Path) -> list[str]:
    """``<times> × <entry>: <error>``, the most frequent first."""
    with Path(f"{prefix}_failures.csv").open(encoding="utf-8", newline="") as file:
        rows = sorted(csv.DictReader(file), key=lambda row: -int(row["Occurrences"]))
    return [f"{row['Occurrences']} × {row['Name']}: {row['Error']}" for row in rows]


def report(entries: list[Entry], failures: list[str], options: argparse.Namespace, console: Console) -> int:
    """Print what was measured; 1 where too much failed or nothing was answered, else 0."""
    requests = sum(entry.requests for entry in entries)
    failed_share = sum(entry.failures for entry in entries) / max(1, requests)
    answered = any(entry.name == "send -> answer" and entry.requests > entry.failures for entry in entries)
    if options.json:
        print(json.dumps({"entries": [asdict(entry) for entry in entries], "failures": failures}, indent=2))
    console.print(_table(entries))
    for line in failures[:10]:
        console.print(f"failed: {line}", style="red", markup=False, soft_wrap=True)
    if options.csv:
        console.print(f"CSV: {options.csv}_stats.csv, _stats_history.csv, _failures.csv", markup=False, soft_wrap=True)
    if not answered:
        console.print("no message was answered", style="red")
        return 1
    if failed_share > options.max_failures:
        console.print(f"{failed_share:.2%} of {requests} requests failed, over {options.max_failures:.2%}", style="red")
        return 1
    return 0


def _table(entries: list[Entry]) -> Table:
    table = Table()
    shown = ("50%", "95%", "99%")
    table.add_column("latency in ms")
    for heading in ("count", "failed", "per s", *shown, "max"):
        table.add_column(heading, justify="right")
    for entry in entries:
        percentiles = (f"{entry.percentiles_ms.get(name, 0):.0f}" for name in shown)
        counts = (str(entry.requests), str(entry.failures), f"{entry.per_s:.1f}")
        table.add_row(entry.name, *counts, *percentiles, f"{entry.max_ms:.0f}")
    return table


if __name__ == "__main__":
    raise SystemExit(main())
