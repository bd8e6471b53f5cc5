"""Put simulated customers on a running server and report their latencies.

    parlance loadtest --scenario spike --users 200 --time 60s --threshold 'send -> answer: p95 < 200' --html report.html
    python -m loadtest.run --users 200 --time 30s --host ws://127.0.0.1:8000 --csv results/loadtest

Exit code 0: done, every limit kept; 1: too many failures, or a threshold broken; 2: the run could not be made.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from loadtest.issuing import Admin, IssueError
from loadtest.options import parser
from loadtest.report_page import Run, page
from loadtest.results import Entry, read_entries, read_failures, read_history
from loadtest.scenarios import SCENARIOS
from loadtest.scripts import ScriptError, load_scripts
from loadtest.target import Target, TargetError, check_target
from loadtest.thresholds import Threshold, Verdict, judge

LOCUSTFILE = Path(__file__).with_name("locustfile.py")
STYLESHEET = Path(__file__).with_name("report.css")
PASSED_ON = (
    *("scenario", "think_min_s", "think_max_s", "thumbs", "timeout_s", "scripts", "seed", "agents", "handoffs"),
    *("agent_within_s", "storm_every_s", "storm_within_s", "broadcasts_per_s"),
)
# Locust starts its own timer once it is ready and ends its users one after the other.
_GRACE_S = 120


def main(argv: Sequence[str] | None = None) -> int:
    """Run, print, judge; returns the exit code."""
    options = parser(os.environ).parse_args(argv)
    console = Console(stderr=options.json)
    if importlib.util.find_spec("locust") is None:
        console.print("locust is not installed: pip install 'parlance[loadtest]'", markup=False)
        return 2
    try:
        load_scripts(options.scripts)
        target = check_target(options.host, options.admin_token or None)
        check_token(options)
        if SCENARIOS[options.scenario].agents or not target.guests:
            # At once: whoever can't issue says so now, and the first request of the REST side takes a second.
            Admin(target.url, options.admin_token).token_of("loadtest-check", "customer", 60)
    except (TargetError, ScriptError, IssueError) as error:
        console.print(str(error), style="red", markup=False, soft_wrap=True)
        return 2
    said = f"{options.scenario}: {options.users} customers for {options.time} s on {target.url}"
    console.print(f"{said} (version {target.version})", markup=False, soft_wrap=True)
    with tempfile.TemporaryDirectory() as scratch:
        prefix = options.csv or Path(scratch) / "loadtest"
        prefix.parent.mkdir(parents=True, exist_ok=True)
        code = _run_locust(locust_command(options, target, prefix), options, prefix, console)
        if code != 0:
            console.print(f"locust ended with exit code {code}", style="red")
            return 2
        return report(prefix, options, target, console)


def check_token(options: argparse.Namespace) -> None:
    """Raises ``TargetError`` where the scenario needs an admin."""
    scenario = SCENARIOS[options.scenario]
    if (scenario.agents or scenario.broadcasts) and not options.admin_token:
        remedy = 'pass --admin-token "$(parlance token --kind admin --sub loadtest)"'
        raise TargetError(f"the scenario {scenario.name} needs an admin's token: {remedy}")


def locust_command(options: argparse.Namespace, target: Target, prefix: Path) -> list[str]:
    """Locust's own command line for these options; the token goes by the environment, where nobody lists it."""
    rate = options.spawn_rate or max(1.0, options.users / 5)
    scenario = SCENARIOS[options.scenario]
    first = scenario.customers_at(0.0, options.users, options.time) or 1
    first += scenario.staff(options.users, options.agents)
    command = [
        *(sys.executable, "-m", "locust", "-f", str(LOCUSTFILE), "--headless", "--only-summary", "--skip-log"),
        *("--users", str(first), "--spawn-rate", str(rate), "--run-time", f"{options.time}s"),
        *("--customers", str(options.users), "--duration-s", str(options.time)),
        *("--host", target.url, "--csv", str(prefix), "--csv-full-history", "--exit-code-on-error", "0"),
        *("--stop-timeout", "2", "--wire", options.encoding, "--run-id", uuid.uuid4().hex),
        *("--issue-tokens", "0" if target.guests else "1"),
        *(part for name in PASSED_ON for part in (f"--{name.replace('_', '-')}", str(getattr(options, name)))),
    ]
    if options.expect_workers:
        command += ["--master", "--expect-workers", str(options.expect_workers)]
        command += ["--master-bind-port", str(options.master_port)]
    return command


