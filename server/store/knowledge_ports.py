"""The user's knowledge: articles in versions, and the rows that are searched.

Part of ``ports.Store``, whose text says what holds for every method. Versions never change but for their state; the
rows of an article are those of its active version, exchanged in the transaction that makes it active. Every change of
rows raises the knowledge's revision, in the order of the commits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from server.knowledge.index import Row
from server.knowledge.values import Article, Entry, VersionState


@dataclass(frozen=True, slots=True)
class Version:
    """One version of an article, without its text. ``changed_by`` and ``changed_ms``: of its last change of state."""

    article_id: str
    version: int
    state: VersionState
    title: str
    category: str
    tags: tuple[str, ...]
    language: str
    owner: str
    expires_ms: int | None
    changed_by: str
    changed_ms: int


@dataclass(frozen=True, slots=True)
class VersionChange:
    """That ``by`` made a version what ``state`` says; the first of a version is its making."""

    version: int
    state: VersionState
    by: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class KnowledgeFigures:
    """What there is: versions by state, rows by kind, and rows by the model that embedded them ("": none yet)."""

    versions: Mapping[str, int]
    rows: Mapping[str, int]
    embedded: Mapping[str, int]


class KnowledgeStore(Protocol):
    """What ``ports.Store`` promises of the knowledge."""

    async def save_article(self, article: Article, by: str, at_ms: int) -> tuple[Version, bool]:
        """A new draft, numbered on; or the article's newest version where that has the same text, and False."""

    async def set_article_state(
        self, article_id: str, version: int, state: VersionState, *, by: str, at_ms: int, entries: Sequence[Entry] = ()
    ) -> Version:
        """Make a version what ``state`` says; the same again changes nothing. What becomes active is searched by
        ``entries`` from then on, and the version that was active is retired. ``NotFound``; ``Conflict``: it can't
        become that."""

    async def articles(
        self, *, state: VersionState | None = None, category: str | None = None, after: str | None = None, limit: int
    ) -> list[Version]:
        """By article id, ascending, those after ``after``; of each article its newest version (of ``state``)."""

    async def article_versions(self, article_id: str) -> list[Version]:
        """The newest first; empty where there is no such article."""

    async def article_changes(self, article_id: str) -> list[VersionChange]:
        """Who did what, the first first."""

    async def article_source(self, article_id: str, version: int | None = None) -> tuple[Version, str]:
        """A version with its text; None: the active one, or where none is active the newest. ``NotFound``."""

    async def knowledge_revision(self) -> int:
        """0 before the first change of a row."""

    async def knowledge_rows(self, after_revision: int, after_number: int, limit: int) -> list[tuple[int, Row]]:
        """Rows changed after ``after_revision``, with their revisions, by number, those after ``after_number``."""

    async def knowledge_numbers(self) -> list[int]:
        """The numbers of all rows, ascending."""

    async def rows_to_embed(self, model: str, after_number: int, limit: int) -> list[tuple[int, str]]:
        """Rows that ``model`` has not embedded, by number, those after ``after_number``: their numbers and texts."""

    async def embed_rows(self, model: str, embeddings: Sequence[tuple[int, bytes]]) -> int:
        """Keep embeddings (float32, little-endian) by ``model``; rows that are gone are passed over. How many."""

    async def search_words(self, words: Sequence[str], language: str, limit: int) -> list[int]:
        """Numbers of rows that hold any of ``words`` in any form, the best first; rare words count most. ``language``
        (two letters) is that of the words; a language without rules of its own is taken as it is written."""

    async def knowledge_figures(self) -> KnowledgeFigures:
        """Counts at this moment."""
