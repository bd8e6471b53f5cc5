"""What a single-process server keeps everything in, held by one server at a time."""

from __future__ import annotations

import fcntl
from pathlib import Path
from typing import IO

from server.errors import StartupError


def hold_data_dir(path: Path) -> IO[str]:
    """Make the folder and lock it until the returned file is closed (or the process dies, however it does).

    Raises:
        StartupError: it can't be made or written, or another server holds it.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)  # conversations are nobody else's business
    except OSError as error:
        raise StartupError(
            f"the data directory {path} can't be made: {error.strerror}.", "Choose another with --data-dir."
        ) from error
    return _hold(path / "lock", f"the data directory {path}", "--data-dir")


def hold_database(path: Path) -> IO[str]:
    """Lock a SQLite database that may lie outside of the data directory: two servers would take each other's turns.

    Raises:
        StartupError: its folder can't be written, or another server holds it.
    """
    return _hold(path.with_name(f"{path.name}.lock"), f"the database {path}", "--database-url")


def _hold(lock_path: Path, what: str, flag: str) -> IO[str]:
    try:
        lock = lock_path.open("w")
    except OSError as error:
        raise StartupError(f"{what} can't be written: {error.strerror}.", f"Choose another with {flag}.") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        problem = f"another Parlance server is using {what}."
        raise StartupError(problem, f"Stop it, or give this one its own with {flag}.") from error
    return lock
