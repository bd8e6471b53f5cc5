"""The server's database for commands, which a running server may use meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

import typer

from server.clock import SystemClock
from server.errors import ClientError, StartupError, Unavailable
from server.store.sql import SqlStore

if TYPE_CHECKING:
    from server.settings import Settings

T = TypeVar("T")


def with_store(settings: Settings, work: Callable[[SqlStore], Awaitable[T]]) -> T:
    """What ``work`` makes of the database of ``settings``, which is never migrated here. ``StartupError`` where it
    can't be used; ends the command with 1 where what was asked for is refused."""
    try:
        return asyncio.run(_with_store(settings, work))
    except Unavailable as error:
        raise StartupError(str(error), "See whether the database is well: parlance doctor.") from None
    except ClientError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None


async def _with_store(settings: Settings, work: Callable[[SqlStore], Awaitable[T]]) -> T:
    if not settings.shares_database and not settings.database_path.exists():
        remedy = "Give the server's --data-dir or --database-url, or let a server start first."
        raise StartupError(f"There is no database {settings.database_path}.", remedy)
    store = SqlStore(
        settings.effective_database_url,
        clock=SystemClock(),
        new_id=_no_ids,
        timeout_s=settings.store_timeout_ms / 1_000,
    )
    try:
        await store.start(migrating=False)
        return await work(store)
    finally:
        await store.close()


def _no_ids() -> str:
    raise AssertionError("nothing here makes rows")
