"""What people ask about questions: gaps in the knowledge, what is asked often, coverage, and how articles do.

Agents read, admins change. Texts of customers are shown with placeholders for what is personal. The commands do the
same without a caller (``GapDesk``).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, Protocol

from server.chat.access import require_agent
from server.chat.gap_keeper import Redact
from server.chat.peer import Caller
from server.clock import Clock
from server.errors import Conflict, Forbidden, Invalid, NotFound
from server.knowledge.parsing import ARTICLE_ID, MAX_ASK_CODE_POINTS, MAX_NAME_CODE_POINTS, MAX_TITLE_CODE_POINTS
from server.knowledge.questions import GapState
from server.knowledge.values import Article
from server.store.knowledge_ports import KnowledgeStore
from server.store.question_ports import ArticleFigures, Cluster, DayFigures, QuestionStore

DAY_MS: Final = 86_400_000
GAP_DAYS: Final = 30
FAQ_DAYS: Final = 7
FAQ_PEOPLE: Final = 3
MAX_DAYS: Final = 366
MAX_GAPS: Final = 200
RANKED: Final = 5_000
"""Gaps among which those of a page are ranked: those with the most troubled questions."""

EXAMPLES: Final = 5
EXAMPLES_OF_ONE: Final = 20
UNKNOWN_IMPACT: Final = 0.5
"""Of a gap of which nobody has said how content they were."""

FIGURES: Final = 1_000
_WHAT: Final = "the knowledge"


@dataclass(frozen=True, slots=True)
class Gap:
    """``impact``: 1 − the mean satisfaction of its troubled questions, None where none is known. ``priority``: troubled
    questions times impact, half of them where that is unknown. ``examples``: redacted, the most typical first."""

    cluster: Cluster
    impact: float | None
    priority: float
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Frequent:
    """A question that many ask. ``articles``: which answered it how often, the most frequent first."""

    cluster: Cluster
    examples: tuple[str, ...]
    articles: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Coverage:
    """Questions since ``since_ms``. ``share``: of them answered from an article, None where nobody asked anything;
    ``satisfaction``: the mean over those who have shown any."""

    since_ms: int
    questions: int
    answered: int
    offered: int
    solved: int
    handoffs: int
    share: float | None
    satisfaction: float | None
    days: tuple[DayFigures, ...]


class GapStore(QuestionStore, KnowledgeStore, Protocol):
    """What is needed of the store."""


class GapDesk:
    """The rules, for whoever may."""

    def __init__(self, store: GapStore, clock: Clock, redact: Redact) -> None:
        self._store = store
        self._clock = clock
        self._redact = redact

    async def gaps(
        self, *, state: GapState | None, days: int, least: int, skip: int, limit: int
    ) -> tuple[list[Gap], bool]:
        """Those with at least ``least`` troubled questions in so many days, the most pressing first, and whether there
        are more."""
        found = await self._store.clusters(self._since(days), troubled=max(least, 1), limit=RANKED)
        ranked = await asyncio.to_thread(ranked_gaps, found, state)
        page = ranked[skip : skip + limit]
        return await self._with_examples(page, EXAMPLES), len(ranked) > skip + limit

    async def gap(self, number: int, days: int) -> Gap:
        """``NotFound``: none, or nobody asked it in so many days."""
        found = await self._store.clusters(self._since(days), number=number, limit=1)
        if not found:
            raise NotFound(f"There is no gap {number} with questions in the last {days} days.")
        return (await self._with_examples([gap_of(found[0])], EXAMPLES_OF_ONE))[0]

    async def set_state(self, number: int, state: Literal["open", "resolved"], by: str) -> Gap:
        """``NotFound``."""
        await self._store.set_gap_state(number, state, by=by, at_ms=self._clock.now_ms())
        return await self.gap(number, MAX_DAYS)

    async def draft(self, number: int, article_id: str | None, category: str | None, by: str) -> tuple[Gap, bool]:
        """Say that an article is being written for a gap; one that does not exist yet is begun as a draft, found by the
        gap's own questions, whose text remains to be written: until then nobody can make it active. Whether it was
        begun now. ``NotFound``, ``Invalid``; ``Conflict``: resolved already."""
        gap = await self.gap(number, MAX_DAYS)
        if gap.cluster.state == "resolved":
            raise Conflict(f"Gap {number} is resolved. Open it again first.")
        name = article_id or slug(gap.cluster.name) or f"gap-{number}"
        if not ARTICLE_ID.fullmatch(name):
            raise Invalid(f"{name!r} can't name an article. Use at most 64 small letters, digits and -.")
        is_new = not await self._store.article_versions(name)
        now_ms = self._clock.now_ms()
        if is_new:
            if not category or not category.strip() or len(category) > MAX_NAME_CODE_POINTS:
                raise Invalid(f"There is no article {name!r} yet: give the category that it is to have.")
            await self._store.save_article(scaffold(name, category, gap), by, now_ms)
        await self._store.set_gap_state(number, "draft_written", by=by, at_ms=now_ms, article_id=name)
        return await self.gap(number, MAX_DAYS), is_new

    async def frequent(self, *, days: int, people: int, limit: int) -> list[Frequent]:
        """What at least so many people asked in so many days, the most people first."""
        since_ms = self._since(days)
        found = await self._store.clusters(since_ms, people=people, limit=RANKED)
        found = sorted(found, key=lambda one: (-one.people, -one.turns, one.number))[:limit]
        numbers = [one.number for one in found]
        examples = await self._examples(numbers, EXAMPLES, troubled_first=False)
        articles = await self._store.cluster_articles(numbers, since_ms) if numbers else {}
        return [Frequent(one, examples[one.number], tuple(articles[one.number][:3])) for one in found]

    async def coverage(self, days: int) -> Coverage:
        """How much of what was asked in so many days articles answered."""
        since_ms = self._since(days)
        found = await self._store.question_days(since_ms, self._clock.now_ms() + 1)
        questions, answered = sum(day.questions for day in found), sum(day.answered for day in found)
        known = sum(day.known for day in found)
        return Coverage(
            since_ms=since_ms,
            questions=questions,
            answered=answered,
            offered=sum(day.offered for day in found),
            solved=sum(day.solved for day in found),
            handoffs=sum(day.handoffs for day in found),
            share=answered / questions if questions else None,
            satisfaction=sum(day.satisfaction for day in found) / known if known else None,
            days=tuple(found),
        )

    async def figures(self, *, days: int, article_id: str | None = None, limit: int = FIGURES) -> list[ArticleFigures]:
        """What articles did in so many days, by version, those shown most first."""
        return await self._store.article_figures(self._since(days), article_id=article_id, limit=limit)

    def _since(self, days: int) -> int:
        return self._clock.now_ms() - days * DAY_MS

    async def _with_examples(self, gaps: Sequence[Gap], most: int) -> list[Gap]:
        examples = await self._examples([gap.cluster.number for gap in gaps], most, troubled_first=True)
        return [Gap(gap.cluster, gap.impact, gap.priority, examples[gap.cluster.number]) for gap in gaps]

    async def _examples(self, numbers: Sequence[int], most: int, *, troubled_first: bool) -> dict[int, tuple[str, ...]]:
        if not numbers:
            return {}
        texts = await self._store.cluster_texts(numbers, 3 * most, troubled_first=troubled_first)
        # Telling phone numbers takes a fraction of a millisecond a text: too long for a page on the event loop.
        return await asyncio.to_thread(self._redacted, texts, most)

    def _redacted(self, texts: Mapping[int, Sequence[str]], most: int) -> dict[int, tuple[str, ...]]:
        return {number: distinct(map(self._redact, some))[:most] for number, some in texts.items()}


class Gaps:
    """The same for callers: agents read, admins change; otherwise ``Forbidden``."""

    def __init__(self, desk: GapDesk) -> None:
        self._desk = desk

    def read(self, caller: Caller) -> GapDesk:
        """The desk of somebody who reads."""
        require_agent(caller, _WHAT)
        return self._desk

    def change(self, caller: Caller) -> GapDesk:
        """The desk of somebody who changes."""
        if not caller.is_admin:
            raise Forbidden("gaps are changed by admins")
        return self._desk


def ranked_gaps(found: Sequence[Cluster], state: GapState | None) -> list[Gap]:
    """The most pressing first (pure)."""
    gaps = [gap_of(one) for one in found if state is None or one.state == state]
    return sorted(gaps, key=lambda gap: (-gap.priority, -gap.cluster.troubled, gap.cluster.number))


def gap_of(cluster: Cluster) -> Gap:
    """With impact and priority."""
    impact = None if cluster.satisfaction is None else 1.0 - cluster.satisfaction
    return Gap(cluster, impact, cluster.troubled * (UNKNOWN_IMPACT if impact is None else impact))


def distinct(texts: Sequence[str] | map[str]) -> tuple[str, ...]:
    """Without repeats but for case, spaces and marks; the first of each."""
    return tuple({re.sub(r"\W+", " ", text.casefold()).strip(): text for text in reversed(list(texts))}.values())[::-1]


def slug(name: str) -> str:
    """An article's id made of a name; empty where nothing is left of it."""
    return "-".join(re.findall(r"[a-z0-9]+", name.casefold()))[:64].strip("-")


def scaffold(article_id: str, category: str, gap: Gap) -> Article:
    """A draft without text: title and asks from the gap."""
    title = _one_line(gap.cluster.name)[:MAX_TITLE_CODE_POINTS] or f"Gap {gap.cluster.number}"
    title = title[:1].upper() + title[1:]
    asks = tuple(text for text in map(_one_line, gap.examples) if 0 < len(text) <= MAX_ASK_CODE_POINTS)
    lines = ["---", f"title: {_quoted(title)}", f"category: {_quoted(_one_line(category))}"]
    lines += ["asks:", *(f"  - {_quoted(ask)}" for ask in asks)] if asks else []
    source = "\n".join([*lines, "---", ""])
    return Article(article_id, title, category, source, "", len(lines) + 2, asks=asks)


def _one_line(text: str) -> str:
    """Without what YAML refuses: customers may send control characters."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def _quoted(text: str) -> str:
    """As YAML reads it back, whatever is in it."""
    return "'" + text.replace("'", "''") + "'"
