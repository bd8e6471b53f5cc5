"""``parlance config``: what is set, where it came from, and what it means."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import typer

from server.cli.options import ConfigOption, DataDirOption, JsonOption, load
from server.cli.output import console, print_json

if TYPE_CHECKING:
    from server.settings import Loaded, Settings

MASK = "********"
URLS = ("database_url", "redis_url", "language_url")

config_app = typer.Typer(no_args_is_help=True, help="See the settings.")


@config_app.callback()
def config() -> None:
    """See the settings."""


@config_app.command("explain")
def explain(
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
    markdown: Annotated[bool, typer.Option("--markdown", hidden=True, help="The page docs/settings.md.")] = False,
) -> None:
    """Print each setting with its value, origin, meaning and unit. Secrets are masked; nothing is written."""
    if markdown:
        typer.echo(settings_page(), nl=False)
        return
    loaded = load(config=config, data_dir=data_dir, check=False, make=False)
    if as_json:
        print_json(explained(loaded))
    else:
        _print_table(explained(loaded))


def explained(loaded: Loaded) -> list[dict[str, Any]]:
    """One row per setting. ``effective``: what an empty or "auto" value comes to."""
    from server.settings import Settings

    effective = _effective(loaded.settings)
    rows = []
    for name, field in Settings.model_fields.items():
        value = _shown(name, getattr(loaded.settings, name))
        row = {
            "setting": name,
            "value": value,
            "effective": effective.get(name, value),
            "origin": loaded.origins[name],
            "unit": _unit(field),
            "meaning": field.description,
            "variable": f"PARLANCE_{name.upper()}",
        }
        rows.append(row)
    return rows


def _unit(field: Any) -> str:
    return str(field.json_schema_extra["unit"])


def _effective(settings: Settings) -> dict[str, object]:
    return {
        "guests": settings.guests_allowed,
        "explain": settings.explain_shown,
        "database_url": masked_url(settings.effective_database_url),
        "model_dir": str(settings.model_path),
        "models_dir": str(settings.models_path),
        "personas_file": str(settings.personas_path),
        "mood_file": str(settings.mood_path),
        "phrases_dir": str(settings.phrases_path),
        "alert_rules_file": str(settings.alert_rules_path),
    }


def _shown(name: str, value: Any) -> Any:
    if hasattr(value, "get_secret_value"):
        return MASK if value.get_secret_value() else ""
    if name in URLS:
        return masked_url(value)
    if isinstance(value, Path):
        return str(value)
    return list(value) if isinstance(value, tuple) else value


def masked_url(url: str) -> str:
    """``url`` with its password and its query, which may hold one, replaced."""
    try:
        parts = urlsplit(url)
        password = parts.password
    except ValueError:
        return MASK
    if password:
        url = url.replace(f":{password}@", f":{MASK}@", 1)
    return url.replace(f"?{parts.query}", f"?{MASK}", 1) if parts.query else url


def _text(value: Any) -> str:
    if value is None or value in ("", [], {}):
        return "–"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, dict):
        return ", ".join(f"{key} = {number:g}" for key, number in value.items())
    return ", ".join(value) if isinstance(value, list) else str(value)


def _print_table(rows: list[dict[str, Any]]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(show_lines=False, header_style="bold")
    for title in ("Setting", "Value", "Origin", "Unit"):
        table.add_column(title, overflow="fold")
    table.add_column("Meaning", overflow="fold", ratio=1)
    for row in rows:
        value = _text(row["value"])
        if row["effective"] != row["value"]:
            value = f"{value} → {_text(row['effective'])}"
        style = "" if row["origin"] == "default" else "bold"
        cells = (row["setting"], value, row["origin"], row["unit"], row["meaning"])
        table.add_row(*(Text(cell) for cell in cells), style=style)
    console().print(table)


# --------------------------------------------------------------------------- docs/settings.md

PAGE_HEAD = """# Settings

<!-- Made by `parlance config explain --markdown`; a test compares. Don't edit by hand. -->

A setting is given in a TOML file, as an environment variable or as a flag; a flag beats a variable, and a variable
beats the file. The file is the one that `--config` names, else the one that `PARLANCE_CONFIG` names, else
`parlance.toml` in the folder of the start if there is one. An unknown name anywhere is an error.

- The variable of a setting is its name in capitals after `PARLANCE_`: `PARLANCE_PORT=8123`. A list is written
  `a, b`, a table `name=1, other=0.5`, or either one as JSON. An empty variable counts as not given.
- Relative paths are meant from the folder of the start.
- `parlance config explain` prints these settings with their values at this moment and where each came from.

"""


def settings_page() -> str:
    """The page docs/settings.md, made of the model alone."""
    from server.settings import Settings
    from server.settings.load import setting_schemas
    from server.settings.types import expectation

    schemas = setting_schemas()
    lines = ["| setting | default | unit | expected | meaning |", "| --- | --- | --- | --- | --- |"]
    for name, field in Settings.model_fields.items():
        default = _text(_shown(name, field.default))
        shown = default if default == "–" else f"`{default}`"
        meaning = (field.description or "").replace("|", "\\|")
        lines.append(f"| `{name}` | {shown} | {_unit(field) or '–'} | {expectation(schemas[name])} | {meaning} |")
    return PAGE_HEAD + "\n".join(lines) + "\n"
