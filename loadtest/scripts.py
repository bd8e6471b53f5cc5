"""What simulated customers say: conversations from ``scripts.yaml``, filled with varying details."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

DEFAULT_SCRIPTS = Path(__file__).with_name("scripts.yaml")
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_SLOT = re.compile(r"\{(\w+)\}")


class ScriptError(Exception):
    """A scripts file that can't be used; the text names the script and says what to change."""


@dataclass(frozen=True, slots=True)
class Script:
    """One customer's side of a conversation. ``turns`` may hold ``{slots}``."""

    name: str
    topic: str
    mood: str
    turns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ScriptBook:
    """All scripts, and the values that their slots take."""

    scripts: tuple[Script, ...]
    slots: Mapping[str, Sequence[str]]

    def play(self, rng: random.Random) -> list[str]:
        """The turns of a random script; one conversation names the same order, product and city throughout."""
        script = rng.choice(self.scripts)
        values = {slot: _with_digits(rng.choice(choices), rng) for slot, choices in self.slots.items()}
        return [_SLOT.sub(lambda slot: values[slot[1]], turn) for turn in script.turns]


def load_scripts(path: Path = DEFAULT_SCRIPTS) -> ScriptBook:
    """Read and check a scripts file. Raises ``ScriptError``."""
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506  (safe, in C where there is one)
    except (OSError, yaml.YAMLError) as error:
        raise ScriptError(f"{path}: {error}") from error
    if not isinstance(content, dict) or not content.get("scripts"):
        raise ScriptError(f"{path}: needs a list `scripts`, each with name, topic, mood and turns")
    slots = {str(slot): [str(value) for value in values] for slot, values in (content.get("slots") or {}).items()}
    return ScriptBook(tuple(_script(entry, slots, path) for entry in content["scripts"]), slots)


def _script(entry: Any, slots: Mapping[str, Sequence[str]], path: Path) -> Script:
    try:
        turns = tuple(str(turn) for turn in entry["turns"])
        script = Script(str(entry["name"]), str(entry["topic"]), str(entry["mood"]), turns)
    except (KeyError, TypeError) as error:
        raise ScriptError(f"{path}: {entry!r} lacks {error}") from error
    if not turns or not all(turn.strip() for turn in turns):
        raise ScriptError(f"{path}: script {script.name}: turns must be texts, at least one")
    unknown = {name for turn in turns for name in _SLOT.findall(turn)} - set(slots)
    if unknown:
        raise ScriptError(f"{path}: script {script.name}: no values under `slots` for {', '.join(sorted(unknown))}")
    return script


def _with_digits(value: str, rng: random.Random) -> str:
    return re.sub("%", lambda _: str(rng.randrange(10)), value)
