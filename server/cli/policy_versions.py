"""``parlance policy list|show|snapshot|rollback|pause|resume``: what policies have learned, kept and taken back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

import typer

from server.cli.options import ConfigOption, DatabaseOption, DataDirOption, JsonOption
from server.cli.output import console, print_json

if TYPE_CHECKING:
    from server.chat.policies import PolicyDesk
    from server.settings import Settings

T = TypeVar("T")
PolicyArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="[POLICY]", help="A policy's log, such as experiment:ID:VARIANT; left out: the one of the settings."
    ),
]
ByOption = Annotated[str, typer.Option("--by", metavar="ID", help="Who says so, for the record.")]


def register(group: typer.Typer) -> None:
    """Make these commands part of ``group``."""
    group.command("list")(list_policies)
    group.command("show")(show)
    group.command("snapshot")(snapshot)
    group.command("rollback")(rollback)
    group.command("pause")(pause)
    group.command("resume")(resume)


def list_policies(
    *,
    data_dir: DataDirOption = None,
    database_url: DatabaseOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show every policy that has learned something.

    Exit code 0: shown; 2: the database can't be read.
    """
    settings = _settings(data_dir=data_dir, database_url=database_url, config=config)
    found = _run(settings, lambda desk: desk.overview())
    if as_json:
        print_json({"items": found})
        return
    for item in found:
        typer.echo(f"{item['policy']}: {item['version']} entries in its log{_used(item)}")


