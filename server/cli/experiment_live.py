"""The commands of ``parlance experiment`` for a server's own experiments: create, start, pause, ramp, stop, report …"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from server.cli.extras import check_pictures
from server.cli.options import ConfigOption, DatabaseOption, DataDirOption, JsonOption
from server.cli.output import console, print_json

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from server.chat.experiments import Experiments, Found

FOLLOW = "Running servers follow within 2 seconds."
BLOCKED_EXIT = 1

IdArgument = Annotated[str, typer.Argument(metavar="ID", help="The experiment.")]
ByOption = Annotated[str, typer.Option("--by", metavar="NAME", help="Who does it, for the history.")]


def create(
    file: Annotated[Path | None, typer.Argument(metavar="[FILE.YAML]", help="The experiment.")] = None,
    *,
    template: Annotated[
        str | None, typer.Option("--template", metavar="NAME", help="Begin with this one; see `templates`.")
    ] = None,
    experiment_id: Annotated[
        str | None, typer.Option("--id", metavar="ID", help="Its id, in place of the file's.")
    ] = None,
    by: ByOption = "cli",
    data_dir: DataDirOption = None,
    database_url: DatabaseOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a draft from a file, or from a template; nobody is shown anything until it is started.

    Exit code 0: it is there; 1: something is written wrongly, can't act on this server, or the id is taken; 2: the file
    or the database can't be used.
    """
    from server.cli.experiment_desk import open_desk
    from server.errors import StartupError

    if file is None and template is None:
        raise StartupError("Which experiment?", "Give a YAML file, or --template NAME.")
    desk = open_desk(data_dir=data_dir, database_url=database_url, config=config)
    found = desk.create(file, template, experiment_id, by)
    _tell(found, as_json, f"Next: `parlance experiment start {found.experiment.id}`.")


