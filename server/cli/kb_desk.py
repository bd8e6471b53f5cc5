"""The knowledge without a server: the same rules on the same database, which a running server may use meanwhile."""

from __future__ import annotations

import asyncio
import random
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import typer

from server.chat.articles import publish
from server.chat.gaps import GapDesk
from server.chat.knowledge import HITS, Knowledge
from server.chat.signals import Signals
from server.cli.options import load
from server.clock import SystemClock
from server.contents import article_files, article_of, champion_folder, read_questions
from server.errors import ClientError, StartupError, Unavailable
from server.knowledge.errors import KnowledgeError
from server.knowledge.index import Hit, judge
from server.knowledge.measure import Measured, measure
from server.knowledge.values import Article
from server.store.knowledge_ports import KnowledgeFigures, Version
from server.store.sql import SqlStore, sqlite_url
from server.telemetry import Metrics
from server.wiring.intent_files import write_whole

if TYPE_CHECKING:
    from inference.engine import Engine
    from server.settings import Settings

T = TypeVar("T")
PAGE_ARTICLES = 500


def checked(folder: Path) -> tuple[list[Article], list[str]]:
    """The articles that can be used, and what is wrong with the others. ``StartupError`` for the folder."""
    articles: dict[str, Article] = {}
    problems: list[str] = []
    for name, source in article_files(folder):
        try:
            article = article_of(name, source)
        except KnowledgeError as error:
            problems.append(str(error))
            continue
        if article.article_id in articles:
            problems.append(f"{name}: the id {article.article_id!r} is another file's, too. Give it an id of its own.")
        articles.setdefault(article.article_id, article)
    return list(articles.values()), problems


def stop(problems: Sequence[str]) -> None:
    """End the command with 1."""
    for problem in problems:
        typer.echo(problem, err=True)
    raise typer.Exit(1)


def measured(articles: Sequence[Article], questions: Path, config: Path | None, language: str | None) -> Measured:
    """How well the articles of a folder are found, on a database of their own; those of ``language``, or where that is
    None of each question's own. Ends the command with 1 where a question
    names an article that is not there."""
    asked = read_questions(questions)
    known = {article.article_id for article in articles}
    missing = sorted({article for _, article in asked if article is not None} - known)
    if missing:
        stop([f"{questions}: there is no article {name!r} in the folder." for name in missing])
    settings = load(check=False, make=False, config=config).settings
    with tempfile.TemporaryDirectory() as folder:
        desk = KbDesk(settings, sqlite_url(Path(folder) / "check.db"), migrating=True)
        return desk.measure(articles, asked, language)


