"""Node and npm, found once; absent, they fail the tests that need them with a sentence."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

NPM = shutil.which("npm") or "npm"
LEAST = (20, 10)
"""The first with a WebSocket (behind a flag) and node:test as these tests use it."""


def node(
    *arguments: str, cwd: Path, env: dict[str, str] | None = None, given: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run Node with a WebSocket. ``given`` is its standard input."""
    command = [_node(), *_flags(), *arguments]
    whole = {**os.environ, **(env or {}), "NO_COLOR": "1"}
    return subprocess.run(
        command, cwd=cwd, env=whole, input=given, capture_output=True, text=True, timeout=100, check=False
    )


def _node() -> str:
    found = shutil.which("node")
    if found is None:
        raise RuntimeError("The tests need Node 20.10 or newer: sh tests/support/install-services.sh installs it.")
    return found


def _flags() -> list[str]:
    told = subprocess.run([_node(), "--version"], capture_output=True, text=True, check=True).stdout
    numbers = re.match(r"v(\d+)\.(\d+)", told)
    version = (int(numbers[1]), int(numbers[2])) if numbers else (0, 0)
    if version < LEAST:
        raise RuntimeError(f"The tests need Node 20.10 or newer; this is {told.strip()}.")
    return ["--experimental-websocket", "--no-warnings"] if version < (22, 0) else []
