"""``parlance persona``: the ways in which the bot can speak, and which of them are alike."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from server.cli.options import ConfigOption, JsonOption, load
from server.cli.output import console, print_json
from server.errors import StartupError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adapters.personas import Persona

SHOWN_TRAITS = 3
BAR_CELLS = 20
SHOWN_MISSING = 8

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="As `parlance persona list` names it.")]

persona_app = typer.Typer(
    no_args_is_help=True, help="Personas: list, show, find similar ones, compare their voices, check the phrases."
)


@persona_app.callback()
def persona() -> None:
    """Personas: list, show, find similar ones, compare their voices, check the phrases."""


@persona_app.command("list")
def list_personas(*, as_json: JsonOption = False, config: ConfigOption = None) -> None:
    """Show every persona and what marks it. Exit code 2: the file can't be used."""
    from server.transport.http.insight_values import persona_shown

    personas = _personas(config)
    if as_json:
        print_json([persona_shown(one) for one in personas])
        return
    from rich.table import Table

    table = Table(header_style="bold")
    for title in ("Name", "Description", "Most marked"):
        table.add_column(title)
    for one in personas:
        table.add_row(one.name, one.description, _marks(one))
    console().print(table)


@persona_app.command("show")
def show(name: NameArgument, *, as_json: JsonOption = False, config: ConfigOption = None) -> None:
    """Show a persona's traits and phrases. Exit code 2: there is none of that name."""
    from server.transport.http.insight_values import persona_shown

    found = persona_of(_personas(config), name)
    if as_json:
        print_json({**persona_shown(found), "style": {key: list(phrases) for key, phrases in found.style.items()}})
        return
    typer.echo(f"{found.title} ({found.name}): {found.description}\n")
    for trait, value in found.traits.items():
        filled = round(value * BAR_CELLS)
        typer.echo(f"  {trait:<18} {'█' * filled}{'░' * (BAR_CELLS - filled)} {value:.2f}")
    for key, phrases in found.style.items():
        typer.echo(f"\n{key}")
        for phrase in phrases:
            typer.echo(f"  {phrase}")


@persona_app.command("similar")
def similar(
    name: NameArgument,
    *,
    count: Annotated[int, typer.Option("--count", metavar="N", min=1, max=1_000, help="How many at most.")] = 5,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Show the personas nearest to one by their traits, and where they differ. Exit code 2: none of that name."""
    from server.chat.insight import similar_personas
    from server.transport.http.insight_values import near_personas_shown

    personas = _personas(config)
    near = similar_personas(persona_of(personas, name), {one.name: one for one in personas}, count)
    if as_json:
        print_json(near_personas_shown(near))
        return
    for one in near:
        differences = ", ".join(f"{trait} {step:+.2f}" for trait, step in one.differences)
        typer.echo(f"{one.similarity:.2f}  {one.name:<16} {differences}")


@persona_app.command("examples")
def examples(
    *,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Where to write the page; printed if unset.")
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Make a page (Markdown) of what the personas say in the same situations, side by side.

    Exit code 0: made; 2: personas or phrases can't be used. Example: parlance persona examples --out docs/voices.md
    """
    from server.cli.voices import page
    from server.contents import read_personas, read_phrases, writer_of

    settings = load(config=config, check=False, make=False).settings
    writer = writer_of(read_phrases(settings.phrases_path), None, settings.default_language)
    text = page(writer, read_personas(settings.personas_path))
    if out is None:
        typer.echo(text)
        return
    try:
        out.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise StartupError(
            f"{out} can't be written: {error.strerror}.", "Give --out a file in a folder of yours."
        ) from error


@persona_app.command("check")
def check(*, as_json: JsonOption = False, config: ConfigOption = None) -> None:
    """Check the phrases of every language: what is said twice, never, or not translated, and how much is.

    Exit code 0: nothing to mend; 1: something is; 2: a file can't be used. What is untranslated is only counted.
    """
    from server.chat.writer import coverage, lint_all
    from server.cli.checks import model_intents
    from server.contents import read_personas, read_phrases

    settings = load(config=config, check=False, make=False).settings
    books = read_phrases(settings.phrases_path)
    names = tuple(one.name for one in read_personas(settings.personas_path))
    complaints, covered = lint_all(books, model_intents(settings), names), coverage(books)
    if as_json:
        languages = [
            {"language": one.language, "phrases": one.phrases, "coverage": round(one.share, 4), "missing": one.missing}
            for one in covered
        ]
        print_json({"complaints": complaints, "languages": languages})
    else:
        for complaint in complaints:
            typer.echo(complaint)
        for one in covered:
            typer.echo(f"{one}" + (f"; without {_some(one.missing)}" if one.missing else ""))
    if complaints:
        raise typer.Exit(1)


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN_MISSING} more" if len(names) > SHOWN_MISSING else ""
    return ", ".join(names[:SHOWN_MISSING]) + more


def persona_of(personas: Sequence[Persona], name: str | None) -> Persona:
    """The one of that name, the first for None; ``StartupError`` for an unknown one."""
    from adapters.names import suggestion

    if name is None:
        return personas[0]
    found = next((one for one in personas if one.name == name), None)
    if found is None:
        raise StartupError(f"There is no persona {name!r}.", suggestion(name, [one.name for one in personas]))
    return found


def _personas(config: ConfigOption) -> Sequence[Persona]:
    from server.contents import read_personas

    return read_personas(load(config=config, check=False, make=False).settings.personas_path)


def _marks(one: Persona) -> str:
    strongest = sorted(one.traits.items(), key=lambda entry: -abs(entry[1] - 0.5))[:SHOWN_TRAITS]
    return ", ".join(f"{trait} {value:.2f}" for trait, value in strongest)
