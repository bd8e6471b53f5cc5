"""The understanding of one process: cache, waiting line, and the thread that runs the model."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from inference.analysis import Analysis
from inference.assemble import Wording
from inference.batching import split
from inference.cache import AnalysisCache, as_hit
from inference.entities import NO_PRODUCTS
from inference.errors import EngineTimeout
from inference.heads import RawOutputs, Runner
from inference.intents.apply import apply
from inference.intents.trained import TrainedIntents
from inference.lexicon import Lexicon, load_lexicon
from inference.pack import Pack
from inference.products import Products
from inference.reader import Prepared, Reader
from inference.tokenise import normalise
from inference.words import TokenIds
from inference.worker import Job, Worker, failed

CACHE_ENTRIES = 4_096
"""About 20 MB; greetings, thanks and yes/no come back within far fewer."""

SHORT_CHARACTERS = 300
"""Up to here a text is tokenised and its words are read on the event loop, in about .1 ms; longer ones are the
thread's."""

WARM_UP = "+49 30 1234567, 4111 1111 1111 1111, GB82 WEST 1234 5698 7654 32, Xyzzy"
"""Asks every library that is loaded when it is first needed: of phones, of cards and IBANs, of languages."""

RETIRE_LOOK_S = 0.02
"""Nobody waits for an engine to retire."""

MAX_WAITING = 512
"""About half a second of work for one thread: who comes later could not be answered in time anyway."""


@dataclass(slots=True)
class Text:
    """One of ``analyse_now``'s texts."""

    text: str
    started_ns: int
    tokens: TokenIds
    wording: Wording | None = None


@dataclass(frozen=True, slots=True)
class EngineStats:
    """Counts since the start. ``analysed`` texts went through the model in ``batches`` runs; ``waiting`` and
    ``cache_entries`` are now."""

    analysed: int
    batches: int
    cache_hits: int
    cache_misses: int
    cache_entries: int
    waiting: int

    @property
    def hit_rate(self) -> float:
        """Share of look-ups that the cache answered, in [0, 1]; 0 before the first."""
        looked_up = self.cache_hits + self.cache_misses
        return self.cache_hits / looked_up if looked_up else 0.0


