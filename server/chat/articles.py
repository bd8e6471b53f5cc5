"""What people do with articles: admins write, agents read. The command does the same without a caller."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from inference.analysis import Analysis
from server.chat.access import require_agent
from server.chat.knowledge import Knowledge
from server.chat.peer import Caller
from server.chat.signals import KnowledgeMoved, Signals
from server.clock import Clock
from server.errors import BadFrame, Forbidden, Invalid
from server.knowledge.errors import KnowledgeError
from server.knowledge.index import Hit, Outcome
from server.knowledge.passages import cut
from server.knowledge.values import Article, Entry, Passage, VersionState, entries_of
from server.store.knowledge_ports import KnowledgeFigures, KnowledgeStore, Version, VersionChange
from server.store.ports import Store

MAX_ARTICLES: Final = 200
MAX_HITS: Final = 20
_WHAT: Final = "the knowledge"

ParseArticle = Callable[[str, str], Article]
"""A file's name and its text to an article; raises ``KnowledgeError``."""


async def set_state(
    store: KnowledgeStore,
    parse: ParseArticle,
    article_id: str,
    version: int,
    state: VersionState,
    *,
    by: str,
    now_ms: int,
) -> Version:
    """Make a version what ``state`` says; what becomes active is cut into passages. ``NotFound``, ``Conflict``."""
    entries: tuple[Entry, ...] = ()
    if state == "active":
        _, source = await store.article_source(article_id, version)
        entries = await asyncio.to_thread(lambda: _entries(parse(article_id, source)))
    return await store.set_article_state(article_id, version, state, by=by, at_ms=now_ms, entries=entries)


async def publish(store: KnowledgeStore, article: Article, *, by: str, now_ms: int) -> tuple[Version, bool]:
    """Save an article and make it active at once; whether that changed anything."""
    version, _ = await store.save_article(article, by, now_ms)
    if version.state == "active":
        return version, False
    if version.state == "draft":
        await store.set_article_state(article.article_id, version.version, "approved", by=by, at_ms=now_ms)
    active = await store.set_article_state(
        article.article_id, version.version, "active", by=by, at_ms=now_ms, entries=_entries(article)
    )
    return active, True


def _entries(article: Article) -> tuple[Entry, ...]:
    return entries_of(article, cut(article))


class Articles:
    """``analyse`` understands a question that somebody tries."""

    def __init__(
        self,
        *,
        store: Store,
        knowledge: Knowledge,
        signals: Signals,
        clock: Clock,
        parse: ParseArticle,
        analyse: Callable[[str], Awaitable[Analysis]],
    ) -> None:
        self._store = store
        self._knowledge = knowledge
        self._signals = signals
        self._clock = clock
        self._parse = parse
        self._analyse = analyse

    async def page(
        self, caller: Caller, *, state: VersionState | None, category: str | None, after: str | None, limit: int
    ) -> tuple[list[Version], bool]:
        """Of each article its newest version (of ``state``), by id, and whether there are more. ``Forbidden``."""
        require_agent(caller, _WHAT)
        found = await self._store.articles(state=state, category=category, after=after, limit=limit + 1)
        return found[:limit], len(found) > limit

    async def article(
        self, caller: Caller, article_id: str, version: int | None = None
    ) -> tuple[Version, str, list[Version], list[VersionChange]]:
        """A version (None: the active one, else the newest) with its text, all versions, and who did what.
        ``Forbidden``, ``NotFound``."""
        require_agent(caller, _WHAT)
        shown, source = await self._store.article_source(article_id, version)
        versions = await self._store.article_versions(article_id)
        return shown, source, versions, await self._store.article_changes(article_id)

    async def save(self, caller: Caller, article_id: str, source: str) -> tuple[Version, bool]:
        """A new draft, or the newest version where its text is the same. ``Forbidden``; ``Invalid`` with the line."""
        _require_admin(caller)
        article = await asyncio.to_thread(self._read, article_id, source)
        return await self._store.save_article(article, caller.user.id, self._clock.now_ms())

    async def preview(self, caller: Caller, article_id: str, source: str) -> tuple[Article, tuple[Passage, ...]]:
        """What that text would be searched by; nothing is saved. ``Forbidden``; ``Invalid`` with the line."""
        require_agent(caller, _WHAT)

        def read() -> tuple[Article, tuple[Passage, ...]]:
            article = self._read(article_id, source)
            return article, cut(article)

        return await asyncio.to_thread(read)

    def _read(self, article_id: str, source: str) -> Article:
        try:
            article = self._parse(article_id, source)
        except KnowledgeError as error:
            raise Invalid(str(error)) from error
        if article.article_id != article_id:
            raise Invalid(f"the text's id is {article.article_id!r}, the path's {article_id!r}")
        return article

    async def set_state(self, caller: Caller, article_id: str, version: int, state: VersionState) -> Version:
        """``Forbidden``, ``NotFound``, ``Conflict``; ``Invalid``: what has no text can't become active."""
        _require_admin(caller)
        by, now_ms = caller.user.id, self._clock.now_ms()
        try:
            changed = await set_state(self._store, self._parse, article_id, version, state, by=by, now_ms=now_ms)
        except KnowledgeError as error:  # a draft begun for a gap, whose text nobody has written
            raise Invalid(str(error)) from error
        await self._signals.send(KnowledgeMoved())
        return changed

    async def search(
        self, caller: Caller, question: str, *, category: str | None, language: str | None, limit: int
    ) -> tuple[list[Hit], Outcome]:
        """What a customer's question would find, the surest first, and what the bot would do with it. ``Forbidden``,
        ``BadFrame``."""
        require_agent(caller, _WHAT)
        if not question.strip():
            raise BadFrame("q holds no question")
        analysis = await self._analyse(question)
        hits = await self._knowledge.search(question, analysis, limit=limit, category=category, language=language)
        return hits, self._knowledge.outcome(analysis, hits)

    async def figures(self, caller: Caller) -> KnowledgeFigures:
        """Counts. ``Forbidden``."""
        require_agent(caller, _WHAT)
        return await self._store.knowledge_figures()


def _require_admin(caller: Caller) -> None:
    if not caller.is_admin:
        raise Forbidden("articles are written by admins")
