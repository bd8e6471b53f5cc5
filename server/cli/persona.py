"""``parlance persona``: the ways in which the bot can speak, and which of them are alike."""

from __future__ import annotations

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

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="As `parlance persona list` names it.")]

persona_app = typer.Typer(no_args_is_help=True, help="Personas: list, show, find similar ones.")


@persona_app.callback()
def persona() -> None:
    """Personas: list, show, find similar ones."""


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
