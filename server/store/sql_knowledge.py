"""The user's knowledge: these methods of ``ports.Store``; ``knowledge_ports`` says what they promise."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, partial
from typing import cast

from server.errors import NotFound
from server.knowledge.index import Row
from server.knowledge.values import Article, Entry, VersionState
from server.store import full_text, knowledge
from server.store.knowledge import KnowledgeWriter, Step
from server.store.knowledge_ports import KnowledgeFigures, Version, VersionChange
from server.store.prepare import check_texts
from server.store.roads import Roads

_ORDER = "5 knowledge"


class KnowledgeMethods(Roads):
    """Part of ``SqlStore``."""

    @cached_property
    def _knowledge(self) -> KnowledgeWriter:
        return KnowledgeWriter(self._database)

    async def save_article(self, article: Article, by: str, at_ms: int) -> tuple[Version, bool]:
        check_texts(by=by, article_id=article.article_id)
        order = (_ORDER, article.article_id)
        return await self._work(order, partial(self._knowledge.save, article=article, by=by, at_ms=at_ms))

    async def set_article_state(
        self, article_id: str, version: int, state: VersionState, *, by: str, at_ms: int, entries: Sequence[Entry] = ()
    ) -> Version:
        check_texts(article_id=article_id, by=by)
        step = Step(article_id, version, state, by, at_ms)
        work = partial(self._knowledge.set_state, step=step, entries=entries)
        return cast(Version, await self._work((_ORDER, article_id), work))

    async def articles(
        self, *, state: VersionState | None = None, category: str | None = None, after: str | None = None, limit: int
    ) -> list[Version]:
        check_texts(category=category, after=after)
        found = partial(knowledge.articles, state=state, category=category, after=after, limit=limit)
        return await self._read(found)

    async def article_versions(self, article_id: str) -> list[Version]:
        check_texts(article_id=article_id)
        return await self._read(partial(knowledge.versions, article_id=article_id))

    async def article_changes(self, article_id: str) -> list[VersionChange]:
        check_texts(article_id=article_id)
        return await self._read(partial(knowledge.changes, article_id=article_id))

    async def article_source(self, article_id: str, version: int | None = None) -> tuple[Version, str]:
        check_texts(article_id=article_id)
        found = await self._read(partial(knowledge.source, article_id=article_id, version=version))
        if found is None:
            which = "" if version is None else f"version {version} of "
            raise NotFound(f"There is no {which}article {article_id!r}.")
        return found

    async def knowledge_revision(self) -> int:
        return await self._read(knowledge.revision)

    async def knowledge_rows(self, after_revision: int, after_number: int, limit: int) -> list[tuple[int, Row]]:
        found = partial(knowledge.rows, after_revision=after_revision, after_number=after_number, limit=limit)
        return await self._read(found)

    async def knowledge_numbers(self) -> list[int]:
        return await self._read(knowledge.numbers)

    async def rows_to_embed(self, model: str, after_number: int, limit: int) -> list[tuple[int, str]]:
        check_texts(model=model)
        return await self._read(partial(knowledge.to_embed, model=model, after_number=after_number, limit=limit))

    async def embed_rows(self, model: str, embeddings: Sequence[tuple[int, bytes]]) -> int:
        check_texts(model=model)
        return await self._work((_ORDER,), partial(self._knowledge.embed, model=model, embeddings=embeddings))

    async def search_words(self, words: Sequence[str], language: str, limit: int) -> list[int]:
        sound = [word for word in words if "\0" not in word and word.isprintable()]
        return await self._read(partial(full_text.search, words=sound, language=language, limit=limit))

    async def knowledge_figures(self) -> KnowledgeFigures:
        return await self._read(knowledge.figures)
