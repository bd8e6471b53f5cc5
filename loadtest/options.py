"""The flags of a load test. Each has a variable too: ``--think-min-s`` is ``LOADTEST_THINK_MIN_S``."""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from loadtest.scenarios import SCENARIOS
from loadtest.scripts import DEFAULT_SCRIPTS
from loadtest.thresholds import Threshold, ThresholdError, parse

PREFIX = "LOADTEST_"
_TIME = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s?)?")


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


def positive(text: str) -> float:
    """A number above 0."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not above 0")
    return value


def count(text: str) -> int:
    """A whole number, at least 1."""
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number above 0")
    return int(text)


def threshold(text: str) -> Threshold:
    try:
        return parse(text)
    except ThresholdError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def parser(environment: Mapping[str, str] | None = None) -> argparse.ArgumentParser:
    """``environment``: values that stand in for flags that are not given."""
    kinds = "\n".join(f"  {scenario.name:<10} {scenario.text}" for scenario in SCENARIOS.values())
    made = argparse.ArgumentParser(
        prog="parlance loadtest",
        description="Put simulated customers on a running server and report their latencies.",
        epilog=f"scenarios:\n{kinds}\n\nEach flag has a variable: --think-min-s is LOADTEST_THINK_MIN_S. "
        "Separate thresholds by ; there.\nExit code 0: every limit kept; 1: one was not; 2: the run could not be made.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _what(made)
    _people(made)
    _limits(made)
    _machines(made)
    if environment:
        _from_environment(made, environment)
    return made


def _what(made: argparse.ArgumentParser) -> None:
    made.add_argument("--scenario", choices=tuple(SCENARIOS), default="steady", help="kind of load (default steady)")
    made.add_argument("--users", type=count, default=100, help="simulated customers (default %(default)s)")
    made.add_argument(
        "--spawn-rate", type=positive, default=None, help="customers started per second (default: all in 5 s)"
    )
    made.add_argument("--time", type=seconds, default=30, help="how long, such as 30s or 5m (default 30s)")
    made.add_argument("--host", default="ws://127.0.0.1:8000", help="the server (default %(default)s)")
    made.add_argument("--csv", type=Path, default=None, help="prefix of the CSV files to write, e.g. results/loadtest")
    made.add_argument("--html", type=Path, default=None, help="report with charts to write, one file")
    made.add_argument("--json", action="store_true", help="print the results as JSON")
    made.add_argument("--encoding", choices=("json", "msgpack"), default="json", help="encoding of the protocol")
    made.add_argument("--seed", type=int, default=0, help="seed of everything random")


def _people(made: argparse.ArgumentParser) -> None:
    people = made.add_argument_group("what the people do")
    people.add_argument("--think-min-s", type=float, default=1.0, help="shortest pause before a message (default 1)")
    people.add_argument("--think-max-s", type=float, default=4.0, help="longest pause before a message (default 4)")
    people.add_argument("--thumbs", type=share, default=0.3, help="share of answers that get a thumb (default 0.3)")
    people.add_argument("--scripts", type=Path, default=DEFAULT_SCRIPTS, help="YAML file of what customers say")
    people.add_argument(
        "--admin-token", default="", help="an admin's token: mixed and broadcast need it, and servers without guests"
    )
    people.add_argument("--agents", type=int, default=0, help="mixed: how many answer (default: one per 20 customers)")
    people.add_argument("--handoffs", type=share, default=0.3, help="mixed: share that asks for a human (default 0.3)")
    people.add_argument("--agent-within-s", type=positive, default=60.0, help="mixed: an agent's word in time (60)")
    people.add_argument("--storm-every-s", type=positive, default=10.0, help="storm: between two of them (default 10)")
    people.add_argument("--storm-within-s", type=positive, default=2.0, help="storm: all are back within (default 2)")
    people.add_argument("--broadcasts-per-s", type=positive, default=1.0, help="broadcast: how often (default 1)")


def _limits(made: argparse.ArgumentParser) -> None:
    limits = made.add_argument_group("what fails the run")
    limits.add_argument("--timeout-s", type=positive, default=10.0, help="later than this is a failure (default 10)")
    limits.add_argument("--max-failures", type=share, default=0.01, help="tolerated share of failures (default 0.01)")
    limits.add_argument(
        "--threshold", dest="thresholds", type=threshold, action="append", default=None, metavar="'ENTRY: METRIC < N'",
        help="repeatable: 'send -> answer: p95 < 200' (ms), 'resume: failures < 0.001', 'all: per_s > 50'",
    )  # fmt: skip


def _machines(made: argparse.ArgumentParser) -> None:
    machines = made.add_argument_group("more machines")
    machines.add_argument(
        "--expect-workers", type=count, default=None, help="wait for so many `locust --worker` on other machines"
    )
    machines.add_argument("--master-port", type=count, default=5557, help="where workers report (default 5557)")


def _from_environment(made: argparse.ArgumentParser, environment: Mapping[str, str]) -> None:
    """Defaults from variables; a bad one is reported as the flag would be."""
    for action in made._actions:
        flag = next((name for name in action.option_strings if name.startswith("--")), "")
        text = environment.get(f"{PREFIX}{flag.removeprefix('--').replace('-', '_').upper()}") if flag else None
        if text is None or flag == "--help":
            continue
        try:
            action.default = _value(action, text)
        except (argparse.ArgumentTypeError, ValueError) as error:
            made.error(f"{PREFIX}{flag.removeprefix('--').replace('-', '_').upper()}: {error}")


def _value(action: argparse.Action, text: str) -> Any:
    if isinstance(action.const, bool):
        return text.strip().lower() in ("1", "true", "yes", "on")
    read: Any = action.type or str
    if action.dest == "thresholds":
        return [read(part) for part in text.split(";") if part.strip()]
    value = read(text)
    if action.choices is not None and value not in action.choices:
        raise ValueError(f"{text!r} is none of {', '.join(map(str, action.choices))}")
    return value
