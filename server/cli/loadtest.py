"""``parlance loadtest``. It runs as a process of its own: the load test speaks the protocol and knows no server."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import typer

from server.errors import StartupError, install_command


def loadtest(context: typer.Context) -> None:
    """Put simulated customers and agents on a running server: steady, ramp, spike, soak, storm, broadcast or mixed.

    Shows the progress, prints latencies, writes CSV and a report with charts, and fails where a threshold is not kept.
    All flags: parlance loadtest --help-flags. Example:

    parlance loadtest --scenario spike --users 200 --time 60s --threshold 'send -> answer: p95 < 200' --html spike.html

    Exit code 0: every limit kept; 1: one was not; 2: the run could not be made.
    """
    if importlib.util.find_spec("locust") is None:
        raise StartupError("locust is not installed.", f"Install it with `{install_command('loadtest')}`.")
    arguments = ["--help" if argument == "--help-flags" else argument for argument in context.args]
    command = [sys.executable, "-m", "loadtest.run", *arguments]
    try:
        code = subprocess.run(command, check=False).returncode  # noqa: S603, our own module, and no shell
    except KeyboardInterrupt:  # the load test has heard it too, and said so
        code = 130
    if code:
        raise typer.Exit(code)
