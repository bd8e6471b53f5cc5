"""``parlance kb gaps`` and ``faq``: what customers ask, and what no article answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from server.cli.options import ConfigOption, DatabaseOption, DataDirOption, JsonOption
from server.cli.output import console, plain, print_json

if TYPE_CHECKING:
    from server.chat.gaps import Coverage, Frequent, Gap
    from server.store.question_ports import ArticleFigures

GapArgument = Annotated[int, typer.Argument(metavar="GAP", min=1, help="The gap's number.")]
DaysOption = Annotated[int, typer.Option("--days", metavar="N", min=1, max=366, help="Questions of so many days.")]
ByOption = Annotated[str, typer.Option("--by", metavar="ID", help="Who does it, for the record.")]

SHOWN_ARTICLES = 20

gaps_app = typer.Typer(no_args_is_help=True, help="What no article answers well: list, show, draft, resolve, reopen.")


@gaps_app.callback()
def gaps() -> None:
    """What no article answers well: list, show, draft, resolve, reopen.

    A running server finds them in what customers ask. Works on its database, whether it runs or not.
    """


@gaps_app.command("list")
def list_gaps(
    *,
    state: Annotated[
        Literal["open", "draft_written", "resolved", "all"], typer.Option("--state", help="Which of them.")
    ] = "open",
    days: DaysOption = 30,
    least: Annotated[
        int, typer.Option("--least", metavar="N", min=1, help="Only with so many troubled questions.")
    ] = 2,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, max=200, help="At most so many.")] = 20,
    data_dir: DataDirOption = None,
    database_url: DatabaseOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the most pressing first: troubled questions times impact.

    Exit code 0: shown, even if there are none; 2: the database can't be read.
    """
    from server.cli.kb_desk import open_desk
    from server.transport.http.gap_values import gap

    which = None if state == "all" else state
    desk = open_desk(data_dir=data_dir, database_url=database_url, config=config)
    found, more = desk.ask(lambda gaps: gaps.gaps(state=which, days=days, least=least, skip=0, limit=limit))
    if as_json:
        print_json({"items": [gap(one) for one in found], "more": more})
        return
    _print_gaps(found)
    typer.echo(_summary(len(found), more, "gap"))