def show(
    policy: PolicyArgument = None,
    *,
    data_dir: DataDirOption = None,
    database_url: DatabaseOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a policy's snapshots, and what was done to it and by whom.

    Exit code 0: shown; 1: no such policy; 2: the database can't be read.
    """
    settings = _settings(data_dir=data_dir, database_url=database_url, config=config)
    found = _run(settings, lambda desk: desk.show(policy or settings.policy))
    if as_json:
        print_json(found)
    else:
        _print(found)


def snapshot(
    policy: PolicyArgument = None,
    *,
    by: ByOption = "cli",
    data_dir: DataDirOption = None,
    database_url: DatabaseOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Store what the log says that the policy knows now; it stays until you replace it.

    Exit code 0: stored; 1: no such policy, or nothing learns from its log; 2: the database can't be used.
    """
    from server.chat.policies import shown_snapshot

    settings = _settings(data_dir=data_dir, database_url=database_url, config=config)
    made = _run(settings, lambda desk: desk.snapshot(policy or settings.policy, by))
    if as_json:
        print_json(shown_snapshot(made))
    else:
        typer.echo(f"Snapshot {made.log_offset} of {made.policy}: {len(made.state)} bytes, SHA-256 {made.digest}.")


def rollback(
    version: Annotated[
        int, typer.Argument(metavar="VERSION", help="A snapshot's, or any place of the log; 0: as new.")
    ],
    policy: PolicyArgument = None,
    *,
    by: ByOption = "cli",
    data_dir: DataDirOption = None,
    database_url: DatabaseOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Forget what was learned after VERSION; 0 is the beginning. The personas stay. Running servers follow in seconds.

    The rollback is an entry of the log, nothing is deleted: go back to the version before it to take it back.

    Exit code 0: done; 1: no such policy or version, or nothing learns from its log; 2: the database can't be used.
    """
    settings = _settings(data_dir=data_dir, database_url=database_url, config=config)
    change = _run(settings, lambda desk: desk.roll_back(policy or settings.policy, version, by))
    if as_json:
        print_json({"policy": change.policy, "version": change.log_offset, "to": version, "by": by})
    else:
        typer.echo(f"{change.policy} knows from entry {change.log_offset} on what it knew at {version}.")


ArmArgument = Annotated[str, typer.Argument(metavar="PERSONA", help="The persona's name.")]


def pause(
    persona: ArmArgument,
    policy: PolicyArgument = None,
    *,
    by: ByOption = "cli",
    data_dir: DataDirOption = None,
    database_url: DatabaseOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let PERSONA not be drawn for now. What was learned of it stays. Running servers follow in seconds.

    Exit code 0: done; 1: no such policy or persona, or it is paused, or the last one; 2: the database can't be used.
    """
    settings = _settings(data_dir=data_dir, database_url=database_url, config=config)
    _change_arm(settings, "pause", persona, policy, by, as_json=as_json)


def resume(
    persona: ArmArgument,
    policy: PolicyArgument = None,
    *,
    by: ByOption = "cli",
    data_dir: DataDirOption = None,
    database_url: DatabaseOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let a paused PERSONA be drawn again.

    Exit code 0: done; 1: no such policy or persona, or it is not paused; 2: the database can't be used.
    """
    settings = _settings(data_dir=data_dir, database_url=database_url, config=config)
    _change_arm(settings, "resume", persona, policy, by, as_json=as_json)


def _change_arm(
    settings: Settings, kind: Literal["pause", "resume"], persona: str, policy: str | None, by: str, *, as_json: bool
) -> None:
    change = _run(settings, lambda desk: desk.change_arm(policy or settings.policy, kind, persona, by))
    if as_json:
        print_json({"policy": change.policy, "version": change.log_offset, "kind": kind, "arm": persona, "by": by})
    else:
        again = "draws no more" if kind == "pause" else "draws again"
        typer.echo(f"{change.policy} {again} {persona} from entry {change.log_offset} on.")


def _settings(**flags: Any) -> Settings:
    from server.cli.options import load

    return load(check=False, make=False, **flags).settings


def _run(settings: Settings, work: Callable[[PolicyDesk], Awaitable[T]]) -> T:
    from server.errors import ClientError, StartupError, Unavailable

    try:
        return asyncio.run(_with_desk(settings, work))
    except Unavailable as error:
        raise StartupError(str(error), "See whether the database is well: parlance doctor.") from None
    except ClientError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None


async def _with_desk(settings: Settings, work: Callable[[PolicyDesk], Awaitable[T]]) -> T:
    from server.chat.policies import PolicyDesk
    from server.chat.replay import Replay
    from server.clock import SystemClock
    from server.contents import read_personas
    from server.errors import StartupError
    from server.store.sql import SqlStore
    from server.wiring.policies import makers

    if not settings.shares_database and not settings.database_path.exists():
        remedy = "Give the server's --data-dir or --database-url, or let a server start first."
        raise StartupError(f"There is no database {settings.database_path}.", remedy)
    clock = SystemClock()
    timeout_s = settings.store_timeout_ms / 1_000
    store = SqlStore(settings.effective_database_url, clock=clock, new_id=_no_ids, timeout_s=timeout_s)
    try:
        await store.start(migrating=False)
        desk = PolicyDesk(
            store,
            name=settings.policy,
            makers=makers(settings, read_personas(settings.personas_path), store),
            fold=lambda log, maker: Replay(store, log, maker).state_at(),
            clock=clock,
            snapshots_kept=settings.policy_snapshots_kept,
        )
        return await work(desk)
    finally:
        await store.close()


def _print(found: dict[str, Any]) -> None:
    from rich.table import Table
    from rich.text import Text

    typer.echo(f"{found['policy']}: {found['version']} entries in its log{_used(found)}")
    for title, rows, columns in (
        ("Snapshots", found["snapshots"], ("version", "reason", "by", "created_ms", "algorithm")),
        ("Changes", found["changes"], ("version", "kind", "by", "at_ms", "to", "arm")),
    ):
        if not rows:
            continue
        table = Table(title=title, header_style="bold", title_justify="left")
        for column in columns:
            table.add_column(column.removesuffix("_ms"), no_wrap=column == "version")
        for row in rows:
            table.add_row(*(Text(_cell(column, row.get(column))) for column in columns))
        console().print(table)


def _cell(column: str, value: object) -> str:
    from datetime import UTC, datetime

    if column.endswith("_ms") and isinstance(value, int):
        return datetime.fromtimestamp(value / 1_000, UTC).strftime("%Y-%m-%d %H:%M:%S")
    return "" if value is None else str(value)


def _used(item: dict[str, Any]) -> str:
    if "arms" not in item:
        return "; nothing learns from it"
    paused = f"; paused: {', '.join(item['paused'])}" if item["paused"] else ""
    return f"{'; in use,' if item['used'] else ';'} with {', '.join(item['arms'])}{paused}"


def _no_ids() -> str:
    raise AssertionError("nothing here makes rows")
