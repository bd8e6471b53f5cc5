"""``parlance intents inbox``: turns that the bot was not sure of, and what was meant."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from server.cli.options import ConfigOption, DatabaseOption, DataDirOption, JsonOption
from server.cli.output import console, plain, print_json

if TYPE_CHECKING:
    from inference.intents.relabelled import Merged
    from server.store.inbox_ports import InboxItem

TurnArgument = Annotated[str, typer.Argument(metavar="MESSAGE", help="The item: the id of the customer's message.")]
ByOption = Annotated[str, typer.Option("--by", metavar="ID", help="Who says so, for the record.")]

inbox_app = typer.Typer(
    no_args_is_help=True, help="Turns that the bot was not sure of: list, label, dismiss, export, agreement."
)


@inbox_app.callback()
def inbox() -> None:
    """Turns that the bot was not sure of: list, label, dismiss, export, agreement.

    Works on the server's database, whether the server runs or not. What has a label feeds the next training:
    `parlance intents inbox export FOLDER`, then validate, train, activate.
    """


@inbox_app.command("list")
def list_inbox(
    *,
    state: Annotated[
        Literal["open", "labelled", "dismissed", "all"], typer.Option("--state", help="Which of them.")
    ] = "open",
    model: Annotated[
        str | None, typer.Option("--model", metavar="NAME", help="Only what this model read, such as nlu-1.2.0.")
    ] = None,
    before: Annotated[
        str | None, typer.Option("--before", metavar="MESSAGE", help="Only items older than this one.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, max=1_000, help="At most so many.")] = 20,
    data_dir: DataDirOption = None,
    database_url: DatabaseOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the newest first; the next page is --before the last one's id.

    Exit code 0: shown, even if there are none; 2: the database can't be read.
    """
    from server.cli.inbox_desk import open_desk
    from server.transport.http.inbox_values import shown

    desk = open_desk(data_dir=data_dir, database_url=database_url, config=config)
    items, more = desk.page(None if state == "all" else state, model, before, limit)
    if as_json:
        print_json({"items": [shown(item) for item in items], "more": more})
    else:
        _print(items)
        typer.echo(_summary(items, more))


@inbox_app.command("label")
def label(
    message: TurnArgument,
    intent: Annotated[str | None, typer.Argument(metavar="[INTENT]", help="The intent that was meant.")] = None,
    *,
    none: Annotated[bool, typer.Option("--none", help="None of the intents was meant: it is out of scope.")] = False,
    new: Annotated[bool, typer.Option("--new", help="Make the intent where there is none of this name yet.")] = False,
    by: ByOption = "cli",
    data_dir: DataDirOption = None,
    database_url: DatabaseOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what was meant; a later label replaces the earlier.

    Exit code 0: stored; 1: no such item, or an intent that nobody knows and that --new does not make; 2: the database
    can't be used.
    """
    from server.cli.inbox_desk import open_desk
    from server.errors import StartupError

    if none == (intent is not None):
        raise StartupError("What was meant?", "Give either the name of an intent or --none.")
    desk = open_desk(data_dir=data_dir, database_url=database_url, config=config)
    _tell(desk.label(message, intent, new=new, by=by), as_json)


@inbox_app.command("dismiss")
def dismiss(
    message: TurnArgument,
    *,
    by: ByOption = "cli",
    data_dir: DataDirOption = None,
    database_url: DatabaseOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Set an item aside that tells nothing: it is neither learned nor counted.

    Exit code 0: stored; 1: no such item; 2: the database can't be used.
    """
    from server.cli.inbox_desk import open_desk

    desk = open_desk(data_dir=data_dir, database_url=database_url, config=config)
    _tell(desk.dismiss(message, by=by), as_json)


@inbox_app.command("export")
def export(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder of intents (*.yaml), made if missing.")],
    *,
    data_dir: DataDirOption = None,
    database_url: DatabaseOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write what has a label into FOLDER/inbox.yaml, beside your own files, which stay as they are.

    Each text once, under the intent that was named last; the same again changes nothing. Where another file says
    otherwise of the same text, `parlance intents validate` tells.

    Exit code 0: written, or nothing to write; 2: the folder or the database can't be used.
    """
    from inference.intents.relabelled import FILE
    from server.cli.inbox_desk import open_desk

    merged = open_desk(data_dir=data_dir, database_url=database_url, config=config).export(folder)
    if as_json:
        counts = {"added": len(merged.added), "removed": len(merged.removed)}
        print_json({"file": str(folder / FILE), **counts, "present": merged.present, "unfit": merged.unfit})
        return
    typer.echo(f"{folder / FILE}: {_changes(merged)}.")
    if merged.added or merged.removed:
        typer.echo(f"Next: parlance intents validate {folder}, then train.")


@inbox_app.command("agreement")
def agreement(
    *,
    data_dir: DataDirOption = None,
    database_url: DatabaseOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """How often the labels are what the model had said, by its version. Only doubtful turns are labelled: no accuracy.

    Exit code 0: told; 2: the database can't be read.
    """
    from server.cli.inbox_desk import open_desk
    from server.transport.http.inbox_values import agreements

    found = open_desk(data_dir=data_dir, database_url=database_url, config=config).agreement()
    if as_json:
        print_json({"items": agreements(found)})
        return
    for one in found:
        typer.echo(f"{one.model}: {one.agreed} of {one.labelled} labels are what it had said, {one.share:.1%}")
    if not found:
        typer.echo("Nothing has a label yet.")


def _tell(item: InboxItem, as_json: bool) -> None:
    from server.transport.http.inbox_values import shown

    if as_json:
        print_json(shown(item))
    else:
        told = "dismissed" if item.label is None else f"{item.label} (said: {item.doubt.said})"
        typer.echo(f"{item.turn_id}: {told}")


def _print(items: list[InboxItem]) -> None:
    from rich.table import Table
    from rich.text import Text

    if not items:
        return
    judged = any(item.state != "open" for item in items)
    table = Table(header_style="bold")
    for title in ("Message", "Written (UTC)", "Said", "Sure", "Or", "Model", *(("Label",) if judged else ()), "Text"):
        table.add_column(title, no_wrap=title in ("Message", "Written (UTC)"), justify="left")
    for item in items:
        doubt = item.doubt
        others = ", ".join(f"{name} {probability:.2f}" for name, probability in doubt.guesses[1:3])
        cells = [item.turn_id, _time(item.at_ms), doubt.said, f"{doubt.confidence:.2f}", others, doubt.model]
        cells += [item.label or item.state] if judged else []
        table.add_row(*map(Text, [*cells, plain(item.text)]))
    console().print(table)


def _time(at_ms: int) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(at_ms / 1_000, UTC).strftime("%Y-%m-%d %H:%M")


def _summary(items: list[Any], more: bool) -> str:
    if not items:
        return "There is nothing here."
    shown = f"{len(items)} turn{'s' if len(items) != 1 else ''}"
    return f"{shown}; the next page: --before {items[-1].turn_id}" if more else f"{shown}."


def _changes(merged: Merged) -> str:
    parts = [f"{len(merged.added)} added", f"{merged.present} there already"]
    if merged.removed:
        parts.append(f"{len(merged.removed)} removed")
    if merged.unfit:
        parts.append(f"{merged.unfit} left out, being too long or without a word")
    return ", ".join(parts)