@gaps_app.command("show")
def show_gap(
    number: GapArgument,
    *,
    days: DaysOption = 30,
    data_dir: DataDirOption = None,
    database_url: DatabaseOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """One gap with more examples.

    Exit code 0: shown; 1: there is no such gap in those days; 2: the database can't be read.
    """
    from server.cli.kb_desk import open_desk

    desk = open_desk(data_dir=data_dir, database_url=database_url, config=config)
    _tell(desk.ask(lambda gaps: gaps.gap(number, days)), as_json)


@gaps_app.command("draft")
def draft(
    number: GapArgument,
    *,
    article: Annotated[
        str | None, typer.Option("--article", metavar="ID", help="The article; if unset, named as the gap.")
    ] = None,
    category: Annotated[
        str | None, typer.Option("--category", metavar="NAME", help="Of an article that is not there yet.")
    ] = None,
    by: ByOption = "cli",
    data_dir: DataDirOption = None,
    database_url: DatabaseOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say which article is being written for a gap; one that is not there is begun, found by the gap's own questions.

    Then `parlance kb export FOLDER`, write its text, `parlance kb import FOLDER`. Before that it can't become active.

    Exit code 0: done; 1: no such gap, it is resolved, or a new article has no category; 2: the database can't be used.
    """
    from server.cli.kb_desk import open_desk

    desk = open_desk(data_dir=data_dir, database_url=database_url, config=config)
    found, is_new = desk.ask(lambda gaps: gaps.draft(number, article, category, by))
    _tell(found, as_json)
    if is_new and not as_json:
        typer.echo(f"Begun: {found.cluster.article_id}. Write its text: parlance kb export FOLDER, then import.")


@gaps_app.command("resolve")
def resolve(
    number: GapArgument,
    *,
    by: ByOption = "cli",
    data_dir: DataDirOption = None,
    database_url: DatabaseOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Close a gap. It opens again by itself when two more questions go wrong.

    Exit code 0: done; 1: there is no such gap; 2: the database can't be used.
    """
    _set_state(number, "resolved", by, as_json, data_dir=data_dir, database_url=database_url, config=config)


@gaps_app.command("reopen")
def reopen(
    number: GapArgument,
    *,
    by: ByOption = "cli",
    data_dir: DataDirOption = None,
    database_url: DatabaseOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Open a gap again.

    Exit code 0: done; 1: there is no such gap; 2: the database can't be used.
    """
    _set_state(number, "open", by, as_json, data_dir=data_dir, database_url=database_url, config=config)


def faq(
    *,
    days: DaysOption = 7,
    people: Annotated[int, typer.Option("--people", metavar="N", min=1, help="Asked by at least so many.")] = 3,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, max=200, help="At most so many.")] = 20,
    data_dir: DataDirOption = None,
    database_url: DatabaseOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """What many people ask, answered or not, those that most ask first.

    Exit code 0: shown, even if there is nothing; 2: the database can't be read.
    """
    from server.cli.kb_desk import open_desk
    from server.transport.http.gap_values import frequent

    desk = open_desk(data_dir=data_dir, database_url=database_url, config=config)
    found = desk.ask(lambda gaps: gaps.frequent(days=days, people=people, limit=limit))
    if as_json:
        print_json({"items": [frequent(one) for one in found]})
        return
    _print_frequent(found)
    typer.echo(_summary(len(found), False, "question"))


def print_coverage(found: Coverage, articles: list[ArticleFigures]) -> None:
    """For people, as a part of ``parlance kb stats``."""
    share = "unknown" if found.share is None else f"{found.share:.1%}"
    typer.echo(
        f"questions: {found.questions} asked, {found.answered} answered from an article (coverage {share}), "
        f"{found.offered} offered a choice, {found.solved} known to be solved, {found.handoffs} handed off after"
    )
    shown = articles[:SHOWN_ARTICLES]
    rows = [
        (one.article_id, one.version, one.shown, one.solved, one.thumbs_up, one.thumbs_down, one.handoffs)
        for one in shown
    ]
    _print(("Article", "Version", "Shown", "Solved", "Thumbs up", "Down", "Hand-offs after"), rows)


def _set_state(number: int, state: Literal["open", "resolved"], by: str, as_json: bool, /, **where: object) -> None:
    from server.cli.kb_desk import open_desk

    _tell(open_desk(**where).ask(lambda gaps: gaps.set_state(number, state, by)), as_json)


def _tell(one: Gap, as_json: bool) -> None:
    from server.transport.http.gap_values import gap

    if as_json:
        print_json(gap(one))
        return
    cluster = one.cluster
    for_it = f", article {cluster.article_id}" if cluster.article_id else ""
    typer.echo(f"{cluster.number} “{plain(cluster.name)}”: {cluster.state}{for_it}")
    troubles = ", ".join(f"{count} {trouble}" for trouble, count in cluster.troubles.items())
    typer.echo(
        f"{cluster.turns} questions of {cluster.people} people, {cluster.answered} answered, {cluster.solved} solved, "
        f"troubled: {troubles or 'none'}; impact {_figure(one.impact)}, priority {one.priority:.1f}"
    )
    for text in one.examples:
        typer.echo(f"- {plain(text)}")


def _print_gaps(found: list[Gap]) -> None:
    rows = [
        (
            one.cluster.number,
            one.cluster.name,
            one.cluster.state,
            one.cluster.troubled,
            one.cluster.people,
            _figure(one.impact),
            f"{one.priority:.1f}",
            " · ".join(one.examples[:2]),
        )
        for one in found
    ]
    _print(("Gap", "Name", "State", "Troubled", "People", "Impact", "Priority", "Such as"), rows)


def _print_frequent(found: list[Frequent]) -> None:
    rows = [
        (
            one.cluster.number,
            one.cluster.name,
            one.cluster.people,
            one.cluster.turns,
            one.cluster.answered,
            ", ".join(article for article, _ in one.articles),
            " · ".join(one.examples[:2]),
        )
        for one in found
    ]
    _print(("Number", "Name", "People", "Questions", "Answered", "By", "Such as"), rows)


def _print(titles: tuple[str, ...], rows: Sequence[tuple[object, ...]]) -> None:
    from rich.table import Table
    from rich.text import Text

    if not rows:
        return
    table = Table(header_style="bold")
    for title in titles:
        table.add_column(title)
    for row in rows:
        table.add_row(*(Text(plain(str(cell))) for cell in row))
    console().print(table)


def _figure(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.2f}"


def _summary(count: int, more: bool, what: str) -> str:
    if not count:
        return "There is nothing here."
    return f"{count} {what}{'s' if count != 1 else ''}{', and there are more' if more else ''}."
