"""Settings from their sources: defaults, then a TOML file, then ``PARLANCE_*``, then flags; the last one wins."""

from __future__ import annotations

import difflib
import json
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import SecretStr, ValidationError

from server.errors import StartupError
from server.settings.model import Settings
from server.settings.rules import check_settings
from server.settings.secret import make_secret, read_secret
from server.settings.types import expectation

PREFIX = "PARLANCE_"
CONFIG_VARIABLE = "PARLANCE_CONFIG"
CONFIG_NAME = "parlance.toml"
SECRET_NAMES = frozenset(
    {
        "secret",
        "secret_previous",
        "database_url",
        "redis_url",
        "language_key",
        "alert_webhook_secret",
        "alert_mail_password",
    }
)
MAX_SHOWN_CHARACTERS = 60


@dataclass(frozen=True, slots=True)
class Loaded:
    """``origins``: per setting "default", "file parlance.toml", "environment PARLANCE_X", "flag --x" or
    "made (data/secret)"."""

    settings: Settings
    origins: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Given:
    """One value as a source gave it; ``is_text``: an environment variable, whose type is still to be read."""

    name: str
    value: object
    origin: str
    is_text: bool = False


def load_settings(
    flags: Mapping[str, object], environ: Mapping[str, str], cwd: Path, *, check: bool = True, make: bool = True
) -> Loaded:
    """Read, merge and check the settings.

    ``flags`` maps setting names to values, None for a flag that was not given; the name ``config`` is the file.
    Relative paths are meant from ``cwd``. Without ``check`` the rules between settings are not held (for commands
    that do not listen); without ``make`` a missing secret stays empty, so nothing is written.

    Raises ``StartupError`` for an unreadable file, an unknown name, a wrong value or a broken rule.
    """
    given = [*_from_file(flags, environ, cwd), *_from_environment(environ), *_from_flags(flags)]
    values: dict[str, Any] = {}
    origins = dict.fromkeys(Settings.model_fields, "default")
    for item in given:
        values[item.name] = _checked(item)
        origins[item.name] = item.origin
    loaded = Loaded(Settings(**_absolute(values, cwd)), origins)
    if check:
        # Before a secret is made: a refused start leaves nothing behind.
        check_settings(loaded.settings, loaded.origins)
    return _with_secret(loaded, cwd, make)


def setting_schemas() -> dict[str, dict[str, Any]]:
    """The JSON schema of each setting by name, in the order of the model."""
    properties: dict[str, dict[str, Any]] = Settings.model_json_schema()["properties"]
    return properties


# --------------------------------------------------------------------------- sources


def _from_file(flags: Mapping[str, object], environ: Mapping[str, str], cwd: Path) -> Iterator[Given]:
    path, named_by = _config_path(flags, environ, cwd)
    if path is None:
        return
    shown = path.relative_to(cwd) if path.is_relative_to(cwd) else path
    for name, value in _parsed(path, f"{shown}", named_by).items():
        _require_known(name, f"in file {shown}", Settings.model_fields)
        yield Given(name, value, f"file {shown}")


def _config_path(flags: Mapping[str, object], environ: Mapping[str, str], cwd: Path) -> tuple[Path | None, str]:
    if flags.get("config"):
        return cwd / Path(str(flags["config"])).expanduser(), "--config"
    if environ.get(CONFIG_VARIABLE):
        return cwd / Path(environ[CONFIG_VARIABLE]).expanduser(), CONFIG_VARIABLE
    path = cwd / CONFIG_NAME
    return (path if path.exists() else None), "the working folder"


def _parsed(path: Path, shown: str, named_by: str) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        problem = f"The settings file {shown}, named by {named_by}, can't be read: {error.strerror}."
        raise StartupError(problem, "Give the path of a TOML file.") from None
    except UnicodeDecodeError:
        raise StartupError(f"The settings file {shown} is not UTF-8.", "Save it as UTF-8.") from None
    except tomllib.TOMLDecodeError as error:
        raise StartupError(f"The settings file {shown} is not TOML: {error}.", "Correct it there.") from None


