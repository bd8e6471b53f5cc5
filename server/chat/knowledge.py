"""The user's knowledge while the server runs: what a turn finds in it, and what people do with its articles.

Each worker keeps an index of all active rows in memory. A change is told by a signal, and the revision in the ledger is
looked at besides; rows that the model in use has not embedded yet are embedded here, beside the event loop.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, Protocol

import numpy as np
import structlog

from inference.analysis import Analysis
from server.chat.approximation import Approximation
from server.chat.questions import QuestionRule
from server.chat.recent import Recent, normalised
from server.chat.signals import KnowledgeMoved, Signals
from server.chat.writer import Written
from server.clock import Clock
from server.errors import ProtocolError
from server.knowledge.index import NOTHING_FOUND, Filters, Floats, Found, Hit, Index, Outcome, Question, Row, judge
from server.knowledge.questions import QuestionTurn
from server.knowledge.words import content_words
from server.store.ports import Answer, Store
from server.telemetry import Metrics

WATCH_S: Final = 2.0
"""One look at the revision is one small query; whoever changes articles by the command waits for it."""

PAGE_ROWS: Final = 2_000
STALE_ROWS: Final = 1_024
"""Rows without an embedding from which a batch is drawn by chance, so that workers seldom take the same."""

EMBEDDED_AT_ONCE: Final = 32
INLINE_ROWS: Final = 4_000
"""Up to here a search takes less than a thread's hop costs; beyond, the event loop must not wait for it."""

HITS: Final = 5
WORD_HITS: Final = 60
_ASKING: Final = frozenset({"question", "request", "complaint", "other"})
_ANY_LANGUAGE: Final = frozenset({"und", ""})

_log = structlog.get_logger(__name__)


class _Asked(NamedTuple):
    """What a search depends on, beside the index."""

    question: str
    by_meaning: bool
    language: str | None
    category: str | None
    limit: int


class _Passages(NamedTuple):
    """What it found, and when the first row expires."""

    hits: tuple[Hit, ...]
    until_ms: int


class Embedder(Protocol):
    """The model in use."""

    @property
    def model(self) -> str:
        """Its name and version, as in ``Analysis.model``."""

    @property
    def dim(self) -> int:
        """Dimensions of its embedding."""

    def embed(self, texts: Sequence[str]) -> Floats:
        """(texts, dim), unit length. Blocks."""


