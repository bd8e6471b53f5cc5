"""What each worker does about questions by itself: see what followed them, place them among those that are alike, name
what they are about, close gaps that are closed.

Every worker does all of it. The ledger keeps them apart: questions that another one looks at are passed over, and who
files places by an old state is refused and reads on. What takes more than a moment runs in a thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import structlog

from server.chat.knowledge import Embedder
from server.clock import Clock
from server.errors import ProtocolError
from server.knowledge.clusters import Clusters, Floats, grown, place
from server.knowledge.naming import Background, name_of
from server.knowledge.questions import unpacked
from server.store.ports import Store
from server.store.question_ports import ClusterRow, Filing, Unplaced
from server.telemetry import Metrics

ROUND_S: Final = 5.0
ROUNDS_PER_SURVEY: Final = 12
ROUNDS_PER_LAPSE: Final = 720
LOOKS: Final = 200
"""Answers followed up in one transaction, which others wait for: some 10 ms."""

BATCH: Final = 128
BATCHES: Final = 20
"""Of a round, so that a backlog leaves room for the rest."""

MOVED_AT_ONCE: Final = 16
"""Clusters that are taken to a new model's embedding in one step."""

REMEMBERED_TEXTS: Final = 8
NAMED: Final = 50
NAMED_BY: Final = 20
BACKGROUND: Final = 500
LAPSING: Final = 500
ENOUGH_TURNS: Final = 2
"""Solved questions that close a gap, and troubled ones that open it again: one may be chance."""

SHOWN_ARTICLES: Final = 100
"""Articles with metrics of their own: those shown most, so that a large knowledge makes no thousands of series."""

SHOWN_MS: Final = 30 * 86_400_000
ITSELF: Final = "parlance"
"""Who changed what nobody changed."""

Redact = Callable[[str], str]

_log = structlog.get_logger(__name__)


