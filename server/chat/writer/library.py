"""The phrase books of all languages, each knowing which others there are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from server.chat.writer.book import PhraseBook


def library_of(books: PhraseBook | Mapping[str, PhraseBook]) -> Mapping[str, PhraseBook]:
    """The books by language, with the languages that answers can be in, as each of them would name them."""
    given = {books.language: books} if isinstance(books, PhraseBook) else dict(books)
    return {
        language: replace(book, lexis=replace(book.lexis, spoken=_listed(book, given)))
        for language, book in given.items()
    }


def _listed(book: PhraseBook, languages: Iterable[str]) -> str:
    languages = sorted(languages, key=lambda language: language != book.language)
    names = [book.lexis.names.get(language, "English" if language == "en" else language) for language in languages]
    return f" {book.lexis.own['and']} ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