class Knowledge:
    """``embedder`` gives the model in use at that moment. ``answer_from``, ``offer_from``: see ``index.judge``.
    ``questions``: what is recorded of questions, None: nothing. ``cache_entries``: searches that are remembered until
    anything changes."""

    def __init__(
        self,
        *,
        store: Store,
        signals: Signals,
        clock: Clock,
        rng: random.Random,
        metrics: Metrics,
        embedder: Callable[[], Embedder],
        answer_from: float,
        offer_from: float,
        questions: QuestionRule | None = None,
        approximation: Approximation | None = None,
        cache_entries: int = 0,
    ) -> None:
        self._store = store
        self._signals = signals
        self._clock = clock
        self._rng = rng
        self._metrics = metrics
        self._embedder = embedder
        self._answer_from = answer_from
        self._offer_from = offer_from
        self._questions = questions
        self._approximation = approximation or Approximation()
        self._growing: asyncio.Task[None] | None = None
        self._found: Recent[_Asked, _Passages] = Recent(
            cache_entries, lambda hit: metrics.articles.looked_up("passages", hit=hit)
        )
        self.silent = False
        """Whether turns find nothing, since somebody wants so; people may search all the same."""
        self._on_change: list[Callable[[], None]] = []
        self._rows: dict[int, Row] = {}
        self._revision = 0
        self._index = Index((), "", 0)
        self._wanted = asyncio.Event()
        self._looking = asyncio.Lock()

    @property
    def index(self) -> Index:
        """What is searched now."""
        return self._index

    async def find(self, text: str, analysis: Analysis) -> Found:
        """What is known about a turn; nothing for greetings and the like, and nothing while the ledger is away."""
        if self.silent or not len(self._index) or analysis.act not in _ASKING:
            return NOTHING_FOUND
        try:
            hits = await self.search(text, analysis, limit=HITS)
        except ProtocolError as error:  # an answer without knowledge is better than none
            _log.warning("knowledge not searched", reason=str(error))
            return NOTHING_FOUND
        found = judge(hits, self._answer_from, self._offer_from)
        self._metrics.knowledge(found.outcome)
        return found

    def outcome(self, analysis: Analysis, hits: Sequence[Hit]) -> Outcome:
        """What a turn would do with what ``search`` found for it."""
        return judge(hits, self._answer_from, self._offer_from).outcome if analysis.act in _ASKING else "nothing"

    def asked(
        self, analysis: Analysis, found: Found, answer: Answer, written: Written, *, asked_back: bool
    ) -> QuestionTurn | None:
        """What is recorded of a turn with its answer; None: it asked nothing."""
        if self._questions is None:
            return None
        return self._questions.asked(analysis, found, answer, written, asked_back=asked_back)

    async def search(
        self, text: str, analysis: Analysis, *, limit: int, category: str | None = None, language: str | None = None
    ) -> list[Hit]:
        """Articles in the language of the text (or ``language``), the surest first. What another model than the
        index's has understood, as a trial does, is found by words alone."""
        index, now_ms = self._index, self._clock.now_ms()
        spoken = language or (None if analysis.language in _ANY_LANGUAGE else analysis.language)
        embedding = analysis.embedding if analysis.model == index.model else None
        key = _Asked(normalised(text), embedding is not None, spoken, category, limit)
        known = self._found.get(key)
        if known is not None and now_ms < known.until_ms:
            return list(known.hits)
        by_words = await self._store.search_words(index.telling(content_words(text)), spoken or "en", WORD_HITS)
        question, filters = Question(text, embedding, by_words), Filters(now_ms, language=spoken, category=category)
        if len(index) <= INLINE_ROWS:
            hits = index.search(question, filters, limit)
        else:
            hits = await asyncio.to_thread(index.search, question, filters, limit)
        if index is self._index:  # else it has been found in what is no more
            self._found.put(key, _Passages(tuple(hits), index.unchanged_until(now_ms)))
        return hits

    def wake(self, _: KnowledgeMoved) -> None:
        """Another worker, or this one, has changed articles."""
        self._wanted.set()

    async def watch(self) -> None:
        """Run for ever."""
        while True:
            try:
                await self.look()
                if rows := await self.embed():
                    _log.info("knowledge embedded", rows=rows, model=self._index.model)
                if self._growing is None or self._growing.done():  # minutes: changes must not wait for it
                    self._growing = asyncio.create_task(self.grow())
            except ProtocolError as error:
                _log.warning("knowledge not looked at", reason=str(error))
            except Exception:  # whatever it was, the next round must come
                _log.exception("knowledge not looked at")
            await self._pause()

    async def look(self) -> None:
        """Take what has changed since the last look, or another model's embeddings."""
        async with self._looking:
            model = self._embedder()
            revision = await self._store.knowledge_revision()
            if revision == self._revision and model.model == self._index.model:
                return
            await self._read_changes()
            rows = sorted(self._rows.values(), key=lambda row: row.number)
            made = await asyncio.to_thread(Index, rows, model.model, model.dim, self._index)
            self._index = await asyncio.to_thread(self._approximation.attached, made)
            self._rows = {row.number: row for row in self._index.rows}
            self._revision = revision
            self._forget()

    async def embed(self) -> int:
        """Embed what the model in use has not embedded yet, batch by batch; then tell everybody. How many rows."""
        model, done = self._embedder(), 0
        while stale := await self._store.rows_to_embed(model.model, 0, STALE_ROWS):
            batch = self._rng.sample(stale, min(EMBEDDED_AT_ONCE, len(stale)))
            vectors = await asyncio.to_thread(model.embed, [text for _, text in batch])
            packed = [
                (number, vector.astype("<f4").tobytes()) for (number, _), vector in zip(batch, vectors, strict=True)
            ]
            done += await self._store.embed_rows(model.model, packed)
            if self._embedder().model != model.model:
                break
        if done:
            await self.look()
            await self._signals.send(KnowledgeMoved())
        return done

    async def ready(self, within_s: float) -> None:
        """Embed everything before anybody asks, or what can be done in that time; the rest follows beside."""
        try:
            async with asyncio.timeout(within_s):
                await self.embed()
        except TimeoutError:
            _log.warning("knowledge not embedded yet, found by words meanwhile", rows=self.missing)

    @property
    def missing(self) -> int:
        """Rows that are found by their words alone."""
        return len(self._index) - self._index.embedded

    async def grow(self) -> None:
        """Let the graph catch up with the index, where there is one."""
        try:
            if await self._approximation.grow(self._index):
                async with self._looking:
                    self._index = await asyncio.to_thread(self._approximation.attached, self._index)
                    self._forget()
        except Exception:  # what is not approximated is compared exactly
            _log.exception("knowledge graph not grown")

    def on_change(self, forget: Callable[[], None]) -> None:
        """``forget`` is called whenever this worker has taken up a change of articles."""
        self._on_change.append(forget)

    def _forget(self) -> None:
        self._found.clear()
        for forget in self._on_change:
            forget()

    def close(self) -> None:
        """Stop what runs in threads."""
        self._approximation.close()

    async def _read_changes(self) -> None:
        """Rows that changed, by pages, and none of those that are gone."""
        after = 0
        while page := await self._store.knowledge_rows(self._revision, after, PAGE_ROWS):
            for _, row in page:
                self._rows[row.number] = row
            after = page[-1][1].number
        there = set(await self._store.knowledge_numbers())
        self._rows = {number: row for number, row in self._rows.items() if number in there}

    async def _pause(self) -> None:
        try:
            await asyncio.wait_for(self._wanted.wait(), WATCH_S)
        except TimeoutError:
            return
        self._wanted.clear()


def stacked(embeddings: Sequence[Floats]) -> Floats:
    """(texts, dim) as float32."""
    return np.stack(embeddings).astype(np.float32, copy=False)
