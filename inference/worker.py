"""The one thread that runs the model, and the line of texts before it.

A job waits while it stands in ``Worker._waiting``; whoever takes it out decides what becomes of it: the thread (runs
it), the caller (gave up) or ``close``. Taking out of a set is atomic, so no lock is needed and nothing is decided
twice. The thread never waits for a batch to fill: it runs what is there, and what came meanwhile is the next batch.

The thread does little beside the forward pass, which holds no interpreter lock: each pass drives the model's weights
through its core's cache, and Python there is four times slower afterwards (measured) than on the event loop's core.
So short texts are tokenised before they come here, their words are read while the model runs, and analyses are put
together after it, all on the loop, which is told once a batch.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from threading import Thread

from inference.analysis import Analysis
from inference.assemble import Wording
from inference.batching import Shelves
from inference.errors import EngineBusy, EngineClosed, EngineError, EngineFailed
from inference.heads import RawOutputs
from inference.words import TokenIds


class Job:
    """One text of one caller. Without ``tokens`` the thread prepares it."""

    __slots__ = ("future", "loop", "started_ns", "text", "tokens", "wording")

    def __init__(self, text: str, started_ns: int, loop: asyncio.AbstractEventLoop) -> None:
        self.text = text
        self.started_ns = started_ns
        self.loop = loop
        self.future: asyncio.Future[Analysis] = loop.create_future()
        self.tokens: TokenIds = []
        self.wording: Wording | None = None


class Worker:
    """``submit`` and ``drop`` belong to event loops; the thread starts with the first job."""

    def __init__(
        self,
        *,
        prepare: Callable[[Job], None],
        meanwhile: Callable[[Sequence[Job]], None],
        run: Callable[[Sequence[Job]], RawOutputs],
        finish: Callable[[Sequence[Job], RawOutputs], list[Analysis]],
        max_waiting: int,
        max_batch: int,
    ) -> None:
        self._prepare = prepare
        self._meanwhile = meanwhile
        self._run = run
        self._finish = finish
        self._max_waiting = max_waiting
        self._shelves = Shelves[Job](max_batch)
        self._inbox: SimpleQueue[Job | None] = SimpleQueue()
        self._waiting: set[Job] = set()
        self._thread: Thread | None = None
        self._closed = False

    @property
    def waiting(self) -> int:
        """Texts in line, without those in the batch that runs."""
        return len(self._waiting)

    def submit(self, job: Job) -> None:
        """Put ``job`` in line. Raises EngineBusy when the line is full, EngineClosed after ``close``."""
        if self._closed:
            raise EngineClosed("the engine is closed")
        if len(self._waiting) >= self._max_waiting:
            raise EngineBusy(f"{self._max_waiting} texts are waiting for analysis already: try again later")
        self._waiting.add(job)
        self._inbox.put(job)
        if self._thread is None:
            self._thread = Thread(target=self._serve, name="inference", daemon=True)
            self._thread.start()

    def drop(self, job: Job) -> None:
        """Forget ``job`` if it still waits; what already runs is finished and thrown away."""
        self._waiting.discard(job)

    def close(self) -> Thread | None:
        """Fail what waits with EngineClosed; the thread, returned, ends after the batch that runs."""
        self._closed = True
        self._inbox.put(None)
        for job in list(self._waiting):
            self._fail(job, EngineClosed("the engine was closed"))
        return self._thread

    def forget(self) -> None:
        """Let go of whoever does the work, once the thread has ended: a cycle, which keeps a model in memory until the
        collector comes by, and for ever where it was told to spare what was there at the start."""
        if self._thread is not None and self._thread.is_alive():
            return
        del self._prepare, self._meanwhile, self._run, self._finish

    def _claim(self, job: Job) -> bool:
        try:
            self._waiting.remove(job)
        except KeyError:
            return False
        return True

    def _fail(self, job: Job, error: EngineError) -> None:
        if self._claim(job):
            _tell(job.loop, _refuse, [job], error)

    def _serve(self) -> None:
        while self._fetch():
            if batch := self._shelves.take(self._claim):
                self._answer(batch)

    def _fetch(self) -> bool:
        """Everything that arrived, on the shelves; waits only when they are empty. False: closed."""
        try:
            job = self._inbox.get(block=not self._shelves)
            while job is not None:
                self._shelve(job)
                job = self._inbox.get_nowait()
        except Empty:
            return True
        return False

    def _shelve(self, job: Job) -> None:
        if job not in self._waiting:
            return
        try:
            if not job.tokens:
                self._prepare(job)
        except Exception as error:  # one bad text must not end the thread
            self._fail(job, failed(error))
            return
        self._shelves.add(job, len(job.tokens))

    def _answer(self, batch: list[Job]) -> None:
        rows: dict[asyncio.AbstractEventLoop, list[int]] = {}
        for row, job in enumerate(batch):
            rows.setdefault(job.loop, []).append(row)
        parts = {loop: [batch[row] for row in own] for loop, own in rows.items()}
        for loop, part in parts.items():
            _tell(loop, self._attend, part)
        try:
            raw = self._run(batch)
        except Exception as error:  # a failed run must not end the thread
            for loop, part in parts.items():
                _tell(loop, _refuse, part, failed(error))
            return
        for loop, part in parts.items():
            own = raw if len(parts) == 1 else raw.of(rows[loop])
            _tell(loop, self._settle, part, own)

    def _attend(self, batch: list[Job]) -> None:
        try:
            self._meanwhile(batch)
        except Exception as error:  # their callers must hear of it
            _refuse(batch, failed(error))

    def _settle(self, batch: list[Job], raw: RawOutputs) -> None:
        try:
            analyses = self._finish(batch, raw)
        except Exception as error:  # their callers must hear of it
            _refuse(batch, failed(error))
            return
        for job, analysis in zip(batch, analyses, strict=True):
            if not job.future.done():
                job.future.set_result(analysis)


def failed(error: Exception) -> EngineFailed:
    """What the caller is told of an ``error`` that should not have happened."""
    failure = EngineFailed(f"the text could not be analysed: {error}")
    failure.__cause__ = error
    return failure


def _refuse(batch: list[Job], error: EngineError) -> None:
    for job in batch:
        if not job.future.done():
            job.future.set_exception(error)


def _tell(loop: asyncio.AbstractEventLoop, call: Callable[..., None], *arguments: object) -> None:
    try:
        loop.call_soon_threadsafe(call, *arguments)
    except RuntimeError:  # the loop is closed, and with it everybody who could have waited
        return
