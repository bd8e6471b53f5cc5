"""``deployment.json`` and its history, in a folder that workers and commands of several machines may share.

The file is replaced as a whole, under a lock beside it (flock), so a reader finds the old content or the new one and no
change is lost. Whoever serves watches the file's entry; the history is for people.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, Final
from uuid import uuid4

import msgspec

from inference.errors import RegistryError
from inference.registry.deployment import Canary, Deployment, from_json, to_json

DEPLOYMENT_FILE: Final = "deployment.json"
LOCK_FILE: Final = "deployment.lock"
HISTORY_FILE: Final = "history.jsonl"

LOCK_TIMEOUT_S: Final = 5.0
"""A change holds the lock while a model is checked, which takes a fraction of a second."""
_LOCK_RETRY_S: Final = 0.02

# Over NFS the lock of a file is the process's, so its threads need one of their own.
_this_process: Final = threading.Lock()

Transition = Callable[[Deployment], Deployment]
_RIGHTS = "Give this user the right to write there, or set models_dir to another folder."


class Change(msgspec.Struct, frozen=True):
    """One line of the history: what was asked (``action``), what holds since, and what was overruled by force."""

    at_ms: int
    revision: int
    action: str
    champion: str | None
    shadow: str | None = None
    canary: Canary | None = None
    forced: tuple[str, ...] = ()


class State:
    """The deployment of one folder. Safe to use from several threads, processes and machines."""

    def __init__(self, folder: Path, *, now_ms: Callable[[], int], lock_timeout_s: float = LOCK_TIMEOUT_S) -> None:
        self._folder = folder
        self._now_ms = now_ms
        self._lock_timeout_s = lock_timeout_s

    def read(self) -> Deployment:
        """What holds now; without a file that is the model of the settings. ``RegistryError`` for a broken file."""
        path = self._folder / DEPLOYMENT_FILE
        try:
            content = path.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return Deployment()
        except OSError as error:
            raise RegistryError(f"{path} can't be read: {error.strerror}", "Check the file's permissions.") from error
        return from_json(content, str(path))

    def change(self, transition: Transition, *, action: str, forced: Sequence[str]) -> Deployment:
        """Apply ``transition`` to what holds once the lock is held. ``forced`` is read after it has run.

        Raises:
            RegistryError: of the transition, for a broken file, a folder that can't be written, or a lock that somebody
                else keeps.
        """
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with self._locked():
                before = self.read()
                after = transition(before)
                if after == before:
                    return before
                after = replace(after, revision=before.revision + 1)
                replace_file(self._folder / DEPLOYMENT_FILE, to_json(after))
                self._tell(after, action, forced)
                return after
        except OSError as error:
            raise RegistryError(f"{self._folder} can't be written: {error.strerror}", _RIGHTS) from error

    def history(self) -> list[Change]:
        """Every change, the oldest first. A line that a crash cut short is left out."""
        try:
            lines = (self._folder / HISTORY_FILE).read_bytes().splitlines()
        except OSError:
            return []
        return [change for line in lines if (change := _change(line)) is not None]

    @contextmanager
    def _locked(self) -> Iterator[None]:
        path = self._folder / LOCK_FILE
        held = RegistryError(f"Another change holds {path}", "Try again once it has ended.")
        give_up_s = time.monotonic() + self._lock_timeout_s
        if not _this_process.acquire(timeout=self._lock_timeout_s):
            raise held
        try:
            with path.open("a") as lock:
                while not _taken(lock.fileno()):
                    if time.monotonic() >= give_up_s:
                        raise held
                    time.sleep(_LOCK_RETRY_S)
                yield  # closing the file gives the lock back
        finally:
            _this_process.release()

    def _tell(self, after: Deployment, action: str, forced: Sequence[str]) -> None:
        change = Change(
            self._now_ms(), after.revision, action, after.champion, after.shadow, after.canary, tuple(forced)
        )
        # The change holds already: for want of a line of history it must not be called a failure.
        with suppress(OSError), (self._folder / HISTORY_FILE).open("ab+") as file:
            # A line that a crash has cut short must not swallow this one.
            file.write((b"" if _ends_whole(file) else b"\n") + msgspec.json.encode(change) + b"\n")


def replace_file(path: Path, content: bytes) -> None:
    """Whole or not at all, also if the power fails. Raises ``OSError``."""
    beside = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        with beside.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the folder's entries last."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _ends_whole(file: BinaryIO) -> bool:
    if file.seek(0, os.SEEK_END) == 0:
        return True
    file.seek(-1, os.SEEK_END)
    return file.read(1) == b"\n"


def _change(line: bytes) -> Change | None:
    try:
        return msgspec.json.decode(line, type=Change)
    except ValueError:
        return None
