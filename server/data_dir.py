"""The folder a single-process server keeps everything in, held by one server at a time."""

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
        lock = (path / "lock").open("w")
    except OSError as error:
        raise StartupError(
            f"the data directory {path} can't be written: {error.strerror}.", "Choose another with --data-dir."
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise StartupError(
            f"another Parlance server is using the data directory {path}.",
            "Stop it, or give this one its own with --data-dir.",
        ) from error
    return lock
