"""How commands print: tables for people, JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from server.errors import StartupError

if TYPE_CHECKING:
    from rich.console import Console

# Of a table that goes into a file or a pipe, where there is no terminal to ask.
PIPE_COLUMNS = 140


def console() -> Console:
    """Standard output as it is at this moment."""
    from rich.console import Console

    width = None if sys.stdout.isatty() else PIPE_COLUMNS
    return Console(file=sys.stdout, highlight=False, width=width)


def print_json(value: object) -> None:
    """One JSON document."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2))


@contextmanager
def logs_aside() -> Iterator[None]:
    """What is logged meanwhile goes to standard error, for the output is a program's to read."""
    import structlog

    was_configured, before = structlog.is_configured(), structlog.get_config()
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    try:
        yield
    finally:
        structlog.reset_defaults()
        if was_configured:
            structlog.configure(**before)


def plain(text: str) -> str:
    """What a terminal shows and does not obey: customers may write escape sequences."""
    return "".join(character if character.isprintable() else " " for character in text)


def refusal(error: ValueError) -> StartupError:
    """What a pure module says, as a sentence of a command."""
    text = str(error)
    return StartupError(text[:1].upper() + text[1:])
