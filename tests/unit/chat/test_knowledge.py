"""Knowledge while the server runs: what a turn finds, changes taken up, rows embedded."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from inference.analysis import Act, Analysis
from server.chat.articles import Articles, publish
from server.chat.knowledge import Embedder, Knowledge
from server.chat.signals import AnySignal, KnowledgeMoved, Signals
from server.clock import ManualClock
from server.contents import article_of
from server.errors import BadFrame, Conflict, Forbidden, Invalid, NotFound, Unavailable
from server.knowledge.index import NOTHING_FOUND, Floats
from server.store.ports import Store
from server.store.sql import SqlStore, sqlite_url
from server.telemetry import Metrics
from tests.contract.store.harness import new_id
from tests.unit.chat.house import caller
from tests.unit.chat.test_memory import analysis

PAY = "---\ntitle: Cards or cash\ncategory: money\n---\nCards and cash."
SEND = "---\ntitle: The label\ncategory: returns\n---\nThirty days.\n\n# By post\nPrint the label."
WORDS = ("cards", "label", "days", "cash")


def vector(text: str) -> Floats:
    """A direction for each of ``WORDS``."""
    found = np.array([word in text.casefold() for word in WORDS], dtype=np.float32)
    return cast(Floats, found / max(float(np.linalg.norm(found)), 1.0))


@dataclass
class Model:
    model: str = "nlu-1"
    dim: int = 4
    batches: list[int] = field(default_factory=list)

    def embed(self, texts: Sequence[str]) -> Floats:
        self.batches.append(len(texts))
        return np.stack([vector(text) for text in texts])


class Told(Signals):
    def __init__(self) -> None:
        super().__init__()
        self.sent: list[AnySignal] = []

    async def send(self, signal: AnySignal, channel: str = "") -> None:
        self.sent.append(signal)


@dataclass
class Worker:
    """One worker's knowledge on a store of its own."""

    store: SqlStore
    model: Model = field(default_factory=Model)
    signals: Told = field(default_factory=Told)
    clock: ManualClock = field(default_factory=ManualClock)
    metrics: Metrics = field(default_factory=Metrics)

    def __post_init__(self) -> None:
        self.knowledge = Knowledge(
            store=cast(Store, self.store),
            signals=self.signals,
            clock=self.clock,
            rng=random.Random(7),
            metrics=self.metrics,
            embedder=lambda: cast(Embedder, self.model),
            answer_from=0.3,
            offer_from=0.12,
            cache_entries=10,
        )
        self.articles = Articles(
            store=cast(Store, self.store),
            knowledge=self.knowledge,
            signals=self.signals,
            clock=self.clock,
            parse=article_of,
            analyse=self.heard,
        )

    async def heard(self, text: str) -> Analysis:
        return heard(text)

    async def publish(self, *sources: tuple[str, str]) -> None:
        for name, source in sources:
            await publish(self.store, article_of(f"{name}.md", source), by="ann", now_ms=1)
        await self.knowledge.look()
        await self.knowledge.embed()


def heard(text: str, act: Act = "question", **changes: Any) -> Analysis:
    return replace(analysis(), act=act, language="en", model="nlu-1", embedding=vector(text), **changes)


@pytest.fixture
async def worker(tmp_path: Path) -> AsyncIterator[Worker]:
    store = SqlStore(sqlite_url(tmp_path / "a.db"), clock=ManualClock(), new_id=new_id)
    await store.start()
    yield Worker(store)
    await store.close()


async def test_a_question_finds_its_article(worker: Worker) -> None:
    await worker.publish(("pay", PAY), ("send", SEND))
    found = await worker.knowledge.find("do you take cards or cash", heard("cards or cash"))
    assert found.answer is not None and found.answer.article_id == "pay" and found.answer.version == 1
    assert b'parlance_knowledge_turns_total{outcome="answered"} 1.0' in worker.metrics.render()


async def test_what_nothing_answers_finds_nothing(worker: Worker) -> None:
    await worker.publish(("pay", PAY), ("send", SEND))
    assert await worker.knowledge.find("who won the match", heard("who won")) == NOTHING_FOUND


@pytest.mark.parametrize("act", ["greeting", "thanks", "goodbye", "affirm", "deny"])
async def test_courtesies_are_not_searched(worker: Worker, act: Act) -> None:
    await worker.publish(("pay", PAY))
    assert await worker.knowledge.find("cards", heard("cards", act)) == NOTHING_FOUND


async def test_without_articles_nobody_asks_the_store(worker: Worker) -> None:
    await worker.store.close()
    assert await worker.knowledge.find("cards", heard("cards")) == NOTHING_FOUND


