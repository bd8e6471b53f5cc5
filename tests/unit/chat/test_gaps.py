"""Gaps in the knowledge, from a store's questions: found, named, drafted, closed; what is asked often; coverage."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from server.chat.articles import Articles, publish
from server.chat.gap_keeper import GapKeeper
from server.chat.gaps import GapDesk, Gaps, distinct, slug
from server.chat.knowledge import Embedder
from server.clock import ManualClock
from server.contents import article_of
from server.errors import Conflict, Forbidden, Invalid, NotFound
from server.knowledge.clusters import Floats
from server.knowledge.questions import FIRST_LOOK_MS, QuestionTurn, Trouble, packed
from server.store.ports import Rating, Store
from server.store.sql import SqlStore, sqlite_url
from server.telemetry import Metrics
from server.wire.parts import User
from server.wiring.knowledge import redacted
from tests.contract.store.harness import new_id
from tests.contract.store.people import answer, message, opened, resolution
from tests.unit.chat.house import caller

WORDS = ("wrap", "parcel", "refund")
DAY_MS = 86_400_000


@dataclass
class Model:
    """Directions by ``WORDS``; ``turned``: another model's, which are others."""

    model: str = "nlu-1"
    dim: int = 4
    turned: bool = False
    embedded: list[str] = field(default_factory=list)

    def vector(self, text: str) -> Floats:
        found = np.array([*(word in text.casefold() for word in WORDS), 0.1], dtype=np.float32)
        found /= np.linalg.norm(found)
        return found[::-1].copy() if self.turned else found

    def embed(self, texts: Sequence[str]) -> Floats:
        self.embedded += texts
        return np.stack([self.vector(text) for text in texts])


@dataclass
class Worker:
    store: SqlStore
    model: Model = field(default_factory=Model)
    clock: ManualClock = field(default_factory=ManualClock)
    metrics: Metrics = field(default_factory=Metrics)

    def __post_init__(self) -> None:
        self.keeper = self.another()
        self.desk = GapDesk(self.store, self.clock, redacted)

    def another(self) -> GapKeeper:
        return GapKeeper(
            store=cast(Store, self.store),
            clock=self.clock,
            metrics=self.metrics,
            embedder=lambda: cast(Embedder, self.model),
            redact=redacted,
            kept_ms=90 * DAY_MS,
        )

    async def ask(
        self, text: str, by: str = "ann", *, cites: str | None = None, trouble: Trouble = "uncited"
    ) -> tuple[str, str]:
        """The conversation and the answer's id."""
        user, self.clock_ms = User(by, "customer", by), self.clock.now_ms()
        channel = await opened(self.store, user)
        appended = await self.store.append(message(channel, text, wants_turn=True, sender=user))
        assert appended.turn is not None
        citations = () if cites is None else ((cites, 1),)
        question = QuestionTurn(
            "answered" if cites else "unanswered",
            None if cites else trouble,
            self.model.model,
            packed(self.model.vector(text)),
            citations,
        )
        stored = await self.store.answer(answer(appended.turn, question=question, at_ms=self.clock.now_ms()))
        assert stored is not None
        return channel, stored.message_id

    async def look(self, **what: Any) -> None:
        self.clock.advance(FIRST_LOOK_MS)
        await self.keeper.look_after(**what)


@pytest.fixture
async def worker(tmp_path: Path) -> AsyncIterator[Worker]:
    store = SqlStore(sqlite_url(tmp_path / "a.db"), clock=ManualClock(), new_id=new_id)
    await store.start()
    yield Worker(store)
    await store.close()


async def gaps(worker: Worker, least: int = 1, **changes: Any) -> list[Any]:
    which = {"state": None, "days": 30, "least": least, "skip": 0, "limit": 50, **changes}
    return (await worker.desk.gaps(**which))[0]


