"""Many server processes as one: started, watched, replaced, and stopped together.

The parent serves nothing. It restarts a worker that dies, after a pause that grows while deaths follow each other;
SIGHUP replaces the workers one after the other, each only once its successor is ready; SIGTERM and SIGINT let
all drain and then end the parent. Whoever does not leave in time is killed. A worker whose parent has died sees the end
of its pipe and drains as well.
"""

from __future__ import annotations

import math
import multiprocessing
import os
import selectors
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

import structlog

from server.clock import Clock
from server.errors import StartupError

_log = structlog.get_logger(__name__)

FIRST_PAUSE_S = 0.1
MAX_PAUSE_S = 30.0
# A worker that lived as long as this had no trouble starting: its death is not counted with those before.
STEADY_AFTER_S = 10.0
# Beyond the workers' own drain: closing the database, the model, the sockets.
STOP_MARGIN_S = 15.0

Work = Callable[[int, Connection], None]


def pause_s(deaths: int) -> float:
    """How long to wait before the start after ``deaths`` in a row: 0.1, 0.2, 0.4 … 30 seconds."""
    return float(min(FIRST_PAUSE_S * 2 ** min(deaths - 1, 16), MAX_PAUSE_S)) if deaths > 0 else 0.0


@dataclass(slots=True, eq=False)
class _Worker:
    """``pipe`` is the parent's end; the worker's first word on it says that it is ready.

    ``stop_by_ms``: when it is killed, infinite unless it has been asked to leave.
    """

    index: int
    process: BaseProcess
    pipe: Connection
    started_ms: float
    ready: bool = False
    stop_by_ms: float = math.inf
    is_leaving: bool = False


