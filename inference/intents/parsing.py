"""Intents documents → ``IntentSet``. Every rule that a file breaks is told with file, entry and remedy.

What can be said of one entry alone is checked here; what needs a judgement is ``validate``'s.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Final

from inference.documents import Place, list_of, mapping_of
from inference.intents.errors import IntentsError
from inference.intents.values import Example, Intent, IntentSet

KEYS: Final = ("intents", "synonyms", "lookups", "entities")
INTENT_KEYS: Final = ("examples", "ask")
NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
SLOT: Final = re.compile(r"\{([^{}]*)\}")
MAX_ASK_CODE_POINTS: Final = 60
RESERVED: Final = frozenset({"oos"})


@dataclass(slots=True)
class _Draft:
    examples: dict[str, list[Example]] = field(default_factory=dict)
    asks: dict[str, str] = field(default_factory=dict)
    places: dict[str, Place] = field(default_factory=dict)
    synonyms: dict[str, list[str]] = field(default_factory=dict)
    values: dict[str, list[str]] = field(default_factory=dict)
    lists: dict[str, Place] = field(default_factory=dict)


def parse_intents(documents: Mapping[str, object]) -> IntentSet:
    """The intents of the parsed YAML ``documents`` by file name. Several files may add to one intent.

    Raises:
        IntentsError: names file, entry, problem and remedy.
    """
    draft = _Draft()
    for file in sorted(documents):
        at = Place(file, kind=IntentsError)
        _read(draft, mapping_of(documents[file], at, KEYS), at)
    if not draft.places:
        files = ", ".join(sorted(documents)) or "the folder"
        raise IntentsError(files, "", "there is no intent", "Write them under 'intents:', each with its examples.")
    _check_slots(draft)
    return IntentSet(
        intents=tuple(_intent(name, draft) for name in sorted(draft.places)),
        synonyms={word: tuple(dict.fromkeys(others)) for word, others in sorted(draft.synonyms.items())},
        values={name: tuple(dict.fromkeys(values)) for name, values in sorted(draft.values.items())},
    )


def _read(draft: _Draft, document: Mapping[str, object], at: Place) -> None:
    for name, value in _section(document, "intents", at):
        _read_intent(draft, name, value, at.key("intents").key(name))
    for word, value in _section(document, "synonyms", at):
        place = at.key("synonyms").key(word)
        draft.synonyms.setdefault(text_of(word, place).lower(), []).extend(
            text.lower() for text in texts_of(value, place)
        )
    for section in ("lookups", "entities"):
        for name, value in _section(document, section, at):
            place = at.key(section).key(name)
            _check_name(name, place)
            if draft.lists.setdefault(name, place) != place:
                raise place.error(f"{name!r} is listed already", f"See {draft.lists[name]} and keep one list.")
            draft.values[name] = texts_of(value, place)


def _section(document: Mapping[str, object], name: str, at: Place) -> Iterable[tuple[str, object]]:
    return mapping_of(document[name], at.key(name)).items() if name in document else ()


def _read_intent(draft: _Draft, name: str, value: object, at: Place) -> None:
    _check_name(name, at)
    if name in RESERVED:
        raise at.error(f"{name!r} means that no intent fits", "Choose another name.")
    given: Mapping[str, object] = {"examples": value} if isinstance(value, list) else mapping_of(value, at, INTENT_KEYS)
    draft.places.setdefault(name, at)
    if "examples" in given:
        place = at.key("examples")
        found = draft.examples.setdefault(name, [])
        for number, one in enumerate(list_of(given["examples"], place), start=1):
            # An empty example is a finding of validate's, with all the others.
            found.append(Example(text_of(one, place.item(number), empty=True), place.item(number)))
    if "ask" in given:
        ask = text_of(given["ask"], at.key("ask"))
        if len(ask) > MAX_ASK_CODE_POINTS:
            remedy = f"Keep it within {MAX_ASK_CODE_POINTS}: it is the text of a button."
            raise at.key("ask").error(f"{len(ask)} characters are too many", remedy)
        if draft.asks.setdefault(name, ask) != ask:
            raise at.key("ask").error("'ask' is given twice, and differently", "Keep one.")


def _check_name(name: str, at: Place) -> None:
    if not NAME.fullmatch(name):
        remedy = "Use small letters, digits and _, at most 64, a letter first: order_status."
        raise at.error(f"{name!r} is no name", remedy)


def _check_slots(draft: _Draft) -> None:
    for example in (example for examples in draft.examples.values() for example in examples):
        for slot in SLOT.findall(example.text):
            if slot not in draft.values:
                near = get_close_matches(slot, draft.values, n=1)
                known = f"Did you mean {near[0]!r}?" if near else "List its values under 'lookups' or 'entities'."
                raise example.place.error(f"no list is named {slot!r}", known)


def _intent(name: str, draft: _Draft) -> Intent:
    examples = tuple(draft.examples.get(name, ()))
    ask = draft.asks.get(name) or _first_plain(examples) or name.replace("_", " ").capitalize()
    return Intent(name, examples, ask, draft.places[name])


def _first_plain(examples: Iterable[Example]) -> str:
    plain = (one.text for one in examples if one.text and not SLOT.search(one.text))
    return next((text for text in plain if len(text) <= MAX_ASK_CODE_POINTS), "")


# --------------------------------------------------------------------------- single values


def texts_of(value: object, at: Place) -> list[str]:
    """A list of texts."""
    return [text_of(one, at.item(number)) for number, one in enumerate(list_of(value, at), start=1)]


def text_of(value: object, at: Place, *, empty: bool = False) -> str:
    """A text in NFC with single blanks; ``empty`` allows one without anything in it."""
    if not isinstance(value, str):
        # A bare 4711, yes or 2026-01-01 is not a text to YAML.
        raise at.error(f"{value!r} is no text", "Put it in quotes.")
    text = " ".join(unicodedata.normalize("NFC", value).split())
    if not (text or empty):
        raise at.error("the text is empty", "Fill it in or remove it.")
    return text
