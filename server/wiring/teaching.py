"""The user's own intents, changed while the server runs: each worker watches the file that the setting names."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import structlog

from inference.intents.trained import Space, TrainedIntents
from server.chat.writer import BuiltInWriter
from server.contents import Phrases, read_trained, writer_of
from server.errors import StartupError

_log = structlog.get_logger(__name__)

WATCH_S = 2.0
"""One look at the file's entry costs microseconds; whoever activates a set waits for it."""

Stamp = tuple[int, int, int]


class Taught(Protocol):
    """The engine, as far as it is taught."""

    def teach(self, intents: TrainedIntents | None) -> None: ...


class Writing(Protocol):
    """How the bot speaks, as far as it writes."""

    def write_with(self, writer: BuiltInWriter) -> None: ...


class Teaching:
    """Takes a new file as a whole; keeps the intents at hand where the new file can't be used, and says so once.

    The file fits one embedding. Another model is taken together with a file that was trained on it (``for_space``,
    ``move``), or not at all.
    """

    def __init__(
        self,
        path: Path,
        intents: TrainedIntents,
        phrases: Phrases,
        *,
        engine: Taught,
        voice: Writing,
        default_language: str | None = None,
    ) -> None:
        self._default_language = default_language
        self._path = path
        self._phrases = phrases
        self._engine = engine
        self._voice = voice
        self._intents = intents
        self._stamp: Stamp | None = None
        self._on_misfit: Callable[[], None] = lambda: None

    def on_misfit(self, tell: Callable[[], None]) -> None:
        """``tell`` is called where the file has changed and does not fit: it may be for a model that waits for it."""
        self._on_misfit = tell

    @property
    def intents(self) -> TrainedIntents:
        """Those at hand."""
        return self._intents

    def for_space(self, space: Space) -> TrainedIntents:
        """Those at hand, or the file's, on this embedding. Any thread may ask; ``StartupError`` where neither fits."""
        here = self._intents
        return here if here.manifest.space == space else read_trained(self._path, space)

    def move(self, intents: TrainedIntents) -> None:
        """Other intents have come with another model, whose engines know them already."""
        self._voice.write_with(writer_of(self._phrases, intents, self._default_language))
        self._intents = intents

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the intents at hand."""
        return self._intents.manifest.labels

    async def watch(self) -> None:
        """Run for ever."""
        while True:
            await asyncio.sleep(WATCH_S)
            try:
                await self.look()
            except Exception:  # whatever it was, the next round must come
                _log.exception("intents not looked at")

    async def look(self) -> None:
        """Take what the file holds now, if it has changed."""
        stamp = await asyncio.to_thread(self._stamped)
        if stamp == self._stamp:
            return
        space = self._intents.manifest.space
        try:
            intents, writer = await asyncio.to_thread(self._read, space)
        except StartupError as error:
            _log.warning("intents kept", reason=str(error))
            self._on_misfit()
        else:
            if self._intents.manifest.space != space:
                return  # another model has been taken meanwhile: look again
            if intents.manifest != self._intents.manifest:
                # Between these two no text is read: both stand on the loop's thread.
                self._engine.teach(intents)
                self._voice.write_with(writer)
                self._intents = intents
                _log.info("intents taught", intents=len(intents.manifest.labels), examples=intents.manifest.examples)
        self._stamp = stamp

    def _stamped(self) -> Stamp | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size

    def _read(self, space: Space) -> tuple[TrainedIntents, BuiltInWriter]:
        intents = read_trained(self._path, space)
        return intents, writer_of(self._phrases, intents, self._default_language)