def start(
    experiment_id: IdArgument,
    *,
    by: ByOption = "cli",
    data_dir: DataDirOption = None,
    database_url: DatabaseOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let a draft, or a paused one, take users.

    Exit code 0: done; 1: it does not exist, is in another state or can't act; 2: the database can't be used.
    """
    flags = {"data_dir": data_dir, "database_url": database_url, "config": config}
    _change(lambda experiments: experiments.start(experiment_id, by), as_json, flags)


def pause(
    experiment_id: IdArgument,
    *,
    by: ByOption = "cli",
    data_dir: DataDirOption = None,
    database_url: DatabaseOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take nobody new; who is in keeps the variant.

    Exit code 0: done; 1: it does not exist or does not run; 2: the database can't be used.
    """
    flags = {"data_dir": data_dir, "database_url": database_url, "config": config}
    _change(lambda experiments: experiments.pause(experiment_id, by), as_json, flags)


def ramp(
    experiment_id: IdArgument,
    exposure: Annotated[float, typer.Argument(metavar="SHARE", help="Of the eligible, from 0 to 1.")],
    *,
    by: ByOption = "cli",
    data_dir: DataDirOption = None,
    database_url: DatabaseOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take in a larger share of users; nobody who is in leaves or changes variant.

    Exit code 0: done; 1: it does not exist, is completed, or the share would fall; 2: the database can't be used.
    """
    flags = {"data_dir": data_dir, "database_url": database_url, "config": config}
    _change(lambda experiments: experiments.ramp(experiment_id, exposure, by), as_json, flags)


def stop(
    experiment_id: IdArgument,
    *,
    winner: Annotated[
        str | None,
        typer.Option(
            "--winner", metavar="VARIANT", help="What everybody gets from now on; else what there was before."
        ),
    ] = None,
    note: Annotated[str | None, typer.Option("--note", metavar="TEXT", help="Why, for the history.")] = None,
    by: ByOption = "cli",
    data_dir: DataDirOption = None,
    database_url: DatabaseOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Complete it.

    Exit code 0: done; 1: it does not exist, does not run, or has no such variant; 2: the database can't be used.
    """
    flags = {"data_dir": data_dir, "database_url": database_url, "config": config}
    _change(lambda experiments: experiments.complete(experiment_id, winner, by, note), as_json, flags)


def withdraw(
    experiment_id: IdArgument,
    *,
    by: ByOption = "cli",
    data_dir: DataDirOption = None,
    database_url: DatabaseOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take the winner of a completed one back: everybody gets what there was before.

    Exit code 0: done; 1: it does not exist or is not completed; 2: the database can't be used.
    """
    flags = {"data_dir": data_dir, "database_url": database_url, "config": config}
    _change(lambda experiments: experiments.withdraw(experiment_id, by), as_json, flags)


def list_experiments(
    *,
    data_dir: DataDirOption = None,
    database_url: DatabaseOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show every experiment and how it stands.

    Exit code 0: shown, even if there are none; 2: the database can't be read.
    """
    from server.chat.experiments import document_of
    from server.cli.experiment_desk import open_desk

    found = open_desk(data_dir=data_dir, database_url=database_url, config=config).do(lambda own: own.all())
    if as_json:
        print_json({"items": [document_of(one) for one in found]})
    elif found:
        _print(found)
    else:
        typer.echo("There are no experiments. Begin with `parlance experiment create --template response_style`.")


def show(
    experiment_id: IdArgument,
    *,
    data_dir: DataDirOption = None,
    database_url: DatabaseOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show one experiment, and who changed it when and why.

    Exit code 0: shown; 1: it does not exist; 2: the database can't be read.
    """
    from server.chat.experiment_office import told_of
    from server.chat.experiments import document_of
    from server.cli.experiment_desk import open_desk
    from server.contents import yaml_of

    desk = open_desk(data_dir=data_dir, database_url=database_url, config=config)
    found, history = desk.with_history(experiment_id)
    if as_json:
        print_json({**document_of(found), "history": [told_of(row) for row in history]})
        return
    typer.echo(yaml_of(document_of(found)))
    for row in history:
        typer.echo(f"{_time(row.at_ms)}  {row.verb:8}  {row.by}{f': {row.note}' if row.note else ''}")


def report(
    experiment_id: IdArgument,
    *,
    plot: Annotated[Path | None, typer.Option("--plot", metavar="FILE.PNG", help="Draw a forest plot there.")] = None,
    data_dir: DataDirOption = None,
    database_url: DatabaseOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Analyse what its users did since they were first shown it; as often as you like, with the method sequential.

    Exit code 0: analysed; 1: it does not exist, or nothing may be concluded (sample-ratio mismatch); 2: the database
    can't be read.
    """
    from server.chat.outcomes import told
    from server.cli import experiment_picture, experiment_report
    from server.cli.experiment_desk import open_desk

    if plot is not None:
        check_pictures("leave --plot away")
    read = open_desk(data_dir=data_dir, database_url=database_url, config=config).report(experiment_id)
    if as_json:
        print_json(told(read.found.experiment, read.report, read.window))
    elif read.report is None:
        typer.echo("Nobody was shown it yet.")
    else:
        experiment_report.print_report(read.report, console())
    if plot is not None:
        experiment_picture.draw(read.report, plot)
    if read.report is not None and read.report.findings.blocked:
        raise typer.Exit(BLOCKED_EXIT)


def templates(*, as_json: JsonOption = False) -> None:
    """Show the ready-made experiments.

    Exit code 0: shown.
    """
    from adapters.experiments.documents import to_document
    from adapters.experiments.templates import TEMPLATES, from_template

    made = [from_template(name, name) for name in TEMPLATES]
    if as_json:
        print_json({"items": [to_document(own) for own in made]})
        return
    for own in made:
        variants = ", ".join(variant.name for variant in own.variants)
        typer.echo(
            f"{own.id}: {own.hypothesis}\n  variants {variants}; {own.planned_units} users; {own.metrics[0]} decides"
        )


def _change(work: Callable[[Experiments], Awaitable[Found]], as_json: bool, flags: dict[str, Any]) -> None:
    from server.cli.experiment_desk import open_desk

    _tell(open_desk(**flags).do(work), as_json, FOLLOW)


def _tell(found: Found, as_json: bool, onward: str) -> None:
    from server.chat.experiments import document_of

    if as_json:
        print_json(document_of(found))
        return
    own = found.experiment
    won = f", everybody gets {own.winner}" if own.winner else ""
    typer.echo(f"{own.id} is {own.state}{won}. {onward}")


def _print(found: list[Found]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(header_style="bold")
    for title in ("Experiment", "State", "Variants", "Exposure", "Decides", "Started (UTC)", "Winner"):
        table.add_column(title, overflow="fold")
    for one in found:
        own = one.experiment
        started = "" if own.started_ms is None else _time(own.started_ms)
        variants = ", ".join(variant.name for variant in own.variants)
        cells = (own.id, own.state, variants, f"{own.exposure:.0%}", own.metrics[0], started, own.winner or "")
        table.add_row(*map(Text, cells))
    console().print(table)


def _time(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1_000, UTC).strftime("%Y-%m-%d %H:%M")
