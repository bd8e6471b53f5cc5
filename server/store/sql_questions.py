"""Questions: these methods of ``ports.Store``; ``question_ports`` says what they promise."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, partial

from server.knowledge.questions import GapState
from server.store import questions
from server.store.prepare import check_texts
from server.store.question_ports import ArticleFigures, Cluster, ClusterChanges, DayFigures, Filing, Unplaced
from server.store.questions import QuestionWriter
from server.store.roads import Roads

_ORDER = "6 questions"


class QuestionMethods(Roads):
    """Part of ``SqlStore``."""

    @cached_property
    def _questions(self) -> QuestionWriter:
        return QuestionWriter(self._database)

    async def follow_up(self, now_ms: int, limit: int) -> int:
        return await self._work((_ORDER, "1 follow"), partial(questions.follow_up, now_ms=now_ms, limit=limit))

    async def unplaced_questions(self, limit: int) -> list[Unplaced]:
        return await self._read(partial(questions.unplaced, limit=limit))

    async def question_clusters(self, after_revision: int) -> ClusterChanges:
        return await self._read(partial(questions.changes, after=after_revision))

    async def file_questions(self, revision: int, filing: Filing) -> bool:
        return await self._work((_ORDER, "2 file"), partial(self._questions.file, revision=revision, filing=filing))

    async def clusters(
        self, since_ms: int, *, troubled: int = 0, people: int = 0, number: int | None = None, limit: int
    ) -> list[Cluster]:
        found = partial(
            questions.clusters, since_ms=since_ms, troubled=troubled, people=people, number=number, limit=limit
        )
        return await self._read(found)

    async def cluster_texts(
        self, numbers: Sequence[int], limit: int, *, troubled_first: bool = False
    ) -> dict[int, list[str]]:
        found = partial(questions.texts, numbers=numbers, limit=limit, troubled_first=troubled_first)
        return await self._read(found)

    async def cluster_articles(self, numbers: Sequence[int], since_ms: int) -> dict[int, list[tuple[str, int]]]:
        return await self._read(partial(questions.articles_of, numbers=numbers, since_ms=since_ms))

    async def question_sample(self, limit: int) -> list[str]:
        return await self._read(partial(questions.sample, limit=limit))

    async def unnamed_clusters(self, limit: int) -> list[tuple[int, int]]:
        return await self._read(partial(questions.unnamed, limit=limit))

    async def name_clusters(self, names: Sequence[tuple[int, str, int]]) -> None:
        await self._work((_ORDER, "3 name"), partial(questions.name, names=names))

    async def set_gap_state(
        self, number: int, state: GapState, *, by: str, at_ms: int, article_id: str | None = None
    ) -> None:
        check_texts(by=by, article_id=article_id)
        changed = partial(questions.set_state, number=number, state=state, by=by, at_ms=at_ms, article_id=article_id)
        await self._work((_ORDER, "3 state"), changed)

    async def move_gaps(self, turns: int, by: str, at_ms: int) -> tuple[int, int]:
        return await self._work((_ORDER, "3 move"), partial(questions.move, turns=turns, by=by, at_ms=at_ms))

    async def article_figures(
        self, since_ms: int, *, article_id: str | None = None, limit: int
    ) -> list[ArticleFigures]:
        check_texts(article_id=article_id)
        found = partial(questions.article_figures, since_ms=since_ms, article_id=article_id, limit=limit)
        return await self._read(found)

    async def question_days(self, since_ms: int, until_ms: int) -> list[DayFigures]:
        return await self._read(partial(questions.days, since_ms=since_ms, until_ms=until_ms))

    async def lapse_questions(self, before_ms: int, limit: int) -> int:
        return await self._work((_ORDER, "4 lapse"), partial(questions.lapse, before_ms=before_ms, limit=limit))