class GapKeeper:
    """``embedder`` gives the model in use; ``redact`` takes what is personal out of texts before they name anything.
    ``kept_ms``: how old questions may grow."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        metrics: Metrics,
        embedder: Callable[[], Embedder],
        redact: Redact,
        kept_ms: int,
    ) -> None:
        self._store = store
        self._clock = clock
        self._metrics = metrics
        self._embedder = embedder
        self._redact = redact
        self._kept_ms = kept_ms
        self._revision = 0
        self._model = ""
        self._clusters = Clusters.none(0)
        self._strangers: dict[int, ClusterRow] = {}

    async def keep(self) -> None:
        """Run for ever."""
        rounds = 0
        while True:
            try:
                await self.look_after(survey=rounds % ROUNDS_PER_SURVEY == 0, lapse=rounds % ROUNDS_PER_LAPSE == 0)
            except ProtocolError as error:
                _log.warning("questions not looked after", reason=str(error))
            except Exception:  # whatever it was, the next round must come
                _log.exception("questions not looked after")
            rounds += 1
            await asyncio.sleep(ROUND_S)

    async def look_after(self, *, survey: bool = True, lapse: bool = False) -> None:
        """One round of ``keep``."""
        while await self._store.follow_up(self._clock.now_ms(), LOOKS) == LOOKS:
            pass
        placed = await self._place()
        if placed or survey:
            await self._name()
        if survey:
            await self._store.move_gaps(ENOUGH_TURNS, ITSELF, self._clock.now_ms())
            await self._show()
        if lapse:
            while await self._store.lapse_questions(self._clock.now_ms() - self._kept_ms, LAPSING) == LAPSING:
                pass

    async def _place(self) -> int:
        placed = 0
        for _ in range(BATCHES):
            placed += (batch := await self.place_batch())
            if batch < BATCH:
                break
        return placed

    async def place_batch(self) -> int:
        """How many questions found their places; 0 where another worker was faster, or there were none."""
        waiting = await self._store.unplaced_questions(BATCH)
        if not waiting:
            return 0
        model = self._embedder()
        await self._read(model)
        if self._strangers:
            await self._move(model)
            return 0
        vectors = await asyncio.to_thread(self._vectors, waiting, model)
        found = await asyncio.to_thread(place, self._clusters, vectors)
        at = {int(number): row for row, number in enumerate(found.clusters.numbers)}
        rows = [self._row(found.clusters, at[number]) for number in found.changed]
        numbers, closeness = found.numbers.tolist(), found.closeness.tolist()
        placed = list(zip((one.turn_id for one in waiting), numbers, closeness, strict=True))
        if not await self._store.file_questions(self._revision, Filing(placed, rows, found.clusters.last)):
            return 0
        self._clusters = found.clusters
        self._revision += 1
        return len(waiting)

    async def _read(self, model: Embedder) -> None:
        """Take what others have filed since, or everything where the model is another."""
        if model.model != self._model:
            self._model, self._revision, self._clusters = model.model, 0, Clusters.none(model.dim)
        changes = await self._store.question_clusters(self._revision)
        own = [row for row in changes.rows if row.model == model.model]
        self._strangers = {row.number: row for row in changes.rows if row.model != model.model}
        sums = np.array([np.frombuffer(row.direction, dtype="<f4") for row in own], dtype=np.float32)
        numbers, sizes = [row.number for row in own], [row.size for row in own]
        sums = sums.reshape(len(own), model.dim)
        self._clusters = await asyncio.to_thread(grown, self._clusters, numbers, sums, sizes, changes.last)
        # Until all are taken over, the next look has to find those that are left.
        self._revision = 0 if self._strangers else changes.revision

    async def _move(self, model: Embedder) -> None:
        """Take some clusters of another model to this one's embedding, by their texts; those without any lapse."""
        some = list(self._strangers.values())[:MOVED_AT_ONCE]
        texts = await self._store.cluster_texts([row.number for row in some], REMEMBERED_TEXTS)
        moved = await asyncio.to_thread(lambda: [_moved(row, texts[row.number], model) for row in some])
        revision = (await self._store.question_clusters(2**62)).revision
        await self._store.file_questions(revision, Filing(rows=moved))

    def _vectors(self, waiting: Sequence[Unplaced], model: Embedder) -> Floats:
        """(questions, dim), unit length. What another model has embedded is embedded anew."""
        vectors = np.zeros((len(waiting), model.dim), dtype=np.float32)
        others = [at for at, one in enumerate(waiting) if one.model != model.model]
        for at, one in enumerate(waiting):
            if one.model == model.model:
                vectors[at] = unpacked(one.embedding)
        if others:
            vectors[others] = model.embed([waiting[at].text for at in others])
        return vectors

    def _row(self, clusters: Clusters, at: int) -> ClusterRow:
        direction = clusters.directions[at].astype("<f4").tobytes()
        return ClusterRow(int(clusters.numbers[at]), self._model, direction, int(clusters.sizes[at]))

    async def _name(self) -> None:
        wanted = await self._store.unnamed_clusters(NAMED)
        if not wanted:
            return
        texts = await self._store.cluster_texts([number for number, _ in wanted], NAMED_BY)
        sample = await self._store.question_sample(BACKGROUND)
        await self._store.name_clusters(await asyncio.to_thread(self._names, wanted, texts, sample))

    def _names(
        self, wanted: Sequence[tuple[int, int]], texts: dict[int, list[str]], sample: Sequence[str]
    ) -> list[tuple[int, str, int]]:
        background = Background(sample)
        return [
            (number, name_of([self._redact(text) for text in texts[number]], background), size)
            for number, size in wanted
        ]

    async def _show(self) -> None:
        since_ms = self._clock.now_ms() - SHOWN_MS
        self._metrics.articles.show(await self._store.article_figures(since_ms, limit=SHOWN_ARTICLES))
        days = await self._store.question_days(since_ms, self._clock.now_ms() + 1)
        self._metrics.articles.cover(sum(day.questions for day in days), sum(day.answered for day in days))


def _moved(row: ClusterRow, texts: Sequence[str], model: Embedder) -> ClusterRow:
    mean = model.embed(texts).mean(axis=0) if texts else np.zeros(model.dim, dtype=np.float32)
    mean = mean / max(float(np.linalg.norm(mean)), 1e-12)
    return ClusterRow(row.number, model.model, (row.size * mean).astype("<f4").tobytes(), row.size)
