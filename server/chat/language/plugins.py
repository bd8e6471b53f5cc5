"""Writers that somebody else's package brings, as entry points of the group ``parlance.writers``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import cast

from server.chat.language.values import LanguageWriter
from server.errors import StartupError

GROUP = "parlance.writers"


@dataclass(frozen=True, slots=True)
class WriterOptions:
    """What the settings say to a writer; each may be empty. ``connect_s``: how long a connection may take to come
    about; all other deadlines are kept for the writer."""

    url: str
    model: str
    key: str
    connect_s: float


MakeWriter = Callable[[WriterOptions], LanguageWriter]


def load_writer(name: str, options: WriterOptions) -> LanguageWriter:
    """The writer of the entry point ``name``. Raises ``StartupError`` with the names that there are."""
    found = entry_points(group=GROUP)
    if name not in found.names:
        known = ", ".join(sorted(found.names)) or "none is installed"
        raise StartupError(
            f"language_writer = {name}: there is no such entry point of the group {GROUP} ({known}).",
            "Use builtin, openai or webhook, or install the package that brings it.",
        )
    try:
        make = cast(MakeWriter, found[name].load())
        return make(options)
    except Exception as error:  # whatever somebody else's code raises
        raise StartupError(f"The writer {name} could not be made: {error!r}.", "See its own documentation.") from error
