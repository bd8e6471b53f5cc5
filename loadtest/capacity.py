"""What a server carries: one load test after another, each with more customers, until a limit breaks.

    python -m loadtest.capacity --host ws://127.0.0.1:8000 --customers 50,100,200,400 --time 60s \\
        --threshold 'send -> answer: p99 < 250' --write docs/scaling.md

Prints a Markdown table; ``--write`` puts it between the marks ``<!-- capacity -->`` and ``<!-- /capacity -->`` of a
page.
Further flags are those of ``parlance loadtest``. Exit code 0: done; 2: a run could not be made.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ANSWER, ACK = "send -> answer", "send -> ack"
BEGIN, END = "<!-- capacity -->", "<!-- /capacity -->"
HEADS = (
    "customers",
    "messages/s",
    "ack p50",
    "ack p99",
    "answer p50",
    "answer p95",
    "answer p99",
    "failures",
    "limits",
)


class CapacityError(RuntimeError):
    """A run that could not be made, or a page without the marks; says which."""


@dataclass(frozen=True, slots=True)
class Step:
    """One run: ``outcome`` is what ``parlance loadtest --json`` printed."""

    customers: int
    outcome: dict[str, Any]

    @property
    def kept(self) -> bool:
        return bool(self.outcome["passed"])

    def row(self) -> list[str]:
        """Times in ms. What was not measured is a dash."""
        entries = {entry["name"]: entry for entry in self.outcome["entries"]}

        def ms(name: str, percentile: str) -> str:
            value = entries.get(name, {}).get("percentiles_ms", {}).get(percentile)
            return "–" if value is None else f"{value:,.0f}"

        requests = sum(entry["requests"] for entry in entries.values())
        failed = sum(entry["failures"] for entry in entries.values())
        broken = [one["threshold"] for one in self.outcome["thresholds"] if not one["kept"]]
        return [
            f"{self.customers:,}",
            f"{entries.get(ACK, {}).get('per_s', 0.0):,.1f}",
            *(ms(ACK, each) for each in ("50%", "99%")),
            *(ms(ANSWER, each) for each in ("50%", "95%", "99%")),
            f"{failed / max(1, requests):.2%}",
            "kept" if self.kept else f"broken: {', '.join(broken)}".replace("|", "/"),
        ]


def measure(customers: Sequence[int], run: Callable[[int], dict[str, Any]]) -> list[Step]:
    """One run for each number, ascending; the first that breaks a limit is the last."""
    steps: list[Step] = []
    for count in sorted(customers):
        steps.append(Step(count, run(count)))
        if not steps[-1].kept:
            break
    return steps


def table(steps: Sequence[Step]) -> str:
    """Markdown."""
    rows = [HEADS, (*("---:" for _ in HEADS[:-1]), "---"), *(step.row() for step in steps)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n"


def put_into(page: str, made: str) -> str:
    """The page with ``made`` between its marks. Raises ``CapacityError``."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise CapacityError(f"the page has no marks: put {BEGIN} and {END} where the table shall stand")
    return f"{before}{BEGIN}\n{made}{END}{after}"


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print, write; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m loadtest.capacity", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--customers", type=_counts, default=[50, 100, 200, 400], help="of each run: 50,100,200,400")
    parser.add_argument("--write", type=Path, default=None, help="page with the marks to put the table into")
    options, passed_on = parser.parse_known_args(argv)
    try:
        if options.write is not None:
            put_into(options.write.read_text(encoding="utf-8"), "")  # before minutes are spent
        made = table(measure(options.customers, lambda count: _run(count, passed_on)))
    except (CapacityError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    print(made)
    if options.write is not None:
        page = options.write.read_text(encoding="utf-8")
        options.write.write_text(put_into(page, made), encoding="utf-8")
    return 0


def _run(customers: int, flags: Sequence[str]) -> dict[str, Any]:
    print(f"{customers} customers …", file=sys.stderr)
    command = [sys.executable, "-m", "loadtest.run", "--users", str(customers), "--json", *flags]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode not in (0, 1):
        raise CapacityError(f"the run with {customers} customers could not be made")
    outcome: dict[str, Any] = json.loads(done.stdout)
    return outcome


def _counts(text: str) -> list[int]:
    try:
        counts = [int(part) for part in text.split(",")]
    except ValueError:
        counts = []
    if not counts or min(counts) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: write whole numbers above 0 such as 50,100,200")
    return counts


if __name__ == "__main__":
    raise SystemExit(main())