class Engine:
    """Understands texts, one forward pass each, on one thread beside the event loop.

    Args:
        clock: nanoseconds that never go back, such as ``time.perf_counter_ns``; for latencies only.
        cache_entries: analyses kept for texts that come again; 0 keeps none.
        max_waiting: texts in line before ``EngineBusy``.
        max_batch: texts in one run of the model.
        observe: called with every analysis that ``analyse`` returns, for histograms.
        runner: stands in for the pack's model.
        products: names that are entities wherever a text has them.
        intents: the user's own, trained on this pack's embedding; they replace the model's.
    """

    def __init__(
        self,
        pack: Pack,
        *,
        clock: Callable[[], int],
        cache_entries: int = CACHE_ENTRIES,
        max_waiting: int = MAX_WAITING,
        max_batch: int = 32,
        observe: Callable[[Analysis], None] | None = None,
        lexicon: Lexicon | None = None,
        runner: Runner | None = None,
        products: Products = NO_PRODUCTS,
        intents: TrainedIntents | None = None,
    ) -> None:
        self._intents = intents
        self.manifest = pack.manifest
        self.model = pack.manifest.model
        self._clock = clock
        self._observe = observe
        self._max_batch = max_batch
        self._cache = AnalysisCache(cache_entries)
        self.lexicon = lexicon or load_lexicon(known_words=pack.tokeniser.words())
        self._reader = Reader(pack, self.lexicon, clock, runner, products)
        self._worker = Worker(
            prepare=self._prepare,
            meanwhile=self._read_words,
            run=self._reader.run,
            finish=self._finish,
            max_waiting=max_waiting,
            max_batch=max_batch,
        )
        self._count_lock = Lock()
        self._analysed = 0
        self._batches = 0

    def warm_up(self) -> None:
        """Load now, on this thread, what the first texts would wait 150 ms for. Call it beside the start."""
        self._reader.words(WARM_UP)

    async def analyse(self, text: str, *, timeout_s: float) -> Analysis:
        """Understand ``text``; any str is fine. ``latency_us`` counts from the call, the wait included.

        Cancelling takes the text out of the line; where its batch already runs, the result is only cached.

        Raises:
            EngineTimeout: nothing after ``timeout_s`` seconds.
            EngineBusy: too many texts are waiting.
            EngineClosed: ``close`` was called.
            EngineFailed: the model run failed; the cause is chained.
        """
        started_ns = self._clock()
        text = normalise(text)
        analysis = self._look_up(text) or await self._wait(text, started_ns, timeout_s)
        if self._observe is not None:
            self._observe(analysis)
        return analysis

    def analyse_now(self, texts: Sequence[str]) -> list[Analysis]:
        """Understand ``texts`` on the calling thread, batched; the analyses in their order.

        ``latency_us`` counts from the start of a text's batch. A text that stands there twice is read once, unless
        the cache is off.
        """
        texts = [normalise(text) for text in texts]
        if not self._cache.entries:
            return self._read_all(texts)
        known = {text: hit for text in dict.fromkeys(texts) if (hit := self._look_up(text)) is not None}
        missing = [text for text in dict.fromkeys(texts) if text not in known]
        fresh = dict(zip(missing, self._read_all(missing), strict=True))
        answers: list[Analysis] = []
        for text in texts:
            if text in fresh:
                known[text] = fresh.pop(text)
                answers.append(known[text])
            else:
                answers.append(as_hit(known[text], 0) if not known[text].cached else known[text])
        return answers

    def embed_now(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """The embeddings of ``texts`` on the calling thread, batched: (texts, dim), unit length, in their order. They
        neither pass through the cache nor count as analysed."""
        tokens = [self._reader.encode(normalise(text)) for text in texts]
        found = np.empty((len(texts), self.manifest.embedding_dim), dtype=np.float32)
        for positions in split([len(ids) for ids in tokens], self._max_batch):
            batch = [Text(texts[position], 0, tokens[position]) for position in positions]
            found[positions] = self._reader.run(batch).embedding
        return found

    def teach(self, intents: TrainedIntents | None) -> None:
        """From the next text on these are the user's intents; what the cache knows was said by those before."""
        self._intents = intents
        self._cache.clear()

    def stats(self) -> EngineStats:
        """The counts at this moment."""
        cache = self._cache
        return EngineStats(self._analysed, self._batches, cache.hits, cache.misses, len(cache), self._worker.waiting)

    @property
    def waiting(self) -> int:
        """Texts in line now."""
        return self._worker.waiting

    async def close(self, within_s: float | None = None) -> None:
        """Refuse new texts, fail the waiting ones with EngineClosed, let the running batch finish. Idempotent.

        ``within_s``: a batch that runs for longer is left alone with its thread, which ends with the process.
        """
        thread = self._worker.close()
        if thread is not None:
            await asyncio.to_thread(thread.join, within_s)

    async def retire(self, within_s: float | None = None) -> None:
        """Let the line be answered, then ``close``. Nobody may ask for anything new meanwhile: who waits leaves the
        line after its own deadline at the latest."""
        while self._worker.waiting:  # noqa: ASYNC110  (texts also leave the line without a word)
            await asyncio.sleep(RETIRE_LOOK_S)
        await self.close(within_s)
        self._worker.forget()

    async def _wait(self, text: str, started_ns: int, timeout_s: float) -> Analysis:
        loop = asyncio.get_running_loop()
        job = Job(text, started_ns, loop)
        timer = loop.call_later(timeout_s, _expire, job.future, timeout_s)
        try:
            self._submit(job)
            return await job.future
        finally:
            timer.cancel()
            self._worker.drop(job)

    def _submit(self, job: Job) -> None:
        if len(job.text) <= SHORT_CHARACTERS:
            try:
                job.tokens = self._reader.encode(job.text)
            except Exception as error:
                raise failed(error) from error
        self._worker.submit(job)

    def _read_words(self, batch: Sequence[Job]) -> None:
        for job in batch:
            if job.wording is None and not job.future.done():
                job.wording = self._reader.words(job.text)

    def _prepare(self, job: Job) -> None:
        job.tokens = self._reader.encode(job.text)
        job.wording = self._reader.words(job.text)

    def _read_all(self, texts: Sequence[str]) -> list[Analysis]:
        tokens = [self._reader.encode(text) for text in texts]
        found: dict[int, Analysis] = {}
        for positions in split([len(ids) for ids in tokens], self._max_batch):
            started_ns = self._clock()
            batch = [Text(texts[position], started_ns, tokens[position]) for position in positions]
            found.update(zip(positions, self._finish(batch, self._reader.run(batch)), strict=True))
        return [found[position] for position in range(len(texts))]

    def _finish(self, batch: Sequence[Prepared], raw: RawOutputs) -> list[Analysis]:
        analyses = self._reader.finish(batch, raw)
        intents = self._intents
        if intents is not None:
            analyses = apply(analyses, intents)
        if intents is self._intents:  # else others have been taught on another thread meanwhile
            for item, analysis in zip(batch, analyses, strict=True):
                self._cache.put(item.text, analysis)
        with self._count_lock:
            self._batches += 1
            self._analysed += len(batch)
        return analyses

    def _look_up(self, text: str) -> Analysis | None:
        started_ns = self._clock()
        found = self._cache.get(text)
        return None if found is None else as_hit(found, self._since_us(started_ns))

    def _since_us(self, started_ns: int) -> int:
        return (self._clock() - started_ns) // 1_000


def _expire(future: asyncio.Future[Analysis], timeout_s: float) -> None:
    if not future.done():
        future.set_exception(EngineTimeout(f"no analysis within {timeout_s:g} s"))
