"""``parlance usage``: what language models were used for, and what that cost."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from server.cli.options import ConfigOption, DatabaseOption, DataDirOption, JsonOption, load
from server.cli.output import console, print_json
from server.errors import StartupError


def usage(
    *,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="TIME", help="Only from 2026-01-31, 2026-01-31T12:00 (UTC) or 7d ago on."),
    ] = None,
    until: Annotated[str | None, typer.Option("--until", metavar="TIME", help="Only before then, likewise.")] = None,
    by: Annotated[
        str, typer.Option("--by", metavar="NAMES", help="What to tell apart: model, persona, variant, with commas.")
    ] = "model,persona,variant",
    data_dir: DataDirOption = None,
    database_url: DatabaseOption = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Show uses, tokens, cost and mean latencies of language models by model, persona and variant, the dearest first.

    Exit code 0: shown; 2: an option or the database can't be used. Example: parlance usage --since 30d --by model
    """
    from server.chat.spending import FOREVER_MS, usage_shown
    from server.cli.ledger import with_store
    from server.cli.policy_log import moment_ms
    from server.clock import SystemClock

    parts = _parts(by)
    settings = load(config=config, data_dir=data_dir, database_url=database_url, check=False, make=False).settings
    now_ms = SystemClock().now_ms()
    since_ms, until_ms = moment_ms(since, "--since", now_ms), moment_ms(until, "--until", now_ms)
    found = with_store(
        settings, lambda store: store.model_usage(since_ms or 0, FOREVER_MS if until_ms is None else until_ms)
    )
    shown = usage_shown(found, parts)
    if as_json:
        print_json(shown)
        return
    if not found:
        typer.echo("No language model was asked in that time.")
        return
    _print_table(shown, parts)


def _parts(by: str) -> tuple[Any, ...]:
    from adapters.names import suggestion
    from server.chat.spending import PARTS

    names = tuple(name.strip() for name in by.split(","))
    for name in names:
        if name not in PARTS:
            raise StartupError(f"--by {by!r}: there is no {name!r}.", suggestion(name, PARTS))
    return tuple(dict.fromkeys(names))


def _print_table(shown: dict[str, Any], parts: tuple[str, ...]) -> None:
    from rich.table import Table

    table = Table(header_style="bold", show_footer=True)
    total = shown["total"]
    for number, part in enumerate(parts):
        table.add_column(part.capitalize(), footer="" if number else "All")
    for title, key in _COLUMNS:
        table.add_column(title, justify="right", footer=_in_words(key, total))
    for item in shown["items"]:
        names = (item[part] or "–" for part in parts)
        table.add_row(*names, *(_in_words(key, item) for _, key in _COLUMNS))
    console().print(table)


_COLUMNS = (
    ("Uses", "uses"),
    ("Answered", "answered"),
    ("Prompt tokens", "prompt_tokens"),
    ("Answer tokens", "completion_tokens"),
    ("Cost", "cost"),
    ("First token, ms", "first_token_ms"),
    ("Whole, ms", "total_ms"),
)


def _in_words(key: str, figures: dict[str, Any]) -> str:
    value = figures[key]
    if value is None:
        return "–"
    return f"{value:,.4f}" if key == "cost" else f"{value:,.0f}"
