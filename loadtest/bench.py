"""Every benchmark, one after the other, each in a process of its own.

    python -m loadtest.bench [NAME …] [--json FILE]

Exit code 1 when a benchmark failed; the others run all the same.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from loadtest.measure import print_table

MODULES = {
    "codec": "loadtest.bench_codec",
    "inference": "loadtest.bench_inference",
    "language": "loadtest.bench_language",
    "policies": "loadtest.bench_policies",
    "experiments": "loadtest.bench_experiments",
    "ope": "loadtest.bench_ope",
    "store": "loadtest.bench_store",
    "knowledge": "loadtest.bench_knowledge",
    "live": "loadtest.bench_live",
    "fanout": "loadtest.bench_fanout",
    "connections": "loadtest.bench_connections",
    "workers": "loadtest.bench_workers",
    "rollout": "loadtest.bench_rollout",
}


class BenchError(Exception):
    """A benchmark that gave no results; the text holds the end of what it printed."""


def report(name: str) -> dict[str, Any]:
    """The results of one benchmark as plain values. Raises ``BenchError``."""
    done = subprocess.run([sys.executable, "-m", MODULES[name], "--json"], capture_output=True, text=True, check=False)
    try:
        results = json.loads(done.stdout)
    except json.JSONDecodeError:
        results = None
    if not isinstance(results, dict):
        raise BenchError(f"exit code {done.returncode}: {(done.stderr or done.stdout)[-2000:].strip()}")
    return results


def show(name: str, results: Mapping[str, Any]) -> None:
    """Print results with the benchmark's own ``show`` where it has one, else as a plain table."""
    own = getattr(importlib.import_module(MODULES[name]), "show", None)
    if own is not None:
        own(results)
    else:
        print_table(name, ("figure", "value"), list(flat(results)))


def flat(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Nested maps and lists as rows of path and value."""
    if isinstance(value, Mapping):
        for key, part in value.items():
            yield from flat(part, f"{path} {key}".strip())
    elif isinstance(value, list) and any(isinstance(part, Mapping | list) for part in value):
        for place, part in enumerate(value, 1):
            yield from flat(part, f"{path} {place}".strip())
    else:
        yield path, ", ".join(map(str, value)) if isinstance(value, list) else value


def machine() -> dict[str, Any]:
    """What the figures were taken on."""
    return {"machine": platform.machine(), "cores": os.cpu_count(), "python": platform.python_version()}


def main(argv: Sequence[str] | None = None) -> int:
    """Run, print, write; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m loadtest.bench", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which ones (default all): {', '.join(MODULES)}")
    parser.add_argument("--json", type=Path, default=None, metavar="FILE", help="write all results to FILE")
    options = parser.parse_args(argv)
    unknown = sorted(set(options.names) - set(MODULES))
    if unknown:
        parser.error(f"no benchmark {', '.join(unknown)}: there are {', '.join(MODULES)}")
    results, failed = _run_all(options.names or list(MODULES))
    if options.json is not None:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps({"taken_on": machine(), **results, "failed": failed}, indent=2) + "\n")
        print(f"written: {options.json}")
    return 1 if failed else 0


def _run_all(names: Sequence[str]) -> tuple[dict[str, Any], dict[str, str]]:
    console = Console()
    results: dict[str, Any] = {}
    failed: dict[str, str] = {}
    for place, name in enumerate(names, 1):
        with console.status(f"{place} of {len(names)}: {name} …"):
            try:
                results[name] = report(name)
            except BenchError as error:
                failed[name] = str(error)
        if name in results:
            show(name, results[name])
        else:
            console.print(f"{name} failed: {failed[name]}", style="red", markup=False, soft_wrap=True)
    return results, failed


if __name__ == "__main__":
    raise SystemExit(main())
