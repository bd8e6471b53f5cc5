"""``parlance kb``: the articles that the bot answers from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from server.cli.kb_gaps import DaysOption, faq, gaps_app, print_coverage
from server.cli.options import ConfigOption, DatabaseOption, DataDirOption, JsonOption
from server.cli.output import console, print_json

if TYPE_CHECKING:
    from server.knowledge.measure import Measured

FolderArgument = Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder of articles (*.md), with subfolders.")]
ByOption = Annotated[str, typer.Option("--by", metavar="ID", help="Who does it, for the record.")]

kb_app = typer.Typer(
    no_args_is_help=True, help="Articles that the bot answers from: check, import, export, search, stats, gaps, faq."
)
kb_app.add_typer(gaps_app, name="gaps")
kb_app.command("faq")(faq)


@kb_app.callback()
def kb() -> None:
    """Articles that the bot answers from: check, import, export, search, stats; what they don't answer: gaps, faq.

    Works on the server's database, whether the server runs or not; a running one takes changes within seconds.
    """


@kb_app.command("check")
def check(
    folder: FolderArgument,
    *,
    questions: Annotated[
        Path | None,
        typer.Option(
            "--questions", metavar="FILE", help="Questions and the article of each, by tabs; - where none answers."
        ),
    ] = None,
    language: Annotated[
        str | None,
        typer.Option("--language", metavar="CODE", help="Ask articles in it, whatever the questions' own language is."),
    ] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Read every article, say which line is wrong, and with --questions how well they are found.

    Exit code 0: all can be used; 1: an article is wrong, or a question names an article that is not there; 2: the
    folder, the questions or the model can't be read.
    """
    from server.cli.kb_desk import checked, measured

    articles, problems = checked(folder)
    found = measured(articles, questions, config, language) if questions is not None and not problems else None
    if as_json:
        from dataclasses import asdict

        print_json(
            {
                "articles": len(articles),
                "problems": problems,
                **({"questions": asdict(found)} if found is not None else {}),
            }
        )
    else:
        for problem in problems:
            typer.echo(problem, err=True)
        typer.echo(f"{len(articles)} article{'s' if len(articles) != 1 else ''} can be used, {len(problems)} can't.")
        if found is not None:
            _tell(found)
    if problems:
        raise typer.Exit(1)


@kb_app.command("import")
def import_articles(
    folder: FolderArgument,
    *,
    state: Annotated[
        Literal["draft", "active"], typer.Option("--state", help="What new versions become; active: answers at once.")
    ] = "active",
    by: ByOption = "cli",
    data_dir: DataDirOption = None,
    database_url: DatabaseOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Save every article of a folder; one whose text is the same makes no new version. Others stay as they are.

    Exit code 0: done; 1: an article is wrong, and nothing was saved; 2: the folder or the database can't be used.
    """
    from server.cli.kb_desk import checked, open_desk, stop

    articles, problems = checked(folder)
    if problems:
        stop(problems)
    counts = open_desk(data_dir=data_dir, database_url=database_url, config=config).save(articles, state, by)
    if as_json:
        print_json(counts)
    else:
        typer.echo(f"{counts['changed']} changed, {counts['same']} the same.")


@kb_app.command("export")
def export(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where to, made if missing.")],
    *,
    data_dir: DataDirOption = None,
    database_url: DatabaseOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write every article, its active version or else its newest, as FOLDER/CATEGORY/ARTICLE.md.

    Exit code 0: written; 2: the folder or the database can't be used.
    """
    from server.cli.kb_desk import open_desk

    written = open_desk(data_dir=data_dir, database_url=database_url, config=config).export(folder)
    if as_json:
        print_json({"written": written})
    else:
        typer.echo(f"{written} article{'s' if written != 1 else ''} written to {folder}.")


@kb_app.command("search")
def search(
    question: Annotated[str, typer.Argument(metavar="QUESTION", help="As a customer would put it.")],
    *,
    category: Annotated[str | None, typer.Option("--category", metavar="NAME", help="Only of this category.")] = None,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, max=20, help="At most so many.")] = 5,
    data_dir: DataDirOption = None,
    database_url: DatabaseOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """What a question finds among the active articles, the surest first, and whether the bot would answer with it.

    Exit code 0: shown, even if nothing is found; 2: the database or the model can't be used.
    """
    from rich.table import Table
    from rich.text import Text

    from server.cli.kb_desk import open_desk
    from server.transport.http.knowledge_values import hit

    desk = open_desk(data_dir=data_dir, database_url=database_url, config=config)
    hits, outcome = desk.search(question, category, limit)
    if as_json:
        print_json({"items": [hit(one) for one in hits], "outcome": outcome})
        return
    table = Table(header_style="bold")
    for title in ("Score", "Article", "Title", "Passage"):
        table.add_column(title)
    for one in hits:
        table.add_row(f"{one.confidence:.2f}", *map(Text, (one.article_id, one.title, one.passage.text)))
    if hits:
        console().print(table)
    typer.echo(
        {"answered": "The bot answers with the first.", "offered": "The bot asks which of the nearest is meant."}.get(
            outcome, "The bot has no answer in its articles."
        )
    )


@kb_app.command("stats")
def stats(
    *,
    days: DaysOption = 30,
    data_dir: DataDirOption = None,
    database_url: DatabaseOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """How many articles and passages there are, which model has embedded them, how much of what customers asked they
    answered, and what each version did: shown, solved, thumbs, hand-offs after.

    Exit code 0: told; 2: the database can't be read.
    """
    from dataclasses import asdict

    from server.cli.kb_desk import open_desk
    from server.transport.http import gap_values

    desk = open_desk(data_dir=data_dir, database_url=database_url, config=config)
    found = desk.figures()
    coverage = desk.ask(lambda gaps: gaps.coverage(days))
    articles = desk.ask(lambda gaps: gaps.figures(days=days))
    if as_json:
        by_version = [gap_values.figures(one) for one in articles]
        print_json({**asdict(found), "questions": gap_values.coverage(coverage), "articles": by_version})
        return
    for what, counts in asdict(found).items():
        told = ", ".join(f"{count} {name or 'not yet'}" for name, count in sorted(counts.items()))
        typer.echo(f"{what}: {told or 'none'}")
    print_coverage(coverage, articles)


def _tell(found: Measured) -> None:
    typer.echo(
        f"{found.questions} questions: the article is among the first three of {found.recall_at_3:.1%}, "
        f"the first of {found.recall_at_1:.1%}."
    )
    typer.echo(
        f"Answered: {found.answered:.1%}, {found.right:.1%} of them from the right article; "
        f"the nearest offered instead: {found.offered:.1%}."
    )
    if found.off_topic:
        typer.echo(
            f"{found.off_topic} questions without an answer: {found.false_answers:.1%} were answered all the same."
        )
