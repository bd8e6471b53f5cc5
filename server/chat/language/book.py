"""The prompt as a user writes it: paragraphs with slots, sentences of style, parameters (pure).

Templates know nothing but names in braces, each filled once: what fills a slot is never read as a template, and there
is no expression, attribute or loop to be tricked into.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Final, TypeVar, cast

from adapters.names import suggestion
from adapters.traits import TRAIT_NAMES
from inference.documents import DocumentError, Place, list_of, mapping_of
from server.chat.language.style import CHARACTERS, TONES, VERBOSITIES, Style
from server.chat.language.values import Parameters

SLOTS: Final = (
    "bot_name", "customer_name", "preferences", "tone", "verbosity", "character", "traits", "mood", "passages",
    "no_passages", "examples", "placeholders", "mark",
)  # fmt: skip
REQUIRED_SLOTS: Final = ("mark", "passages")
BOUNDS: Final = {
    "temperature": (0.0, 2.0),
    "max_tokens": (1, 8_000),
    "presence_penalty": (-2.0, 2.0),
    "frequency_penalty": (-2.0, 2.0),
}
MAX_PARAGRAPH_CODE_POINTS: Final = 4_000
_SLOT: Final = re.compile(r"\{([^{}]*)\}")
_STYLES: Final[Mapping[str, tuple[str, ...]]] = {
    "tone": TONES,
    "verbosity": VERBOSITIES,
    "character": CHARACTERS,
    "traits": TRAIT_NAMES,
}
KeyT = TypeVar("KeyT", bound=str)


class PromptError(DocumentError):
    """A prompt file is wrong. The text says where, what, and what to do."""


@dataclass(frozen=True, slots=True)
class Paragraph:
    """``when``: the slot that must not be empty; None: it always stands."""

    text: str
    when: str | None = None

    def fill(self, slots: Mapping[str, str]) -> str | None:
        """The paragraph with its slots, or None where it is left out."""
        if self.when is not None and not slots.get(self.when):
            return None
        return fill(self.text, slots)


@dataclass(frozen=True, slots=True)
class Variant:
    """What an experiment's variant changes."""

    parameters: Parameters
    style: Mapping[str, str]

    def apply(self, style: Style) -> Style:
        """The persona's style with what the variant says otherwise."""
        return replace(style, **self.style)  # type: ignore[arg-type]  # checked when read


@dataclass(frozen=True, slots=True)
class PromptBook:
    """All of it, checked. ``sentences``: by kind of style and name; ``degrees`` from none to much."""

    system: tuple[Paragraph, ...]
    sentences: Mapping[str, Mapping[str, str]]
    degrees: tuple[str, ...]
    parameters: Parameters
    variants: Mapping[str, Variant]

    def variant(self, name: str | None) -> Variant:
        """The variant of that name; without one, or where it changes nothing, the parameters as they are."""
        return self.variants.get(name or "", Variant(self.parameters, {}))


def problem_of(name: str, number: object) -> str:
    """Why ``number`` can't be the parameter ``name`` of ``BOUNDS``; nothing where it can."""
    low, high = BOUNDS[name]
    whole = isinstance(low, int)
    right = isinstance(number, int | float) and not isinstance(number, bool) and low <= number <= high
    if right and (not whole or float(cast(float, number)).is_integer()):
        return ""
    return f"{number!r} is not {'a whole number' if whole else 'a number'} from {low} to {high}"


def with_changes(usual: Parameters, changes: Mapping[str, object]) -> Parameters:
    """``usual`` with the ``changes`` by name, which have no ``problem_of``; JSON's whole numbers may be floats."""
    numbers = {
        name: int(cast(float, number)) if isinstance(BOUNDS[name][0], int) else float(cast(float, number))
        for name, number in changes.items()
    }
    return replace(usual, **numbers)  # type: ignore[arg-type]  # each as its field is


