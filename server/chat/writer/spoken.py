"""In which language an answer is written, and whether it says Sie or du, usted or tú."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from inference.analysis import Analysis
from server.chat.writer.book import PhraseBook
from server.chat.writer.conditions import level
from server.chat.writer.register import CASUAL, FORMAL, PLAIN

NO_LANGUAGE: Final = frozenset({"und", ""})
SWITCH_FROM: Final = 0.8
"""Confidence from which a conversation goes over to another language: "ok, super" is no reason to."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """How an answer was put: ISO 639-1 code, and whether the customer was addressed formally; None where the language
    has but one way. The conversation's next answer goes on with it."""

    language: str
    formal: bool | None = None

    def note(self) -> dict[str, Any]:
        """As the ledger keeps it."""
        return {"language": self.language, "formal": self.formal}

    @classmethod
    def noted(cls, note: Mapping[str, Any] | None) -> Spoken | None:
        """From the ledger; None where it was not noted."""
        return cls(str(note["language"]), note.get("formal")) if note else None


def language_of(analysis: Analysis, before: Spoken | None, books: Mapping[str, PhraseBook], default: str) -> str:
    """The customer's where there are phrases in it and it is sure enough, else the conversation's, else ``default``."""
    told = analysis.language
    if before is None:
        return told if told in books else default
    at_hand = before.language if before.language in books else default
    return told if told in books and analysis.language_confidence >= SWITCH_FROM else at_hand


def is_foreign(analysis: Analysis, before: Spoken | None, books: Mapping[str, PhraseBook]) -> bool:
    """Whether the customer writes a language that there are no phrases in."""
    told = analysis.language
    if told in books or told in NO_LANGUAGE:
        return False
    return before is None or analysis.language_confidence >= SWITCH_FROM


def is_formal(book: PhraseBook, text: str, formality: float, before: Spoken | None) -> bool | None:
    """The address. A conversation keeps the one that it has: the customer's formal one is always returned, their
    informal one by all but formal personas; only the first answer follows the persona's formality alone."""
    if not book.lexis.address:
        return None
    told = book.lexis.address.find(text)
    if told == "formal":
        return True
    stiff = level(formality) == "high"
    kept = before.formal if before is not None and before.language == book.language else None
    if kept is None:
        kept = level(formality) != "low"
    return kept and not (told == "informal" and not stiff)


def register_of(formality: float, formal: bool | None) -> int:
    """The register of all phrases of an answer."""
    if formal is None:
        return {"low": CASUAL, "medium": PLAIN, "high": FORMAL}[level(formality)]
    if not formal:
        return CASUAL
    return FORMAL if level(formality) == "high" else PLAIN