async def test_a_ledger_that_is_away_leaves_the_turn_without_knowledge(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    await worker.publish(("pay", PAY))

    async def away(*_: object) -> list[int]:
        raise Unavailable("away")

    monkeypatch.setattr(worker.store, "search_words", away)
    assert await worker.knowledge.find("cards", heard("cards")) == NOTHING_FOUND


async def test_other_languages_and_expired_articles_are_left_out(worker: Worker) -> None:
    await worker.publish(("pay", PAY.replace("---\nCards", "expires: 2023-11-15\n---\nCards")))
    search = worker.knowledge.search
    assert await search("cards", heard("cards"), limit=5)
    assert not await search("cards", replace(heard("cards"), language="fr"), limit=5)
    assert await search("cards", replace(heard("cards"), language="und"), limit=5)
    worker.clock.advance(3 * 86_400_000)
    assert not await search("cards", heard("cards"), limit=5)


async def test_what_another_model_heard_is_found_by_words_alone(worker: Worker) -> None:
    await worker.publish(("pay", PAY))
    (hit,) = await worker.knowledge.search("cards", replace(heard("cards"), model="nlu-2"), limit=5)
    assert hit.cosine == 0.0 and hit.coverage == 1.0


async def test_what_is_not_embedded_yet_is_offered_by_its_words(worker: Worker) -> None:
    await publish(worker.store, article_of("pay.md", PAY), by="ann", now_ms=1)
    await worker.knowledge.look()
    assert worker.knowledge.missing == 2
    found = await worker.knowledge.find("cards or cash?", heard("cards or cash"))
    assert found.answer is None and [hit.article_id for hit in found.nearest] == ["pay"]
    assert await worker.knowledge.find("who won the match", heard("who won the match")) == NOTHING_FOUND
    await worker.knowledge.ready(5.0)
    assert worker.knowledge.missing == 0
    assert (await worker.knowledge.find("cards or cash?", heard("cards or cash"))).answer is not None


async def test_a_start_does_not_wait_for_ever_for_embeddings(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    await publish(worker.store, article_of("pay.md", PAY), by="ann", now_ms=1)
    await worker.knowledge.look()

    async def hangs(*_: object) -> int:
        await asyncio.Event().wait()
        return 0

    monkeypatch.setattr(worker.store, "embed_rows", hangs)
    await worker.knowledge.ready(0.01)
    assert worker.knowledge.missing == 2


async def test_changes_are_taken_up_and_others_told(worker: Worker) -> None:
    await worker.publish(("pay", PAY))
    assert worker.signals.sent == [KnowledgeMoved()]
    assert worker.knowledge.index.embedded == 2
    await worker.publish(("pay", PAY.replace("Cards and cash.", "Cash only.")), ("send", SEND))
    assert sorted({row.text for row in worker.knowledge.index.rows if row.kind == "passage"}) == [
        "Cash only.", "Print the label.", "Thirty days.",
    ]  # fmt: skip
    assert {row.version for row in worker.knowledge.index.rows if row.article_id == "pay"} == {2}
    before = worker.knowledge.index
    await worker.knowledge.look()
    assert worker.knowledge.index is before


async def test_another_model_embeds_everything_anew(worker: Worker) -> None:
    await worker.publish(("pay", PAY), ("send", SEND))
    worker.model = Model("nlu-2")
    await worker.knowledge.look()
    assert (worker.knowledge.index.model, worker.knowledge.index.embedded) == ("nlu-2", 0)
    await worker.knowledge.embed()
    assert worker.knowledge.index.embedded == 5 == sum(worker.model.batches)


async def test_an_embedded_article_is_not_embedded_again(worker: Worker) -> None:
    await worker.publish(("pay", PAY))
    batches = list(worker.model.batches)
    await worker.knowledge.embed()
    assert worker.model.batches == batches


async def test_a_question_is_searched_once_until_anything_changes(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    searches, search = [], worker.store.search_words

    async def counted(words: Sequence[str], language: str, limit: int) -> list[int]:
        searches.append(words)
        return await search(words, language, limit)

    monkeypatch.setattr(worker.store, "search_words", counted)
    await worker.publish(("pay", PAY.replace("---\nCards", "expires: 2023-11-15\n---\nCards")))
    first = await worker.knowledge.search("Cards?", heard("cards"), limit=5)
    assert await worker.knowledge.search(" cards", heard("cards"), limit=5) == first != []
    assert len(searches) == 1
    await worker.knowledge.search("cards", replace(heard("cards"), model="nlu-2"), limit=5)
    await worker.knowledge.search("cards", heard("cards"), limit=5, category="money")
    await worker.knowledge.search("cards", heard("cards"), limit=4)
    assert len(searches) == 4
    changes: list[str] = []
    worker.knowledge.on_change(lambda: changes.append("changed"))
    await worker.publish(("send", SEND))
    assert changes == ["changed", "changed"]  # its rows, then their embeddings
    await worker.knowledge.search("cards", heard("cards"), limit=5)
    assert len(searches) == 5
    worker.clock.advance(3 * 86_400_000)
    found = await worker.knowledge.search("cards", heard("cards"), limit=5)
    assert "pay" not in {hit.article_id for hit in found} and len(searches) == 6
    told = worker.metrics.render().decode()
    assert 'parlance_knowledge_cache_total{cache="passages",result="hit"} 2.0' in told


async def test_what_was_found_in_an_index_that_is_no_more_is_not_remembered(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    await worker.publish(("pay", PAY))
    search = worker.store.search_words

    async def slower(words: Sequence[str], language: str, limit: int) -> list[int]:
        monkeypatch.undo()
        found = await search(words, language, limit)
        await worker.store.set_article_state("pay", 1, "retired", by="ann", at_ms=2)
        await worker.knowledge.look()
        return found

    monkeypatch.setattr(worker.store, "search_words", slower)
    assert await worker.knowledge.search("cards", heard("cards"), limit=5)
    assert await worker.knowledge.search("cards", heard("cards"), limit=5) == []


# ------------------------------------------------------------------ people


async def test_admins_write_and_agents_read(worker: Worker) -> None:
    admin, agent, customer = caller("admin"), caller("agent"), caller("customer")
    draft, is_new = await worker.articles.save(admin, "pay", PAY)
    assert (draft.state, draft.changed_by, is_new) == ("draft", "admin", True)
    assert (await worker.articles.save(admin, "pay", PAY))[1] is False
    await worker.articles.set_state(admin, "pay", 1, "approved")
    assert (await worker.articles.set_state(admin, "pay", 1, "active")).state == "active"
    assert worker.signals.sent == [KnowledgeMoved(), KnowledgeMoved()]
    shown, source, versions, changes = await worker.articles.article(agent, "pay")
    assert (source, versions, [one.state for one in changes]) == (PAY, [shown], ["draft", "approved", "active"])
    assert await worker.articles.page(agent, state=None, category=None, after=None, limit=1) == ([shown], False)
    assert (await worker.articles.figures(agent)).rows == {"passage": 1, "ask": 1}
    await worker.knowledge.look()
    hits, outcome = await worker.articles.search(agent, "cards", category=None, language=None, limit=3)
    assert ([hit.article_id for hit in hits], outcome) == (["pay"], "offered")  # by words alone
    assert worker.knowledge.outcome(heard("cards", "greeting"), hits) == "nothing"  # the bot looks nothing up to greet
    read, passages = await worker.articles.preview(agent, "send", SEND)
    assert (read.title, [one.passage_id for one in passages]) == ("The label", ["send", "send#by-post"])
    for refused in (
        worker.articles.save(agent, "pay", PAY),
        worker.articles.set_state(agent, "pay", 1, "retired"),
        worker.articles.article(customer, "pay"),
        worker.articles.page(customer, state=None, category=None, after=None, limit=1),
        worker.articles.search(customer, "cards", category=None, language=None, limit=1),
        worker.articles.preview(customer, "pay", PAY),
        worker.articles.figures(customer),
    ):
        with pytest.raises(Forbidden):
            await refused


async def test_what_is_wrong_is_refused_with_its_line(worker: Worker) -> None:
    admin = caller("admin")
    with pytest.raises(Invalid, match="pay:1: there is no front matter"):
        await worker.articles.save(admin, "pay", "text")
    with pytest.raises(Invalid, match="pay:1: there is no front matter"):
        await worker.articles.preview(admin, "pay", "text")
    with pytest.raises(Invalid, match="'cash'"):
        await worker.articles.save(admin, "pay", PAY.replace("title:", "id: cash\ntitle:"))
    with pytest.raises(NotFound):
        await worker.articles.set_state(admin, "pay", 1, "active")
    await worker.articles.save(admin, "pay", PAY)
    with pytest.raises(Conflict):
        await worker.articles.set_state(admin, "pay", 1, "active")
    with pytest.raises(BadFrame):
        await worker.articles.search(admin, "  ", category=None, language=None, limit=1)


async def test_publishing_the_same_again_changes_nothing(worker: Worker) -> None:
    made = article_of("pay.md", PAY)
    assert (await publish(worker.store, made, by="ann", now_ms=1))[1]
    version, changed = await publish(worker.store, made, by="ann", now_ms=2)
    assert not changed and version.changed_ms == 1
    await worker.store.set_article_state("pay", 1, "retired", by="ann", at_ms=3)
    assert (await publish(worker.store, made, by="ann", now_ms=4))[0].state == "active"