def _run_locust(command: list[str], options: argparse.Namespace, prefix: Path, console: Console) -> int:
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn(), TextColumn("{task.fields[now]}"))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LOADTEST_")}
    environment["LOADTEST_ADMIN_TOKEN"] = options.admin_token
    with (
        tempfile.TemporaryFile() as output,
        subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=environment) as locust,
        Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress,
    ):
        try:
            bar = progress.add_task(options.scenario, total=options.time, now="starting")
            started = time.monotonic()
            while locust.poll() is None and time.monotonic() < started + options.time + _GRACE_S:
                time.sleep(0.5)
                now = latest(prefix) if console.is_terminal else ""
                progress.update(bar, completed=min(options.time, time.monotonic() - started), now=now)
        finally:
            if locust.poll() is None:
                locust.terminate()
        code = locust.wait()
        if code != 0:
            output.seek(0)
            console.print(output.read()[-4000:].decode(errors="replace"), markup=False)
    return code


def latest(prefix: Path) -> str:
    """The last second in a few words, for a person who waits."""
    whole = [moment for moment in read_history(prefix)[-40:] if moment.name == ""]
    if not whole:
        return "starting"
    now = whole[-1]
    return f"{now.users} users, {now.per_s:.0f} requests/s, {now.failures} failed"


def report(prefix: Path, options: argparse.Namespace, target: Target, console: Console) -> int:
    """Print, write and judge what was measured; 1 where a limit was not kept or nothing was measured, else 0."""
    entries, failures = read_entries(prefix), read_failures(prefix)
    verdicts = verdicts_of(entries, options)
    passed = all(verdict.kept for verdict in verdicts)
    if options.json:
        whole = {"passed": passed, "entries": entries, "failures": failures, "thresholds": verdicts}
        print(json.dumps(whole, indent=2, default=asdict))
    console.print(_table(entries))
    for line in failures[:10]:
        console.print(f"failed: {line}", style="red", markup=False, soft_wrap=True)
    for verdict in verdicts:
        if not verdict.kept:
            measured = "nothing was measured" if verdict.measured is None else f"measured {verdict.measured:.4g}"
            console.print(f"not kept: {verdict.threshold}: {measured}", style="red", markup=False, soft_wrap=True)
    if options.csv:
        console.print(f"CSV: {options.csv}_stats.csv, _stats_history.csv, _failures.csv", markup=False, soft_wrap=True)
    if options.html:
        options.html.parent.mkdir(parents=True, exist_ok=True)
        run = Run(_title(options), _settings(options, target), entries, failures, verdicts, read_history(prefix))
        options.html.write_text(page(run, STYLESHEET.read_text(encoding="utf-8")), encoding="utf-8")
        console.print(f"report: {options.html}", markup=False, soft_wrap=True)
    return 0 if passed else 1


def verdicts_of(entries: Sequence[Entry], options: argparse.Namespace) -> list[Verdict]:
    """The limits asked for, and the two that every run has: few failures, and that something was heard at all."""
    scenario = SCENARIOS[options.scenario]
    heard = "broadcast" if scenario.broadcasts else "send -> answer"
    usual = [Threshold("all", "failures", "<", options.max_failures + 1e-9), Threshold(heard, "failures", "<", 1.0)]
    verdicts = [judge(limit, entries) for limit in (*usual, *(options.thresholds or ()))]
    names = (f"all: failures at most {options.max_failures:g}", f"{heard}: not all failed")
    return [Verdict(name, each.measured, each.kept) for name, each in zip(names, verdicts, strict=False)] + verdicts[2:]


def _title(options: argparse.Namespace) -> str:
    return f"Load test: {options.scenario}, {options.users} customers, {options.time} s"


def _settings(options: argparse.Namespace, target: Target) -> dict[str, str]:
    shown = ("users", "time", "encoding", "think_min_s", "think_max_s", "thumbs", "timeout_s", "seed", "expect_workers")
    settings = {"scenario": f"{options.scenario}: {SCENARIOS[options.scenario].text}"}
    settings |= {"server": f"{target.url}, version {target.version}", "ended": time.strftime("%Y-%m-%d %H:%M:%S %Z")}
    return settings | {name: str(value) for name in shown if (value := getattr(options, name)) is not None}


def _table(entries: Sequence[Entry]) -> Table:
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
