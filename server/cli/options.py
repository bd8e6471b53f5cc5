"""Flags that several commands share, and the settings they lead to."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from server.settings import Loaded

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config", metavar="FILE", help="Settings file (TOML). Else PARLANCE_CONFIG, else ./parlance.toml if there."
    ),
]
DataDirOption = Annotated[
    Path | None, typer.Option("--data-dir", metavar="DIR", help="Folder of the database and the secret.")
]
HostOption = Annotated[
    str | None, typer.Option("--host", metavar="ADDRESS", help="Address to listen on; 127.0.0.1 unless set.")
]
PortOption = Annotated[int | None, typer.Option("--port", metavar="PORT", help="Port to listen on; 8000 unless set.")]
WorkersOption = Annotated[
    int | None, typer.Option("--workers", metavar="N", help="Server processes; more than one needs Redis, PostgreSQL.")
]
DatabaseOption = Annotated[
    str | None, typer.Option("--database-url", metavar="URL", help="Database, as sqlite:///FILE.")
]
RedisOption = Annotated[str | None, typer.Option("--redis-url", metavar="URL", help="Redis that connects workers.")]
LogLevelOption = Annotated[
    str | None, typer.Option("--log-level", metavar="LEVEL", help="debug, info, warning or error.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


def load(*, check: bool = True, make: bool = True, **flags: object) -> Loaded:
    """The settings of this call; see ``server.settings.load_settings``."""
    from server.settings import load_settings

    return load_settings(flags, os.environ, Path.cwd(), check=check, make=make)