async def test_questions_become_gaps_with_names_and_examples(worker: Worker) -> None:
    await worker.ask("do you gift wrap?")
    await worker.ask("please gift wrap it, mail me at ann@example.org", "ben")
    await worker.ask("where is my parcel?", "cem")
    await worker.look()
    wrap, parcel = await gaps(worker)
    assert (wrap.cluster.name, wrap.cluster.troubled, wrap.cluster.people) == ("gift wrap", 2, 2)
    assert wrap.examples == ("do you gift wrap?", "please gift wrap it, mail me at [email]")
    assert (wrap.impact, wrap.priority) == (None, 1.0)
    assert parcel.cluster.name == "parcel" and parcel.priority == 0.5
    assert [one.cluster.number for one in await gaps(worker, least=2)] == [wrap.cluster.number]
    assert (await worker.desk.gaps(state="open", days=30, least=1, skip=1, limit=1)) == ([parcel], False)
    assert (await worker.desk.gaps(state="open", days=30, least=1, skip=0, limit=1)) == ([wrap], True)
    assert await gaps(worker, state="resolved") == []


async def test_impact_orders_gaps_and_leaves_out_what_is_unknown(worker: Worker) -> None:
    for text, rating in (("wrap", 1.0), ("wrap", None), ("refund", 0.0)):
        _, answered = await worker.ask(text)
        if rating is not None:
            await worker.store.rate(Rating(answered, "ann", rating, None, 1))
    await worker.look()
    refund, wrap = await gaps(worker)
    assert (refund.cluster.name, refund.impact, refund.priority) == ("refund", 1.0, 1.0)
    assert (wrap.impact, wrap.priority, wrap.cluster.known) == (0.0, 0.0, 1)


async def test_numbers_stay_whoever_files(worker: Worker) -> None:
    await worker.ask("wrap")
    await worker.look()
    other = worker.another()
    await worker.ask("parcel")
    await other.look_after()
    await worker.ask("wrap it")
    await worker.look()
    found = {one.cluster.name: one.cluster for one in await gaps(worker)}
    assert {name: (one.number, one.turns) for name, one in found.items()} == {"wrap": (1, 2), "parcel": (2, 1)}
    assert await other.place_batch() == 0


