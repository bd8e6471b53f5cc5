"""``parlance serve``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from server import __version__
from server.cli.options import (
    ConfigOption,
    DatabaseOption,
    DataDirOption,
    HostOption,
    LogLevelOption,
    PortOption,
    RedisOption,
    WorkersOption,
    load,
)

if TYPE_CHECKING:
    from server.settings import Settings


def serve(
    *,
    host: HostOption = None,
    port: PortOption = None,
    workers: WorkersOption = None,
    data_dir: DataDirOption = None,
    database_url: DatabaseOption = None,
    redis_url: RedisOption = None,
    log_level: LogLevelOption = None,
    demo: Annotated[
        bool, typer.Option("--demo", help="With the knowledge of a small shop, to try what answers look like.")
    ] = False,
    config: ConfigOption = None,
) -> None:
    """Start the chat server and run until Ctrl+C or SIGTERM.

    Without any flag: a local server on http://127.0.0.1:8000 with its data in ./data, open to guests.
    """
    settings = load(
        host=host,
        port=port,
        workers=workers,
        data_dir=data_dir,
        database_url=database_url,
        redis_url=redis_url,
        log_level=log_level,
        demo=demo or None,
        config=config,
    ).settings
    typer.echo(_announcement(settings))
    from server.serving import serve as run

    raise typer.Exit(run(settings))


def _announcement(settings: Settings) -> str:
    who = "guests may chat" if settings.guests_allowed else "tokens required"
    return f"Parlance {__version__} starts on {settings.url}  ({who}; data in {settings.data_dir}; Ctrl+C stops it)"
