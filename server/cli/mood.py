"""``parlance mood``: the mood rules of a file, checked, and what they make of texts."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from server.cli.options import ConfigOption, JsonOption, load
from server.cli.output import console, print_json
from server.errors import StartupError

if TYPE_CHECKING:
    from adapters.mood import MoodRules
    from adapters.personas import Persona
    from inference.analysis import Analysis
    from server.chat.memory import Memory
    from server.chat.mood import Bent
    from server.chat.writer import BuiltInWriter
    from server.settings import Settings

SECONDS_BETWEEN = 20
SEED = 0

mood_app = typer.Typer(no_args_is_help=True, help="Mood rules: check a file, try them on texts.")


@mood_app.callback()
def mood() -> None:
    """Mood rules: check a file, try them on texts."""


@mood_app.command("check")
def check(
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="Rules (YAML); those of the settings if left out.")
    ] = None,
    *,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Say which rules a file has. Exit code 0: it can be used; 2: it can't, and why."""
    path, rules = _rules(file, config)
    if as_json:
        print_json({"file": str(path), "half_life_turns": rules.half_life_turns, "rules": _rules_shown(rules)})
        return
    from rich.table import Table

    table = Table(header_style="bold")
    for title in ("Rule", "When", "Traits"):
        table.add_column(title)
    for rule in _rules_shown(rules):
        table.add_row(rule["name"], " and ".join(rule["when"]), _changes_in_words(rule["traits"]))
    console().print(table)
    typer.echo(
        f"{path}: {len(rules.rules)} rules; one that fires no more counts half after {rules.half_life_turns:g} turns."
    )


@mood_app.command("try")
def try_texts(
    texts: Annotated[list[str], typer.Argument(metavar="TEXT...", help="Messages of one customer, in order.")],
    *,
    file: Annotated[
        Path | None, typer.Option("--file", metavar="FILE", help="Rules to try; those of the settings if unset.")
    ] = None,
    persona: Annotated[
        str | None, typer.Option("--persona", metavar="NAME", help="The base; the first of the personas if unset.")
    ] = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Show which rules each message fires, what is left of earlier ones, and the answer without and with them.

    Exit code 0: shown; 2: a file or a name is wrong. Example: parlance mood try "where is it?" "I'm furious!"
    """
    from server.cli.persona import persona_of
    from server.contents import read_personas

    settings = load(config=config, check=False, make=False).settings
    _, rules = _rules(file, config)
    base = persona_of(read_personas(settings.personas_path), persona)
    tried = _tried(texts, rules, base, settings)
    if as_json:
        print_json({"persona": base.name, "messages": [_shown(one, base) for one in tried]})
        return
    from rich.text import Text

    for one in tried:
        for style, line in _lines(one, base):
            console().print(Text(line, style), soft_wrap=True)


@dataclass(frozen=True, slots=True)
class _Tried:
    """A message, and what the rules make of the persona that answers it."""

    text: str
    analysis: Analysis
    bent: Bent
    plain_answer: str
    bent_answer: str


def _tried(texts: list[str], rules: MoodRules, base: Persona, settings: Settings) -> list[_Tried]:
    from server.chat.memory import Memory
    from server.chat.mood import bend
    from server.cli.analyze import open_engine
    from server.contents import champion_folder, read_phrases, read_trained, writer_of

    engine = open_engine(champion_folder(settings), products=settings.products_file, intents=settings.intents)
    own = None if settings.intents is None else read_trained(settings.intents, None)
    writer, memory, found = writer_of(read_phrases(settings.phrases_path), own, settings.default_language), Memory(), []
    for number, text in enumerate(texts):
        analysis = engine.analyse_now([text])[0]
        memory.hear(analysis, text, number * SECONDS_BETWEEN * 1_000)
        bent = bend(memory, analysis, base, rules)
        plain = _written(writer, base, memory, analysis, text)
        found.append(_Tried(text, analysis, bent, plain, _written(writer, bent.persona, memory, analysis, text)))
    return found


def _written(writer: BuiltInWriter, persona: Persona, memory: Memory, analysis: Analysis, text: str) -> str:
    """Both answers to a message draw the same numbers, so that only the traits tell them apart."""
    from server.chat.writer import Situation

    situation = Situation(
        analysis=analysis,
        persona=persona,
        text=text,
        turn_number=memory.turns,
        used=(),
        previous_intent=None,
        customer_name=None,
    )
    return writer.write(situation, random.Random(SEED)).text


def _rules(file: Path | None, config: Path | None) -> tuple[Path, MoodRules]:
    from server.contents import read_mood_rules

    path = file or load(config=config, check=False, make=False).settings.mood_path
    try:
        return path, read_mood_rules(path)
    except StartupError as error:
        # The settings, which the remedy may speak of, have no part in a file that was named here.
        raise error if file is None else StartupError(error.problem, "Correct FILE.") from None


def _rules_shown(rules: MoodRules) -> list[dict[str, Any]]:
    return [
        {"name": rule.name, "when": [str(one) for one in rule.conditions], "traits": dict(rule.traits)}
        for rule in rules.rules
    ]


def _shown(one: _Tried, base: Persona) -> dict[str, Any]:
    shown = one.bent.shown
    return {
        "text": one.text,
        "sentiment_score": round(one.analysis.sentiment.score, 4),
        "rules": [] if shown is None else [
            {"name": rule.name, "strength": rule.strength, "because": rule.because} for rule in shown.rules
        ],
        "changes": {} if shown is None else shown.traits,
        "traits": {name: round(value, 4) for name, value in one.bent.persona.traits.items()},
        "answer": {base.name: one.plain_answer, "bent": one.bent_answer},
    }  # fmt: skip


def _lines(one: _Tried, base: Persona) -> list[tuple[str, str]]:
    shown = one.bent.shown
    lines = [("bold", f"> {one.text}")]
    if shown is None:
        lines.append(("dim", f"  no rule counts: {base.title} speaks as it is"))
    else:
        lines += [("", f"  {rule.name} ({rule.strength:.0%}): {rule.because}") for rule in shown.rules]
        lines.append(("cyan", f"  {base.title}, bent: {_changes_in_words(shown.traits) or 'not at all'}"))
        lines.append(("dim", f"  unbent: {one.plain_answer}"))
    return [*lines, ("green", f"  says:   {one.bent_answer}"), ("", "")]


def _changes_in_words(changes: dict[str, float]) -> str:
    return ", ".join(f"{name} {change:+.2f}" for name, change in changes.items())