async def test_who_reads_too_late_places_nothing_and_then_all(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    await worker.ask("wrap")
    other, file = worker.another(), worker.store.file_questions

    async def slower(revision: int, filing: Any) -> bool:
        monkeypatch.undo()
        assert await other.place_batch() == 1
        return await file(revision, filing)

    monkeypatch.setattr(worker.store, "file_questions", slower)
    assert await worker.keeper.place_batch() == 0
    await worker.ask("wrap")
    assert await worker.keeper.place_batch() == 1
    (found,) = await worker.store.clusters(0, limit=9)
    assert (found.number, found.turns) == (1, 2)


async def test_another_model_keeps_gaps_and_their_numbers(worker: Worker) -> None:
    await worker.ask("wrap this")
    await worker.ask("parcel lost")
    await worker.look()
    await worker.ask("wrap that")  # embedded by the model before
    worker.model = Model("nlu-2", turned=True)
    await worker.ask("lost parcel")
    for _ in range(3):
        await worker.look()
    assert {one.cluster.number: one.cluster.turns for one in await gaps(worker)} == {1: 2, 2: 2}
    assert sorted(worker.model.embedded) == ["parcel lost", "wrap that", "wrap this"]
    changes = await worker.store.question_clusters(0)
    assert {row.model for row in changes.rows} == {"nlu-2"}


async def test_a_gap_is_drafted_written_and_closes_itself(worker: Worker) -> None:
    await worker.ask("do you gift wrap?")
    await worker.look()
    with pytest.raises(Invalid, match="give the category"):
        await worker.desk.draft(1, None, None, "ann")
    gap, is_new = await worker.desk.draft(1, None, "orders", "ann")
    assert is_new and (gap.cluster.state, gap.cluster.article_id) == ("draft_written", "gift-wrap")
    assert (await worker.desk.draft(1, "gift-wrap", None, "ann"))[1] is False
    version, source = await worker.store.article_source("gift-wrap")
    assert version.state == "draft" and "'do you gift wrap?'" in source
    articles = Articles(
        store=cast(Store, worker.store), knowledge=cast(Any, None), signals=cast(Any, None), clock=worker.clock,
        parse=article_of, analyse=cast(Any, None),
    )  # fmt: skip
    await worker.store.set_article_state("gift-wrap", 1, "approved", by="ann", at_ms=1)
    with pytest.raises(Invalid, match="has no text"):
        await articles.set_state(caller("admin"), "gift-wrap", 1, "active")
    written = article_of("gift-wrap.md", source + "We wrap gifts.")
    assert written.asks == ("do you gift wrap?",)
    await publish(worker.store, written, by="ann", now_ms=2)
    for by in ("ben", "cem"):
        worker.clock.advance(1_000)
        channel, _ = await worker.ask("gift wrap?", by, cites="gift-wrap")
        await worker.store.resolve(resolution(channel))
    await worker.look()
    (closed,) = await gaps(worker)
    assert (closed.cluster.state, closed.cluster.changed_by, closed.cluster.solved) == ("resolved", "parlance", 2)
    with pytest.raises(Conflict, match="resolved"):
        await worker.desk.draft(1, None, "orders", "ann")
    assert (await worker.desk.set_state(1, "open", "ann")).cluster.changed_by == "ann"
    with pytest.raises(NotFound):
        await worker.desk.set_state(9, "open", "ann")
    with pytest.raises(NotFound, match="no gap 9"):
        await worker.desk.gap(9, 30)
    with pytest.raises(Invalid, match="can't name an article"):
        await worker.desk.draft(1, "Not an id", "orders", "ann")


async def test_what_at_least_three_people_ask_in_a_week_is_frequent(worker: Worker) -> None:
    for by in ("ann", "ben", "ben"):
        await worker.ask("where is my parcel", by, cites="tracking")
    await worker.look()
    assert await worker.desk.frequent(days=7, people=3, limit=9) == []
    await worker.ask("parcel?", "cem")
    await worker.look()
    (found,) = await worker.desk.frequent(days=7, people=3, limit=9)
    assert (found.cluster.people, found.cluster.turns, found.articles) == (3, 4, (("tracking", 3),))
    assert found.examples == ("where is my parcel", "parcel?")
    worker.clock.advance(8 * DAY_MS)
    assert await worker.desk.frequent(days=7, people=1, limit=9) == []


async def test_coverage_and_figures_are_told_to_people_and_to_metrics(worker: Worker) -> None:
    assert (await worker.desk.coverage(30)).share is None
    channel, answered = await worker.ask("parcel", cites="tracking")
    await worker.store.resolve(resolution(channel))
    await worker.store.rate(Rating(answered, "ann", 1.0, None, 1))
    await worker.ask("wrap")
    await worker.look()
    found = await worker.desk.coverage(30)
    assert (found.questions, found.answered, found.share, found.solved, found.satisfaction) == (2, 1, 0.5, 1, 1.0)
    (figures,) = await worker.desk.figures(days=30)
    assert (figures.article_id, figures.shown, figures.solved, figures.thumbs_up) == ("tracking", 1, 1, 1)
    told = worker.metrics.render().decode()
    assert 'parlance_knowledge_article_answers{article="tracking",version="1",what="solved"} 1.0' in told
    assert "parlance_knowledge_coverage_ratio 0.5" in told


async def test_old_questions_lapse(worker: Worker) -> None:
    await worker.ask("wrap")
    await worker.look()
    worker.clock.advance(91 * DAY_MS)
    await worker.look(lapse=True)
    assert await gaps(worker, days=366) == []


def test_agents_read_and_admins_change() -> None:
    desk = cast(GapDesk, object())
    both = Gaps(desk)
    assert both.read(caller("agent")) is both.change(caller("admin")) is desk
    with pytest.raises(Forbidden):
        both.read(caller("customer"))
    with pytest.raises(Forbidden):
        both.change(caller("agent"))


def test_examples_are_distinct_and_names_make_ids() -> None:
    assert distinct(["Wrap it?", "wrap  it", "no"]) == ("Wrap it?", "no")
    assert (slug("Gift wrap · Größe"), slug("¿?")) == ("gift-wrap-gr-sse", "")
