"""How commands print: tables for people, JSON for programs."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import typer

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
