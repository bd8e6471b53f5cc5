"""``parlance flags``: what an operator turns while servers run, on the same database as theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from server.cli.options import ConfigOption, DatabaseOption, DataDirOption, JsonOption, load
from server.cli.output import console, print_json

if TYPE_CHECKING:
    from server.settings import Settings
    from server.store.sql import SqlStore

FOLLOW = "Running servers follow within 2 seconds."

flags_app = typer.Typer(no_args_is_help=True, help="What is turned while servers run: list, set.")


@flags_app.callback()
def flags() -> None:
    """What is turned while servers run: list, set."""


@flags_app.command("list")
def list_flags(
    *,
    data_dir: DataDirOption = None,
    database_url: DatabaseOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Every flag with the value that holds, and who set it.

    Exit code 0: listed; 2: the database can't be used.
    """
    from server.chat.flags import told
    from server.cli.ledger import with_store
    from server.wiring.flags import known_flags

    settings = _settings(data_dir=data_dir, database_url=database_url, config=config)
    known = {flag.name: flag for flag in known_flags(settings)}
    document, _ = with_store(settings, _held)
    found = told(known, document)
    if as_json:
        print_json(found)
    else:
        _print(found)


@flags_app.command("set")
def set_flag(
    name: Annotated[str, typer.Argument(metavar="FLAG", help="The flag; see `list`.")],
    value: Annotated[
        str | None, typer.Argument(metavar="[VALUE]", help="on, off or a text; left out: what the settings say.")
    ] = None,
    *,
    by: Annotated[str, typer.Option("--by", metavar="NAME", help="Who does it, for the history.")] = "cli",
    data_dir: DataDirOption = None,
    database_url: DatabaseOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let a value hold, on every worker and over restarts.

    Exit code 0: done; 1: there is no such flag, or it can't be that; 2: the database can't be used.
    """
    from server.chat.flags import KIND, flag_named, told, with_flag
    from server.cli.ledger import with_store
    from server.clock import SystemClock
    from server.store.edit_ports import Edit
    from server.wiring.flags import known_flags

    settings = _settings(data_dir=data_dir, database_url=database_url, config=config)
    known = {flag.name: flag for flag in known_flags(settings)}

    async def change(store: SqlStore) -> dict[str, Any]:
        flag = flag_named(known, name)
        document, revision = await _held(store)
        now_ms = SystemClock().now_ms()
        changed = with_flag(document, flag, _value(value, isinstance(flag.default, bool)), by, now_ms)
        await store.add_edit(Edit(KIND, revision + 1, changed, by, now_ms))
        return changed

    (found,) = (one for one in told(known, with_store(settings, change)) if one["flag"] == name)
    if as_json:
        print_json(found)
    else:
        typer.echo(f"{name}: {_shown(found['value'])}. {FOLLOW}")


def _settings(**flags: Any) -> Settings:
    return load(check=False, make=False, **flags).settings


async def _held(store: SqlStore) -> tuple[dict[str, Any], int]:
    from server.chat.flags import KIND

    found = await store.edits(KIND, 1)
    return (dict(found[0].document or {}), found[0].revision) if found else ({}, 0)


def _value(text: str | None, is_switch: bool) -> bool | str | None:
    if text is None or not is_switch:
        return text
    return {"on": True, "true": True, "off": False, "false": False}.get(text.lower(), text)


def _shown(value: bool | str) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return value or "none"


def _print(found: list[dict[str, Any]]) -> None:
    from datetime import UTC, datetime

    from rich.table import Table as Printed
    from rich.text import Text

    table = Printed(header_style="bold")
    for title in ("Flag", "Value", "Set by", "When (UTC)", "Meaning"):
        table.add_column(title)
    for one in found:
        at_ms = one.get("set_at_ms")
        when = "" if at_ms is None else f"{datetime.fromtimestamp(at_ms / 1_000, UTC):%Y-%m-%d %H:%M}"
        row = (one["flag"], _shown(one["value"]), one.get("set_by", ""), when, one["meaning"])
        table.add_row(*map(Text, row))
    console().print(table)
