"""Install Parlance into the environment that runs this: ``python install.py EXTRA,EXTRA`` (see the Makefile).

With uv, which takes a fifth of pip's time; where uv can't be had or fails, with pip. Both obey constraints.txt and what
pip is told on this machine: its index, its further places, its certificates.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
CONSTRAINTS = ["-c", "constraints.txt"]


def main() -> int:
    """The exit code of the last tool that tried."""
    what = ["-e", f".[{sys.argv[1]}]" if sys.argv[1:] else "."]
    if _with_uv(what):
        return 0
    return subprocess.run([*PIP, "install", "-q", "--prefer-binary", *CONSTRAINTS, *what], check=False).returncode


def _with_uv(what: list[str]) -> bool:
    # A build of uv itself would take longer than it saves.
    got = subprocess.run(
        [*PIP, "install", "-q", "--only-binary", ":all:", *CONSTRAINTS, "uv"], capture_output=True, check=False
    )
    if got.returncode:
        return False
    command = [sys.executable, "-m", "uv", "pip", "install", "-q", "--python", sys.executable, "--compile-bytecode"]
    done = subprocess.run([*command, *_places(_of_pip()), *CONSTRAINTS, *what], check=False)
    if done.returncode:
        sys.stderr.write("uv could not install everything; pip tries.\n")
    return done.returncode == 0


def _of_pip() -> dict[str, str]:
    """pip's configuration, of files and of the environment, which weighs more; uv reads neither."""
    told = subprocess.run([*PIP, "config", "list"], capture_output=True, text=True, check=False).stdout
    found = {}
    for section in ("global.", "install.", ":env:."):
        for line in told.splitlines():
            name, _, value = line.partition("=")
            if name.startswith(section):
                found[name.removeprefix(section)] = value.strip("'\"").replace("\\n", " ")
    return found


def _places(pip: dict[str, str]) -> list[str]:
    """uv's flags for where pip would look."""
    flags = []
    if "index-url" in pip:
        flags += ["--default-index", pip["index-url"]]
    if "no-index" in pip and pip["no-index"].lower() in {"1", "true", "yes", "on"}:
        flags += ["--no-index"]
    for place in pip.get("extra-index-url", "").split():
        if not place.startswith("file:") or Path(place.removeprefix("file://")).exists():  # pip only warns of it
            flags += ["--index", place]
    for place in pip.get("find-links", "").split():
        flags += ["--find-links", place]
    for host in pip.get("trusted-host", "").split():
        flags += ["--allow-insecure-host", host]
    if "cert" in pip:
        os.environ.setdefault("SSL_CERT_FILE", pip["cert"])
    return [*flags, "--index-strategy", "unsafe-best-match"]  # of all places the best, as pip does


if __name__ == "__main__":
    sys.exit(main())
