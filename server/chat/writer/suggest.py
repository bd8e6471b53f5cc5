"""What the customer may want to send next, offered as buttons beside the answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from server.chat.writer.book import PhraseBook
from server.chat.writer.conditions import ENTITY_SLOTS
from server.chat.writer.reading import Reading
from server.chat.writer.situation import Situation
from server.chat.writer.values import MAX_SUGGESTION_CODE_POINTS

MAX_SUGGESTIONS: Final = 3
_COUNT: Final = {"low": 1, "medium": 2, "high": 3}


def suggestions(book: PhraseBook, reading: Reading, situation: Situation) -> tuple[str, ...]:
    """Up to three texts, more of them from the more proactive; never what the customer has just written."""
    count = _COUNT[reading.moment.levels.get("proactivity", "medium")]
    if reading.moment.kind == "clarification" and reading.intent is not None:
        count = MAX_SUGGESTIONS
    known = {_folded(situation.text)}
    if reading.intent is not None and reading.moment.kind != "clarification":
        known.add(_folded(reading.intent.example or ""))
    found: dict[str, str] = {}
    for raw in _candidates(book, reading):
        text = _filled(raw, reading.moment.slots)
        if text is None:
            continue
        if len(found) < count and _folded(text) not in known:
            found.setdefault(_folded(text), text)
    return tuple(found.values())


def _candidates(book: PhraseBook, reading: Reading) -> Iterator[str]:
    kind = reading.moment.kind
    if kind == "clarification":
        for guess in (reading.intent, reading.other):
            if guess is not None and guess.example is not None:
                yield guess.example
    elif reading.intent is not None and kind != "handover":
        if reading.grave and reading.intent.scope == "service":
            yield from book.suggest.get("complaint", ())[:1]
        yield from reading.intent.suggest
        domain = book.domains.get(reading.intent.domain or "")
        yield from domain.suggest if domain is not None else ()
        if reading.intent.scope != "service":
            return
    yield from book.suggest.get(kind, ())


def _filled(text: str, slots: Mapping[str, str]) -> str | None:
    """With what the customer named in it; None where that is not known, or makes it too long for a button."""
    if "{" not in text:
        return text
    for slot in ENTITY_SLOTS:
        if f"{{{slot}}}" in text:
            if slot not in slots:
                return None
            text = text.replace(f"{{{slot}}}", slots[slot])
    return text if len(text) <= MAX_SUGGESTION_CODE_POINTS else None


def _folded(text: str) -> str:
    return text.casefold().strip(" .!?")
