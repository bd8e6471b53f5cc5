"""A user's own intents as files: the folder of examples, what was trained on them, and what is in use."""

from __future__ import annotations

import asyncio
import fcntl
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from inference.intents.relabelled import FILE, Merged
from inference.intents.trained import Manifest
from inference.intents.values import IntentSet
from server.chat.intent_desk import Trained
from server.contents import (
    champion_folder,
    check_no_canary,
    embedding_space,
    read_intents_with,
    read_trained,
    yaml_of,
)
from server.errors import Conflict, Invalid, StartupError
from server.settings import Settings

TRAINING_TIMEOUT_S: Final = 300.0
LEAST_PRIORITY: Final = 10
"""Of `nice`: who chats goes before who learns."""

HEADER: Final = (
    "# What customers wrote and people said of it. Written by `parlance intents inbox export`, which adds to it and\n"
    "# moves what was labelled anew; relabel in the inbox rather than here. Comments do not stay.\n"
)


class IntentFiles:
    """Of these settings; see ``chat.intent_desk.Files``. Everything but ``train`` blocks."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @property
    def missing(self) -> str:
        """The settings without which nothing can be learned here; "" where nothing is missing."""
        given = {"intents": self._settings.intents, "intents_dir": self._settings.intents_dir}
        return " and ".join(name for name, path in given.items() if path is None)

    def read(self) -> tuple[IntentSet | None, Mapping[str, Any]]:
        """All intents of the folder, and the document of the file that is written here. ``StartupError``."""
        return read_intents_with(self._folder, FILE)

    def update(self, change: Callable[[IntentSet | None, Mapping[str, Any]], Merged]) -> Merged:
        """Bring the file up to what ``change`` makes of it, one worker after the other. ``StartupError``."""
        with _held(self._folder):
            merged = change(*self.read())
            write_merged(self._folder, merged)
        return merged

    async def train(self) -> None:
        """Learn the folder beside the server, as the command does. ``Invalid`` for intents that can't be learned."""
        model = await asyncio.to_thread(champion_folder, self._settings)
        command = ("train", str(self._folder), "--out", str(self._beside("candidate")), "--model", str(model), "--json")
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "server.cli.main", "intents", *command),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        with suppress(OSError):  # it may have ended already
            os.setpriority(os.PRIO_PROCESS, process.pid, LEAST_PRIORITY)
        try:
            async with asyncio.timeout(TRAINING_TIMEOUT_S):
                out, told = await process.communicate()
        except TimeoutError:
            raise Conflict(f"It was not learned within {TRAINING_TIMEOUT_S:.0f} s: use the command.") from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode:
            raise Invalid(" ".join((out + told).decode("utf-8", "replace").split()) or "It could not be learned.")

    def trained(self, which: str = "") -> Trained | None:
        """What is in use, or ``candidate`` or ``previous``; None where there is none that can be read."""
        path = self._beside(which)
        try:
            return Trained(read_trained(path, None).manifest, _digest(path), int(path.stat().st_mtime * 1_000))
        except (StartupError, OSError):
            return None

    def activate(self) -> None:
        """Let the candidate hold, and keep what held before. ``StartupError`` where it does not fit."""
        self._exchange("candidate")

    def roll_back(self) -> None:
        """Let what held before hold again. ``StartupError``."""
        self._exchange("previous")

    def _exchange(self, which: str) -> None:
        there = self._beside("")
        before = there.read_bytes() if there.exists() else None
        put_in_place(self._settings, self._beside(which))
        if before is not None:
            write_whole(self._beside("previous"), before)

    @property
    def _folder(self) -> Path:
        if self._settings.intents_dir is None:
            raise StartupError("The setting `intents_dir` is empty.", "Say where your intents' examples lie.")
        return self._settings.intents_dir

    def _beside(self, which: str) -> Path:
        path = self._settings.intents
        if path is None:
            raise StartupError("The setting `intents` is empty.", "Say where the server finds its intents.")
        return path.with_name(f"{path.stem}.{which}{path.suffix}") if which else path


def put_in_place(settings: Settings, file: Path) -> Manifest:
    """Let ``file`` hold where the setting ``intents`` points: workers take it within seconds. ``StartupError`` where
    it is damaged, of another model, or not for a canary that answers."""
    if settings.intents is None:
        remedy = "Say where the server finds its intents, for example with PARLANCE_INTENTS=data/intents.npz."
        raise StartupError("The setting `intents` is empty.", remedy)
    manifest = read_trained(file, embedding_space(champion_folder(settings))).manifest
    check_no_canary(settings, manifest.space)
    write_whole(settings.intents, file.read_bytes())
    return manifest


def write_merged(folder: Path, merged: Merged) -> None:
    """The folder's file as ``merged`` has it, where that changes anything; without a document there is no file."""
    if not (merged.added or merged.removed):
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not merged.document:
            (folder / FILE).unlink(missing_ok=True)
            return
    except OSError as error:
        raise StartupError(f"{folder} can't be written: {error.strerror}.", "Give another folder.") from None
    write_whole(folder / FILE, f"{HEADER}{yaml_of(merged.document)}".encode())


def write_whole(path: Path, content: bytes) -> None:
    """Whole or not at all: a server that reads the file meanwhile finds the old one."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_bytes(content)
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise StartupError(f"{path} can't be written: {error.strerror}.", "Give a path that can be written.") from None


def _digest(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Others who would write there wait; a folder can be locked itself."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise StartupError(f"{folder} can't be opened: {error.strerror}.", "Give another folder.") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