def _from_environment(environ: Mapping[str, str]) -> Iterator[Given]:
    known = {PREFIX + name.upper(): name for name in Settings.model_fields}
    for variable in sorted(environ):
        # An empty variable is how compose files and shells say "not set".
        if not variable.startswith(PREFIX) or variable == CONFIG_VARIABLE or not environ[variable]:
            continue
        _require_known(variable, "in the environment", (*known, CONFIG_VARIABLE))
        yield Given(known[variable], environ[variable], f"environment {variable}", is_text=True)


def _from_flags(flags: Mapping[str, object]) -> Iterator[Given]:
    for name, value in flags.items():
        if value is None or name == "config":
            continue
        _require_known(name, "among the flags", Settings.model_fields)
        yield Given(name, value, f"flag --{name.replace('_', '-')}")


def _require_known(name: str, where: str, known: Iterable[str]) -> None:
    # Compared without what all variables have in common, which would make everything look near.
    names = {known_name.removeprefix(PREFIX).lower(): known_name for known_name in known}
    if name in names.values():
        return
    asked = name.removeprefix(PREFIX).lower().replace("-", "_")
    nearest = difflib.get_close_matches(asked, names, n=1)
    remedy = f"Did you mean {names[nearest[0]]}?" if nearest else "`parlance config explain` lists all settings."
    raise StartupError(f"Unknown setting {name} {where}.", remedy)


# --------------------------------------------------------------------------- values


def _checked(item: Given) -> Any:
    """The value in its type; raises ``StartupError`` that names setting, value, origin and what is expected."""
    try:
        value = _read_text(item) if item.is_text else item.value
        # Every other setting has its default, so what fails is this one. A file's types are taken as written.
        return getattr(Settings.model_validate({item.name: value}, strict=not item.is_text), item.name)
    except (ValidationError, ValueError) as error:
        problem = f"{item.name} = {_shown(item)} ({item.origin}) is not valid: expected {_expected(item.name)}"
        raise StartupError(f"{problem}{_detail(error)}.", f"Correct {item.name} there.") from None


def _read_text(item: Given) -> object:
    """Lists and tables from a variable: JSON, or ``a, b`` and ``name=1, other=0.5``."""
    text = str(item.value).strip()
    kind = setting_schemas()[item.name].get("type")
    if kind not in ("array", "object"):
        return item.value
    if text.startswith(("[", "{")):
        return json.loads(text)
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if kind == "array":
        return parts
    return {key.strip(): float(number) for key, _, number in (part.partition("=") for part in parts)}


def _shown(item: Given) -> str:
    if item.name in SECRET_NAMES:
        return "********"
    text = json.dumps(item.value, ensure_ascii=False, default=str)
    return text if len(text) <= MAX_SHOWN_CHARACTERS else f"{text[:MAX_SHOWN_CHARACTERS]}…"


def _expected(name: str) -> str:
    return expectation(setting_schemas()[name])


def _detail(error: ValueError) -> str:
    """The sentence of our own validators, which knows more than the type does."""
    if not isinstance(error, ValidationError):
        return ""
    first = error.errors()[0]
    return f" ({first['ctx']['error']})" if first["type"] == "value_error" else ""


def _absolute(values: Mapping[str, Any], cwd: Path) -> dict[str, Any]:
    merged = {"data_dir": Path(Settings.model_fields["data_dir"].default), **values}
    return {name: cwd / value if isinstance(value, Path) else value for name, value in merged.items()}


def _with_secret(loaded: Loaded, cwd: Path, make: bool) -> Loaded:
    settings = loaded.settings
    if settings.secret_bytes or not settings.signs_tokens:
        return loaded
    path = settings.secret_path
    kept = make_secret(path) if make else read_secret(path)
    if kept is None:
        return loaded
    shown = path.relative_to(cwd) if path.is_relative_to(cwd) else path
    return replace(
        loaded,
        settings=settings.model_copy(update={"secret": SecretStr(kept)}),
        origins={**loaded.origins, "secret": f"made ({shown})"},
    )