def fill(template: str, slots: Mapping[str, str]) -> str:
    """``template`` with every ``{slot}`` in one pass; a slot without a value is empty."""
    return _SLOT.sub(lambda found: slots.get(found[1], ""), template)


def parse_prompts(document: object, source: str) -> PromptBook:
    """What a YAML parser made of the file ``source``. Raises ``PromptError``."""
    at = Place(source, kind=PromptError)
    root = mapping_of(document, at, ("system", "style", "parameters", "variants"))
    system = tuple(
        _paragraph(entry, at.key("system").item(number))
        for number, entry in enumerate(list_of(root.get("system"), at.key("system")), start=1)
    )
    for slot in REQUIRED_SLOTS:
        if not any(f"{{{slot}}}" in paragraph.text for paragraph in system):
            remedy = f"Put {{{slot}}} into a paragraph, as the file that ships does."
            raise at.key("system").error(f"no paragraph has the slot {slot!r}", remedy)
    style_at = at.key("style")
    style = mapping_of(root.get("style"), style_at, (*_STYLES, "degrees"))
    parameters = _parameters(root.get("parameters", {}), at.key("parameters"), Parameters())
    return PromptBook(
        system=system,
        sentences={kind: _sentences(style.get(kind), style_at.key(kind), names) for kind, names in _STYLES.items()},
        degrees=tuple(_text(one, style_at.key("degrees")) for one in list_of(style.get("degrees"), style_at)),
        parameters=parameters,
        variants=_variants(root.get("variants") or {}, at.key("variants"), parameters),
    )


def _paragraph(entry: object, at: Place) -> Paragraph:
    keys = mapping_of(entry, at, ("text", "when"))
    text = _text(keys.get("text"), at.key("text"))
    for name in _SLOT.findall(text):
        if name not in SLOTS:
            raise at.key("text").error(f"there is no slot {name!r}", suggestion(name, SLOTS))
    when = keys.get("when")
    if when is not None and when not in SLOTS:
        raise at.key("when").error(f"there is no slot {when!r}", suggestion(when, SLOTS))
    return Paragraph(text, None if when is None else str(when))


def _sentences(value: object, at: Place, names: tuple[str, ...]) -> Mapping[str, str]:
    found = mapping_of(value, at, names)
    for name in names:
        if name not in found:
            raise at.error(f"{name!r} is missing", f"Write a line that begins with '{name}:'.")
    return {name: _text(found[name], at.key(name)) for name in names}


def _variants(value: object, at: Place, parameters: Parameters) -> Mapping[str, Variant]:
    found = {}
    for name, entry in mapping_of(value, at).items():
        here = at.key(name)
        keys = mapping_of(entry, here, (*BOUNDS, "tone", "verbosity", "character"))
        style = {kind: _style(keys[kind], here.key(kind), kind) for kind in _STYLES if kind in keys}
        numbers = {key: number for key, number in keys.items() if key in BOUNDS}
        found[name] = Variant(_parameters(numbers, here, parameters), style)
    return found


def _style(value: object, at: Place, kind: str) -> str:
    if value not in _STYLES[kind]:
        raise at.error(f"there is no {kind} {value!r}", suggestion(value, _STYLES[kind]))
    return str(value)


def _parameters(value: object, at: Place, usual: Parameters) -> Parameters:
    changes = mapping_of(value, at, tuple(field.name for field in fields(Parameters)))
    for name, number in changes.items():
        problem = problem_of(name, number)
        if problem:
            raise at.key(name).error(problem, "Correct it.")
    return with_changes(usual, changes)


def _text(value: object, at: Place) -> str:
    if not isinstance(value, str) or not value.strip():
        raise at.error("this is no text", "Write words, in quotes where they hold a colon.")
    if len(value) > MAX_PARAGRAPH_CODE_POINTS:
        raise at.error(f"{len(value)} characters are too many", f"Keep it within {MAX_PARAGRAPH_CODE_POINTS}.")
    return value.strip()