class Supervisor:
    """``count`` processes that run ``work(index, pipe)``; ``work`` is importable, and sends on ``pipe`` when ready.

    ``drain_s``: how long a worker may take to leave after SIGTERM.
    """

    def __init__(self, count: int, work: Work, *, clock: Clock, drain_s: float) -> None:
        self._count = count
        self._work = work
        self._clock = clock
        self._drain_s = drain_s
        self._context = multiprocessing.get_context("spawn")  # a model and its threads don't survive a fork
        self._workers: dict[int, _Worker] = {}
        self._deaths: dict[int, int] = {}
        self._due_ms: dict[int, float] = {}
        # The index whose worker is being replaced, and those that have a successor but have not left yet.
        self._replaced: int | None = None
        self._replacing: list[_Worker] = []
        self._stopping = False
        self._was_ready = False
        self._selector = selectors.DefaultSelector()

    def run(self) -> int:
        """Until a signal ends it; the exit code. Raises ``StartupError`` where no worker ever became ready."""
        self._listen_to_signals()
        for index in range(self._count):
            self._start(index)
        try:
            while self._all() or (not self._stopping and self._due_ms):
                self._step()
        finally:
            for worker in self._all():
                worker.process.kill()
        return 0

    def _all(self) -> list[_Worker]:
        return [*self._workers.values(), *self._replacing]

    def _step(self) -> None:
        for key, _ in self._selector.select(self._wait_s()):
            key.data()
        self._start_due()
        self._kill_late()

    # ------------------------------------------------------------------ signals

    def _listen_to_signals(self) -> None:
        reading, writing = os.pipe()
        os.set_blocking(reading, False)
        os.set_blocking(writing, False)
        signal.set_wakeup_fd(writing)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: None)
        self._selector.register(reading, selectors.EVENT_READ, lambda: self._on_signals(os.read(reading, 64)))

    def _on_signals(self, numbers: bytes) -> None:
        for number in numbers:
            if number == signal.SIGHUP:
                if self._replaced is None:
                    self._replace_next(0)
            elif not self._stopping:
                self._stop()
            else:  # asked twice: now
                for worker in self._all():
                    worker.stop_by_ms = self._clock.mono_ms()

    def _stop(self) -> None:
        _log.info("stopping", workers=len(self._workers))
        self._stopping = True
        self._due_ms.clear()
        for worker in self._all():
            self._dismiss(worker)

    def _dismiss(self, worker: _Worker) -> None:
        """Ask a worker to leave; a second time changes nothing."""
        if not worker.is_leaving:
            worker.is_leaving = True
            worker.stop_by_ms = self._clock.mono_ms() + (self._drain_s + STOP_MARGIN_S) * 1000
            worker.process.terminate()

    def _kill_late(self) -> None:
        for worker in self._all():
            if self._clock.mono_ms() >= worker.stop_by_ms:
                _log.error("worker killed, it did not leave in time", worker=worker.index, pid=worker.process.pid)
                worker.stop_by_ms = math.inf
                worker.process.kill()

    # ------------------------------------------------------------------ workers

    def _start(self, index: int) -> _Worker:
        ours, theirs = self._context.Pipe()
        # Its own group: Ctrl+C at the terminal is for the parent, which lets the workers drain.
        process = self._context.Process(target=_in_own_group, args=(self._work, index, theirs), name=f"worker-{index}")
        process.start()
        theirs.close()
        worker = _Worker(index, process, ours, self._clock.mono_ms())
        self._workers[index] = worker
        self._selector.register(ours, selectors.EVENT_READ, lambda: self._on_word(worker))
        return worker

    def _on_word(self, worker: _Worker) -> None:
        """The worker is ready, or its end of the pipe has closed: it is gone."""
        word: Any = None
        with suppress(EOFError, OSError):
            word = worker.pipe.recv()
        if word is None:
            self._bury(worker)
            return
        worker.ready = self._was_ready = True
        _log.info("worker ready", worker=worker.index, pid=worker.process.pid)
        for old in self._replacing:
            if old.index == worker.index:
                self._dismiss(old)
        self._go_on()

    def _bury(self, worker: _Worker) -> None:
        self._selector.unregister(worker.pipe)
        worker.pipe.close()
        worker.process.join()
        code = worker.process.exitcode
        if worker in self._replacing:
            self._replacing.remove(worker)
            self._go_on()
            return
        del self._workers[worker.index]
        if self._stopping:
            return
        if code == StartupError.exit_code and not self._was_ready:
            self._stop()
            raise StartupError("No worker could start; the reason stands above.")
        self._restart_later(worker, code)

    def _restart_later(self, worker: _Worker, code: int | None) -> None:
        now_ms = self._clock.mono_ms()
        steady = now_ms - worker.started_ms >= STEADY_AFTER_S * 1000
        deaths = self._deaths[worker.index] = 1 if steady else self._deaths.get(worker.index, 0) + 1
        self._due_ms[worker.index] = now_ms + pause_s(deaths) * 1000
        _log.error("worker died", worker=worker.index, exit_code=code, again_in_s=pause_s(deaths))

    def _start_due(self) -> None:
        now_ms = self._clock.mono_ms()
        for index in [index for index, due_ms in self._due_ms.items() if due_ms <= now_ms]:
            del self._due_ms[index]
            self._start(index)

    def _replace_next(self, index: int) -> None:
        """Start a successor; the old one leaves once that is ready, and the next follows once it has left."""
        self._replaced = None if self._stopping or index >= self._count else index
        if self._replaced is None:
            return
        old = self._workers.get(index)
        if old is not None:  # else it is dead, and about to be started anew anyway
            self._replacing.append(old)
            self._start(index)

    def _go_on(self) -> None:
        """To the next one, where the successor is ready and the old one has left: never fewer than before serve."""
        if self._replaced is None or self._replacing:
            return
        successor = self._workers.get(self._replaced)
        if successor is not None and successor.ready:
            self._replace_next(self._replaced + 1)

    def _wait_s(self) -> float | None:
        due = [*self._due_ms.values(), *(worker.stop_by_ms for worker in self._all())]
        next_ms = min(due, default=math.inf)
        return None if next_ms == math.inf else max(0.0, (next_ms - self._clock.mono_ms()) / 1000)


def _in_own_group(work: Work, index: int, pipe: Connection) -> None:
    os.setpgid(0, 0)
    work(index, pipe)