class KbDesk:
    """What the commands do on the database ``url``. Ends a command with 1 where something is refused."""

    def __init__(self, settings: Settings, url: str, *, migrating: bool = False) -> None:
        self._settings = settings
        self._url = url
        self._migrating = migrating

    def save(self, articles: Sequence[Article], state: Literal["draft", "active"], by: str) -> dict[str, int]:
        """How many changed something, and how many were there already."""

        async def work(store: SqlStore) -> dict[str, int]:
            counts = {"changed": 0, "same": 0}
            for article in articles:
                changed = await _saved(store, article, state, by)
                counts["changed" if changed else "same"] += 1
            return counts

        return self._run(work)

    def export(self, folder: Path) -> int:
        """How many were written."""
        found = self._run(_everything)
        _made(folder)
        for version, source in found:
            target = folder / _safe(version.category) / f"{version.article_id}.md"
            _made(target.parent)
            write_whole(target, source.encode())
        return len(found)

    def search(self, question: str, category: str | None, limit: int) -> tuple[list[Hit], str]:
        """The hits, and what the bot would do: answered, offered or nothing."""
        engine = self._engine()

        async def work(store: SqlStore) -> tuple[list[Hit], str]:
            knowledge = await self._ready(store, engine)
            analysis = engine.analyse_now([question])[0]
            hits = await knowledge.search(question, analysis, limit=max(limit, HITS), category=category)
            found = judge(hits, self._settings.knowledge_answer_from, self._settings.knowledge_offer_from)
            return hits[:limit], found.outcome

        return self._run(work)

    def measure(
        self, articles: Sequence[Article], asked: Sequence[tuple[str, str | None]], language: str | None
    ) -> Measured:
        """How well ``articles`` are found."""
        engine = self._engine()

        async def work(store: SqlStore) -> Measured:
            for article in articles:
                await _saved(store, article, "active", "check")
            knowledge = await self._ready(store, engine)
            analyses = engine.analyse_now([question for question, _ in asked])
            found = [
                (article, await knowledge.search(question, analysis, limit=HITS, language=language))
                for (question, article), analysis in zip(asked, analyses, strict=True)
            ]
            return measure(found, self._settings.knowledge_answer_from, self._settings.knowledge_offer_from)

        return self._run(work)

    def figures(self) -> KnowledgeFigures:
        """Counts."""
        return self._run(lambda store: store.knowledge_figures())

    def ask(self, work: Callable[[GapDesk], Awaitable[T]]) -> T:
        """What people ask about questions, without a caller."""
        from server.wiring.knowledge import redacted

        return self._run(lambda store: work(GapDesk(store, SystemClock(), redacted)))

    async def _ready(self, store: SqlStore, engine: Engine) -> Knowledge:
        """An index of everything, embedded by the model in use."""
        from server.wiring.knowledge import EngineEmbedder

        embedder = EngineEmbedder(engine)
        knowledge = Knowledge(
            store=store,
            signals=_Silent(),
            clock=SystemClock(),
            rng=random.Random(),
            metrics=Metrics(),
            embedder=lambda: embedder,
            answer_from=self._settings.knowledge_answer_from,
            offer_from=self._settings.knowledge_offer_from,
        )
        await knowledge.look()
        await knowledge.embed()
        return knowledge

    def _engine(self) -> Engine:
        from inference.engine import Engine
        from inference.errors import ModelError
        from inference.pack import load_pack

        try:
            return Engine(load_pack(champion_folder(self._settings)), clock=time.perf_counter_ns, cache_entries=0)
        except ModelError as error:
            raise StartupError(str(error)) from error

    def _run(self, work: Callable[[SqlStore], Awaitable[T]]) -> T:
        try:
            return asyncio.run(self._with_store(work))
        except Unavailable as error:
            raise StartupError(str(error), "See whether the database is well: parlance doctor.") from None
        except ClientError as error:
            typer.echo(str(error), err=True)
            raise typer.Exit(1) from None

    async def _with_store(self, work: Callable[[SqlStore], Awaitable[T]]) -> T:
        timeout_s = self._settings.store_timeout_ms / 1_000
        store = SqlStore(self._url, clock=SystemClock(), new_id=_no_ids, timeout_s=timeout_s)
        try:
            await store.start(migrating=self._migrating)
            return await work(store)
        finally:
            await store.close()


class _Silent(Signals):
    """Nobody else is told: servers look by themselves."""

    async def send(self, *_: object, **__: object) -> None:
        return


def open_desk(**flags: Any) -> KbDesk:
    """With the settings of this call."""
    settings = load(check=False, make=False, **flags).settings
    if not settings.shares_database and not settings.database_path.exists():
        remedy = "Give the server's --data-dir or --database-url, or let a server start first."
        raise StartupError(f"There is no database {settings.database_path}.", remedy)
    return KbDesk(settings, settings.effective_database_url)


async def _saved(store: SqlStore, article: Article, state: Literal["draft", "active"], by: str) -> bool:
    now_ms = SystemClock().now_ms()
    if state == "active":
        return (await publish(store, article, by=by, now_ms=now_ms))[1]
    return (await store.save_article(article, by, now_ms))[1]


async def _everything(store: SqlStore) -> list[tuple[Version, str]]:
    found: list[tuple[Version, str]] = []
    after: str | None = None
    while page := await store.articles(after=after, limit=PAGE_ARTICLES):
        found += [await store.article_source(version.article_id) for version in page]
        after = page[-1].article_id
    return found


def _safe(category: str) -> str:
    """A folder's name."""
    return "-".join("".join(char if char.isalnum() else " " for char in category.casefold()).split()) or "other"


def _no_ids() -> str:
    raise AssertionError("nothing here makes rows of its own")


def _made(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StartupError(f"{folder} can't be made: {error.strerror}.", "Give another folder.") from None
