"""Personas: named ways to speak. The shipped ones, and the format as a user edits it, are in ``personas.yaml``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from adapters.names import suggestion
from adapters.traits import Traits

STYLE_KEYS: Mapping[str, str] = MappingProxyType(
    {
        "greetings": "first words to somebody who says hello",
        "openers": "short lead-ins to an answer",
        "empathy": "lines for somebody who is upset",
        "closers": "last sentences of an answer",
        "intensifiers": "words that strengthen an adjective; may be empty",
        "emoji": "may be empty",
        "sign_offs": "answers to a goodbye",
    }
)
OPTIONAL_STYLE_KEYS = frozenset({"intensifiers", "emoji"})
PERSONA_KEYS = ("name", "title", "description", "traits", "style")
MAX_ENTRY_CHARACTERS = 300  # a style entry is a phrase of an answer, not an answer
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}")  # it is an arm's name in logs, metrics and URLs


class PersonaError(ValueError):
    """A persona file is wrong. The text says where, what, and what to do."""


@dataclass(frozen=True, slots=True)
class Persona:
    """One way to speak.

    ``name``: identifier, also the bandit's arm. ``title``: shown to people. ``traits``: all twelve, in [0, 1].
    ``style``: phrases by key of ``STYLE_KEYS`` (every key is there; ``OPTIONAL_STYLE_KEYS`` may be empty).
    Both mappings are read-only.
    """

    name: str
    title: str
    description: str
    traits: Mapping[str, float]
    style: Mapping[str, tuple[str, ...]]


def parse_personas(document: object, source: str = "personas.yaml") -> tuple[Persona, ...]:
    """Personas, in the file's order, from what a YAML or JSON parser made of it.

    ``source`` is the file's name, for errors. Raises ``PersonaError``.
    """
    if not isinstance(document, Mapping) or "personas" not in document:
        raise PersonaError(f"{source}: expected a key 'personas' with a list under it.")
    _known_keys(source, document, ("personas",))
    entries = document["personas"]
    if not isinstance(entries, list) or not entries:
        raise PersonaError(f"{source}: 'personas' must be a list with at least one persona, each beginning '- name:'.")
    personas: dict[str, Persona] = {}
    for number, entry in enumerate(entries, start=1):
        persona = _persona(entry, number, source)
        if persona.name in personas:
            raise PersonaError(f"{source}: two personas are named {persona.name!r}. Rename one of them.")
        personas[persona.name] = persona
    return tuple(personas.values())


def _persona(entry: object, number: int, source: str) -> Persona:
    if not isinstance(entry, Mapping):
        raise PersonaError(f"{source}: persona number {number} must be keys and values: {', '.join(PERSONA_KEYS)}.")
    name = entry.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise PersonaError(
            f"{source}: persona number {number} has the name {name!r}. Give 'name' 1 to 32 lower-case letters, digits,"
            " '-' or '_', beginning with a letter."
        )
    where = f"{source}: persona {name!r}"
    _known_keys(where, entry, PERSONA_KEYS)
    return Persona(
        name=name,
        title=_text(where, "title", entry.get("title")),
        description=_text(where, "description", entry.get("description")),
        traits=_traits(where, entry.get("traits")),
        style=_style(where, entry.get("style")),
    )


def _traits(where: str, values: object) -> Mapping[str, float]:
    if not isinstance(values, Mapping):
        raise PersonaError(f"{where}: 'traits' must be names and numbers, such as 'empathy: 0.8'.")
    try:
        return MappingProxyType(Traits.of(values).as_dict())
    except ValueError as error:
        raise PersonaError(f"{where}: {error}") from None


def _style(where: str, values: object) -> Mapping[str, tuple[str, ...]]:
    if not isinstance(values, Mapping):
        raise PersonaError(f"{where}: 'style' must be lists by name: {', '.join(STYLE_KEYS)}.")
    _known_keys(f"{where}: style", values, STYLE_KEYS)
    return MappingProxyType({key: _phrases(where, key, values.get(key)) for key in STYLE_KEYS})


def _phrases(where: str, key: str, values: object) -> tuple[str, ...]:
    if values is None or values == []:
        if key in OPTIONAL_STYLE_KEYS:
            return ()
        raise PersonaError(f"{where}: style '{key}' ({STYLE_KEYS[key]}) is empty. Give it at least one line.")
    if not isinstance(values, list):
        raise PersonaError(f"{where}: style '{key}' must be a list, each entry on a line that begins with '- '.")
    phrases = tuple(_text(where, f"style '{key}', entry {i}", value) for i, value in enumerate(values, start=1))
    if len(set(phrases)) < len(phrases):
        twice = next(phrase for phrase in phrases if phrases.count(phrase) > 1)
        raise PersonaError(f"{where}: style '{key}' has {twice!r} twice. Remove one.")
    return phrases


def _text(where: str, key: str, value: object) -> str:
    if not isinstance(value, str):
        raise PersonaError(f"{where}: {key} is {value!r}, which is no text. Write it, in quotes.")
    text = value.strip()
    if not text:
        raise PersonaError(f"{where}: {key} is empty. Write it, or remove the line.")
    if len(text) > MAX_ENTRY_CHARACTERS:
        raise PersonaError(f"{where}: {key} has {len(text)} characters. Shorten it to {MAX_ENTRY_CHARACTERS}.")
    # Joiners inside emoji are unprintable to Python, and welcome; line breaks and control codes are not.
    if any(ord(character) < 32 or 127 <= ord(character) < 160 for character in text):
        raise PersonaError(f"{where}: {key} holds a line break or a control character. Write it on one line.")
    return text


def _known_keys(where: str, entry: Mapping[object, object], known: Mapping[str, str] | tuple[str, ...]) -> None:
    for key in entry:
        if key not in known:
            raise PersonaError(f"{where}: there is no key {key!r}. {suggestion(key, known)}")
