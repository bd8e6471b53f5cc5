"""What is said in one language and not in another, and how much of it there is."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from adapters.names import suggestion
from server.chat.writer.book import ENGLISH, GENERAL_POOLS, PhraseBook
from server.chat.writer.lint import lint


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of what is said in ``reference`` is said in ``language`` too.

    A unit is a general list, or an intent's substance. ``missing``: the names of the units that are untranslated.
    """

    language: str
    reference: str
    phrases: int
    units: int
    missing: tuple[str, ...]

    @property
    def share(self) -> float:
        """In [0, 1]."""
        return 1.0 - len(self.missing) / self.units if self.units else 1.0

    def __str__(self) -> str:
        if self.language == self.reference:
            return f"{self.language}: {self.phrases} phrases"
        done = self.units - len(self.missing)
        return f"{self.language}: {self.phrases} phrases, {self.share:.0%} of {self.reference} ({done} of {self.units})"


def lint_all(
    books: Mapping[str, PhraseBook], intents: Collection[str] | None, personas: Collection[str] = ()
) -> list[str]:
    """Sentences about what should be mended in each of the languages, empty when all is well.

    ``intents``: the model's labels, None: unknown; ``personas``: the names of those that there are. Only the
    language that the model has learnt has to know all intents; what another says of an intent must be of one that the
    reference knows. An untranslated intent is no mistake, ``coverage`` counts it; an untranslated general list is told.
    """
    found = []
    reference = _reference(books)
    for language, book in books.items():
        known = intents if language == ENGLISH and intents else tuple(book.intents)
        at = "" if len(books) == 1 else f"{language}/"
        found += [f"{at}{complaint}" for complaint in lint(book, known)]
        if reference is not None and language != reference:
            found += [f"{at}{complaint}" for complaint in _against(book, books[reference])]
        found += [f"{at}{complaint}" for complaint in _strangers(book, personas)]
    return found


def coverage(books: Mapping[str, PhraseBook]) -> list[Coverage]:
    """Each language beside English, or the first language where there is none."""
    reference = _reference(books)
    if reference is None:
        return []
    units = dict(_units(books[reference]))
    return [
        Coverage(
            language,
            reference,
            len(book.phrases()),
            len(units),
            tuple(name for name in units if name not in dict(_units(book))),
        )
        for language, book in books.items()
    ]


def _strangers(book: PhraseBook, personas: Collection[str]) -> Iterator[str]:
    for name in book.lexis.styles:
        if personas and name not in personas:
            yield f"personas.{name}: never said, there is no such persona. {suggestion(name, personas)}"


def _reference(books: Mapping[str, PhraseBook]) -> str | None:
    return ENGLISH if ENGLISH in books else next(iter(books), None)


def _units(book: PhraseBook) -> Iterator[tuple[str, int]]:
    for name in GENERAL_POOLS:
        if book.pools.get(name):
            yield f"phrases.{name}", len(book.pools[name])
    for name, intent in book.intents.items():
        if any(intent.pool(pool) for pool in ("core", "detail")):
            yield f"intents.{name}", 1


def _against(book: PhraseBook, reference: PhraseBook) -> Iterator[str]:
    for name in GENERAL_POOLS:
        if reference.pools.get(name) and not book.pools.get(name):
            yield f"phrases.{name}: untranslated, there is not one phrase. Add some, or this is left out of answers."
    for name in book.intents:
        if name not in reference.intents:
            yield f"intents.{name}: {reference.language} knows no such intent. Correct the name, or add it there."
    if not book.lexis.cues:
        yield "cue_words: missing, so that only questions with a question mark are told from the rest. Add them."
    if book.language not in book.lexis.names:
        yield f"language_names: {book.language!r} has no name in itself. Add it."
