"""Articles and passages as values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, get_args

VersionState = Literal["draft", "approved", "active", "retired"]
EntryKind = Literal["passage", "ask"]
Tone = Literal["professional", "friendly", "casual", "formal", "empathetic"]

STATES: Final[tuple[VersionState, ...]] = get_args(VersionState)
TONES: Final[tuple[Tone, ...]] = get_args(Tone)

NEXT_STATES: Final[Mapping[VersionState, tuple[VersionState, ...]]] = {
    "draft": ("approved", "retired"),
    "approved": ("active", "draft", "retired"),
    "active": ("retired",),
    "retired": ("active",),
}
"""What a version may become. A retired one comes back as it was: that is how one rolls back."""

MAX_SOURCE_CODE_POINTS: Final = 200_000
"""Of an article with its front matter: a book's chapter."""


@dataclass(frozen=True, slots=True)
class Article:
    """One article as written. ``article_id``: small letters, digits and ``-``; ``source``: the whole file.

    ``body``: the Markdown after the front matter, which begins in line ``body_line`` (from 1) of the source.
    ``expires_ms``: from then on (Unix milliseconds) it is not cited any more; None: never. ``asks``: how customers
    put what it answers; they are found by, and never shown. ``variants``: its gist in the words of a tone, said in
    place of the opening passage by personas that speak so.
    """

    article_id: str
    title: str
    category: str
    source: str = field(repr=False)
    body: str = field(repr=False)
    body_line: int = 1
    tags: tuple[str, ...] = ()
    language: str = "en"
    owner: str = ""
    expires_ms: int | None = None
    asks: tuple[str, ...] = ()
    variants: Mapping[Tone, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of an article that can stand alone. ``passage_id`` outlives edits of its words and of other sections.

    ``heading``: the path of headings above it, joined by " › ", "" before the first one; ``text``: plain, one line;
    ``words``: how many.
    """

    passage_id: str
    heading: str
    text: str

    @property
    def words(self) -> int:
        return len(self.text.split())


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the search: a passage, or what an article is found by (``kind`` "ask").

    ``entry_id``: a passage's id, or the article's with ``?`` and a number. ``embedded``: the text that is embedded.
    ``variants``: what may be said in its place, by tone; only an article's first passage has some.
    """

    entry_id: str
    kind: EntryKind
    heading: str
    text: str
    embedded: str
    variants: Mapping[Tone, str] = field(default_factory=dict)


def entries_of(article: Article, passages: Sequence[Passage]) -> tuple[Entry, ...]:
    """All rows of an article: its passages, then what it is found by."""
    return (*(passage_entry(article, one, first=one is passages[0]) for one in passages), *ask_entries(article))


def ask_entries(article: Article) -> tuple[Entry, ...]:
    """What an article is found by beside its passages: its title with its tags, and how customers ask."""
    about = f"{article.title}. {', '.join(article.tags)}" if article.tags else article.title
    return tuple(
        Entry(f"{article.article_id}?{number}", "ask", "", text, text)
        for number, text in enumerate((about, *article.asks))
    )


def passage_entry(article: Article, passage: Passage, *, first: bool = False) -> Entry:
    """A passage reads better with what it is about before it."""
    about = f"{article.title}. {passage.heading}." if passage.heading else f"{article.title}."
    variants = article.variants if first else {}
    return Entry(passage.passage_id, "passage", passage.heading, passage.text, f"{about} {passage.text}", variants)
