"""Install the peers, pinned, into a folder of their own (``.cache/peers``), once."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
CACHE = HERE.parents[1] / ".cache" / "peers"
INSTALL_WITHIN_S = 300


class PeerError(Exception):
    """A peer can't be installed; the text says which, and why."""


def node() -> Path:
    """A folder in which the Node peers can run. Raises ``PeerError``."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        raise PeerError("The Node peers (ws, Socket.IO) are left out: node and npm are not installed.")
    folder = CACHE / "node"
    sources = [HERE / name for name in ("package.json", "package-lock.json", "ws_server.js", "socketio_server.js")]
    if _is_current(folder, sources):
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    for source in sources:
        shutil.copy(source, folder)
    _install("The Node peers (ws, Socket.IO)", [npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts"], folder)
    _mark(folder, sources)
    return folder


def python() -> Path:
    """An interpreter that has the Python peers. Raises ``PeerError``."""
    return _environment("python", "The Python peers (python-socketio, Channels)", "requirements.txt", "--no-deps")


def bandits() -> Path:
    """An interpreter that has the bandit libraries. Raises ``PeerError``."""
    return _environment("bandits", "The bandit libraries (VW, MABWiser, contextualbandits)", "bandits.txt")


def off_policy() -> Path:
    """An interpreter that has the Open Bandit Pipeline's estimators. Raises ``PeerError``."""
    return _environment("ope", "The Open Bandit Pipeline", "ope.txt", "--no-deps")


def _environment(name: str, what: str, pins: str, *options: str) -> Path:
    folder, requirements = CACHE / name, HERE / pins
    interpreter = folder / "bin" / "python"
    if _is_current(folder, [requirements]):
        return interpreter
    _install(what, [sys.executable, "-m", "venv", "--clear", str(folder)], HERE)
    pip = [str(interpreter), "-m", "pip", "--disable-pip-version-check", "-q", "install", *options]
    _install(what, [*pip, "-r", str(requirements)], HERE)
    _mark(folder, [requirements])
    return interpreter


def _install(what: str, command: list[str], folder: Path) -> None:
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, check=False, timeout=INSTALL_WITHIN_S
        )
    except (OSError, subprocess.TimeoutExpired) as failed:
        raise PeerError(f"{what} are left out: {command[0]}: {failed}.") from failed
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines() or ["it said nothing"]
        raise PeerError(f"{what} are left out, they can't be installed: {said[-1][:300]}")


def _fingerprint(sources: list[Path]) -> str:
    return hashlib.sha256(b"\0".join(source.read_bytes() for source in sources)).hexdigest()


def _is_current(folder: Path, sources: list[Path]) -> bool:
    mark = folder / "installed"
    return mark.exists() and mark.read_text() == _fingerprint(sources)


def _mark(folder: Path, sources: list[Path]) -> None:
    (folder / "installed").write_text(_fingerprint(sources))
