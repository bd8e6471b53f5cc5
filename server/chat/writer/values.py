"""Single values of phrase files, checked: each function gives the value or raises ``PhraseError``."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Final, get_args

from adapters.names import suggestion
from inference.documents import Place, list_of, mapping_of
from server.chat.writer.book import Scope
from server.chat.writer.conditions import ENTITY_SLOTS
from server.chat.writer.words import MIN_STEM_LETTERS, split_words

SCOPES: Final[tuple[Scope, ...]] = get_args(Scope)
MAX_SUGGESTION_CODE_POINTS: Final = 60
_SLOT: Final = re.compile(r"\{([^{}]*)\}")


def words_of(value: object, at: Place) -> str:
    """Plain words: no slots, no alternatives."""
    if not isinstance(value, str) or not value.strip():
        raise at.error("this is no text", "Write words, in quotes where they hold a colon.")
    text = " ".join(value.split())
    if re.search(r"[{}\[\]]", text):
        raise at.error("slots and alternatives are not allowed here", "Write plain words.")
    return text


def short_texts_of(value: object, at: Place) -> list[str]:
    """A list of words short enough for a button."""
    texts = []
    for number, one in enumerate(list_of(value, at), start=1):
        text = words_of(one, at.item(number))
        if len(text) > MAX_SUGGESTION_CODE_POINTS:
            remedy = f"Keep it within {MAX_SUGGESTION_CODE_POINTS}."
            raise at.item(number).error(f"{len(text)} characters are too many", remedy)
        texts.append(text)
    return texts


def buttons_of(value: object, at: Place) -> list[str]:
    """As ``short_texts_of``, with slots for what the customer named: "Cancel {order}"."""
    plain = [_SLOT.sub("x", one) if isinstance(one, str) else one for one in list_of(value, at)]
    short_texts_of(plain, at)
    for number, one in enumerate(list_of(value, at), start=1):
        for slot in _SLOT.findall(str(one)):
            if slot not in ENTITY_SLOTS:
                raise at.item(number).error(f"unknown slot {{{slot}}}", suggestion(slot, ENTITY_SLOTS))
    return [" ".join(str(one).split()) for one in list_of(value, at)]


def topic_words_of(value: object, at: Place) -> list[str]:
    """Words that tell a topic, in the plain form in which they are compared."""
    found = []
    for number, text in enumerate(short_texts_of(value, at), start=1):
        parts = split_words(text)
        if not all(parts):
            remedy = "Write a word, or words on both sides of '...'."
            raise at.item(number).error(f"{text!r} has no word where one is needed", remedy)
        for word in (word for part in parts for word in part):
            if word.endswith("*") and len(word) <= MIN_STEM_LETTERS:
                remedy = f"Give at least {MIN_STEM_LETTERS} letters before '*'."
                raise at.item(number).error(f"{word!r} would be found everywhere", remedy)
        found.append(" ... ".join(" ".join(part) for part in parts))
    return found


def need_of(value: object, at: Place) -> tuple[str, str | None]:
    """``need``: words, or one ``{slot: words}`` that is no longer needed once the slot is known."""
    if not isinstance(value, Mapping):
        return words_of(value, at), None
    if len(value) != 1:
        raise at.error("not exactly one detail", "Write it as {order: the order number}.")
    ((slot, words),) = value.items()
    if slot not in ENTITY_SLOTS:
        raise at.error(f"unknown detail {slot!r}", suggestion(slot, ENTITY_SLOTS))
    return words_of(words, at), str(slot)


def choice_of_words(value: object, at: Place, names: Collection[str]) -> dict[str, str]:
    """Words by name, of known names."""
    return {name: words_of(words, at.key(name)) for name, words in mapping_of(value, at, names).items()}


def scope_of(value: object, at: Place) -> Scope:
    """One of the scopes."""
    for scope in SCOPES:
        if value == scope:
            return scope
    raise at.error(f"unknown scope {value!r}", suggestion(value, SCOPES))


def flag_of(value: object, at: Place) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise at.error(f"{value!r} is neither true nor false", "Write true or false.")
    return value
