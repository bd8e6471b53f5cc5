"""The value types of settings: what a TOML file writes, checked strictly, and the sentence for what does not fit."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

# RFC 6454 §6.1: scheme "://" host [ ":" port ]; the host may be an IPv6 address in brackets.
ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://(\[[0-9a-f:.]+\]|[^\s/?#@:\[\]]+)(:[0-9]{1,5})?", re.IGNORECASE)


def setting(default: Any, meaning: str, unit: str = "", **constraints: Any) -> Any:
    """A field with its meaning (one or two sentences) and its unit ("" where there is none)."""
    return Field(default=default, description=meaning, json_schema_extra={"unit": unit}, **constraints)


def _host(value: object) -> object:
    if isinstance(value, str) and not re.fullmatch(r"[^\s/@]{1,255}", value):
        raise ValueError("an address or a name alone, such as 127.0.0.1, without http:// and port")
    return value.strip("[]") if isinstance(value, str) else value


def _switch(value: object) -> object:
    # TOML's own true and false are what a person writes first.
    return str(value).lower() if isinstance(value, bool) else value


def _path(value: object) -> object:
    return Path(value).expanduser() if isinstance(value, str) and value else value


def _optional_path(value: object) -> object:
    return None if value == "" else _path(value)


def _origins(value: object) -> object:
    if not isinstance(value, list | tuple):
        return value
    for item in value:
        if not isinstance(item, str) or ORIGIN.fullmatch(item) is None:
            raise ValueError(f"each origin is scheme://host or scheme://host:port without a path, not {item!r}")
    return tuple(item.lower() for item in value)


def _networks(value: object) -> object:
    if not isinstance(value, list | tuple):
        return value
    try:
        return tuple(str(ipaddress.ip_network(item)) for item in value)
    except ValueError as error:
        raise ValueError(f"each is an address or a network, such as 10.0.0.1 or 10.0.0.0/8: {error}") from None


def _reward(value: object) -> object:
    if value == "censor":
        return value
    try:
        if not isinstance(value, bool) and 0.0 <= float(value) <= 1.0:  # type: ignore[arg-type]
            return str(value)
    except (TypeError, ValueError):
        pass
    raise ValueError("a number from 0 to 1, or censor")


def _weights(value: object) -> object:
    if isinstance(value, dict) and any(isinstance(weight, bool) for weight in value.values()):
        raise ValueError("each weight is a number")
    return value


Host = Annotated[str, BeforeValidator(_host)]
Switch = Annotated[Literal["auto", "true", "false"], BeforeValidator(_switch)]
Folder = Annotated[Path, BeforeValidator(_path)]
OptionalPath = Annotated[Path | None, BeforeValidator(_optional_path)]
Origins = Annotated[tuple[str, ...], BeforeValidator(_origins)]
Networks = Annotated[tuple[str, ...], BeforeValidator(_networks)]
Reward = Annotated[str, BeforeValidator(_reward)]
Weights = Annotated[dict[str, Annotated[float, Field(ge=0, allow_inf_nan=False)]], BeforeValidator(_weights)]


def expectation(schema: dict[str, Any]) -> str:
    """What a value must be, in words, from the JSON schema of its field."""
    if "enum" in schema:
        return "one of " + ", ".join(str(choice) for choice in schema["enum"])
    match schema.get("type"):
        case "integer" | "number" as kind:
            return _number("a whole number" if kind == "integer" else "a number", schema)
        case "boolean":
            return "true or false"
        case "array":
            return "a list of texts"
        case "object":
            return "a table of numbers that are not negative"
        case _:
            return _text(schema)


def _number(kind: str, schema: dict[str, Any]) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None:
        return f"{kind} from {low} to {high}"
    return kind if low is None else f"{kind}, at least {low}"


def _text(schema: dict[str, Any]) -> str:
    if any(part.get("format") == "path" for part in (schema, *schema.get("anyOf", ()))):
        return "a path"
    if "maxLength" in schema:
        return f"a text of {schema.get('minLength', 0)} to {schema['maxLength']} characters"
    return "a text that is not empty" if schema.get("minLength") else "a text"
