"""The one thread that runs the model, and the line of texts before it.

A job waits while it stands in ``Worker._waiting``; whoever takes it out decides what becomes of it: the thread (runs
it), the caller (gave up) or ``close``. Taking out of a set is atomic, so no lock is needed and nothing is decided
twice. The thread never waits for a batch to fill: it runs what is there, and what came meanwhile is the next batch.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from threading import Thread

from inference.analysis import Analysis
from inference.batching import Shelves
from inference.errors import EngineBusy, EngineClosed, EngineError, EngineFailed
from inference.reader import Encoded
from inference.words import TokenIds


class Job:
    """One text of one caller."""

    __slots__ = ("future", "loop", "started_ns", "text", "tokens")

    def __init__(self, text: str, started_ns: int, loop: asyncio.AbstractEventLoop) -> None:
        self.text = text
        self.started_ns = started_ns
        self.loop = loop
        self.future: asyncio.Future[Analysis] = loop.create_future()
        self.tokens: TokenIds = []


Outcome = tuple[Job, Analysis | EngineError]


class Worker:
    """``submit`` and ``drop`` belong to event loops; the thread starts with the first job."""

    def __init__(
        self,
        encode: Callable[[str], TokenIds],
        read: Callable[[Sequence[Encoded]], list[Analysis]],
        *,
        max_waiting: int,
        max_batch: int,
    ) -> None:
        self._encode = encode
        self._read = read
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
        _post([(job, EngineClosed("the engine was closed")) for job in list(self._waiting) if self._claim(job)])
        return self._thread

    def _claim(self, job: Job) -> bool:
        try:
            self._waiting.remove(job)
        except KeyError:
            return False
        return True

    def _serve(self) -> None:
        while self._fetch():
            if batch := self._shelves.take(self._claim):
                _post(self._answer(batch))

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
            job.tokens = self._encode(job.text)
        except Exception as error:  # one bad text must not end the thread
            if self._claim(job):
                _post([(job, _failed(error))])
            return
        self._shelves.add(job, len(job.tokens))

    def _answer(self, batch: list[Job]) -> list[Outcome]:
        try:
            return list(zip(batch, self._read([Encoded(j.text, j.tokens, j.started_ns) for j in batch]), strict=True))
        except Exception as error:  # a failed run must not end the thread
            return [(job, _failed(error)) for job in batch]


def _failed(error: Exception) -> EngineFailed:
    failure = EngineFailed(f"the model run failed: {error}")
    failure.__cause__ = error
    return failure


def _post(outcomes: list[Outcome]) -> None:
    """Hand outcomes to their loops: one wake-up for each loop, however large the batch."""
    by_loop: dict[asyncio.AbstractEventLoop, list[Outcome]] = {}
    for outcome in outcomes:
        by_loop.setdefault(outcome[0].loop, []).append(outcome)
    for loop, own in by_loop.items():
        try:
            loop.call_soon_threadsafe(_settle, own)
        except RuntimeError:  # the loop is closed, and with it everybody who could have waited
            continue


def _settle(outcomes: list[Outcome]) -> None:
    for job, outcome in outcomes:
        if job.future.done():
            continue
        if isinstance(outcome, EngineError):
            job.future.set_exception(outcome)
        else:
            job.future.set_result(outcome)
