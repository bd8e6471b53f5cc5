"""Which turns this worker answers, and when: in offset order per conversation, under leases (DESIGN's law 4)."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import Context
from itertools import count
from typing import Any

import structlog
from structlog.contextvars import bind_contextvars

from inference.errors import InferenceError
from server.chat.signals import TurnsLeft
from server.errors import ProtocolError
from server.store.ports import OpenTurn, Store

# From this try on a turn that can't be understood is answered with an apology. A turn that can't be stored is tried on:
# while this worker lives it keeps the lease.
ATTEMPTS = 3
RETRY_S = 0.25
MAX_RETRY_S = 10.0
TAKE_TURNS = 64
# Many more than can be answered while the ledger is read once.
ANSWERED_REMEMBERED = 256

_log = structlog.get_logger(__name__)


class TurnRunner:
    """A queue per conversation, at most ``max_running`` turns at once; what waits is stored anyway.

    ``answer(turn, last_try)`` answers a turn, or says False where the ledger refused the answer, or raises; with
    ``last_try`` it makes do with what it has. A refused turn that is still open comes back with ``own_turns``.
    """

    def __init__(
        self,
        *,
        store: Store,
        answer: Callable[[OpenTurn, bool], Awaitable[bool]],
        worker: str,
        lease_ms: int,
        max_running: int,
        sole_worker: bool,
    ) -> None:
        self._store = store
        self._answer = answer
        self._worker = worker
        self._lease_ms = lease_ms
        self._sole_worker = sole_worker
        self._slots = asyncio.Semaphore(max_running)
        self._queues: dict[str, deque[OpenTurn]] = {}
        self._answered: deque[str] = deque(maxlen=ANSWERED_REMEMBERED)
        self._tasks: set[asyncio.Task[None]] = set()
        self._keeper: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Take over what a dead worker left; when nobody else can be alive, without waiting for its leases' end."""
        if self._sole_worker:
            await self._store.expire_leases()
        await self._take()
        self._keeper = asyncio.create_task(self._keep())

    async def close(self, within_s: float) -> None:
        """Let running turns end, at most ``within_s``; the rest stays open in the ledger."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=within_s)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def submit(self, turn: OpenTurn) -> None:
        """Queue a turn behind its conversation's others."""
        channel = turn.message.channel
        queue = self._queues.get(channel)
        if queue is not None:
            self._insert(queue, turn)
            return
        self._queues[channel] = deque((turn,))
        self._spawn(self._run(channel))

    def _insert(self, queue: deque[OpenTurn], turn: OpenTurn) -> None:
        """By offset, but never before the first, which is at work: another worker may have stored an earlier turn."""
        place = len(queue)
        while place > 1 and queue[place - 1].message.offset > turn.message.offset:
            place -= 1
        if all(turn.turn_id != waiting.turn_id for waiting in queue):
            queue.insert(place, turn)

    def on_turns_left(self, word: TurnsLeft) -> None:
        """Another worker has stored turns for this one, whose conversations are at work here."""
        if word.worker == self._worker:
            self._spawn(self._look(word.channel))

    async def _look(self, channel: str) -> None:
        try:
            await self._take_own(channel)
        except ProtocolError as error:  # ``_keep`` looks again
            _log.warning("turns not read", channel=channel, reason=str(error))

    async def _run(self, channel: str) -> None:
        queue = self._queues[channel]
        try:
            while queue:
                await self._settle(queue[0])
                queue.popleft()
        finally:
            del self._queues[channel]

    async def _settle(self, turn: OpenTurn) -> None:
        """Try until the turn is settled: nobody behind it may overtake it, here or elsewhere, while its lease lasts.

        Whatever is logged meanwhile carries the turn and its channel; the task of a conversation has its own context.
        """
        bind_contextvars(turn=turn.turn_id, channel=turn.message.channel)
        for attempt in count(1):
            async with self._slots:
                try:
                    if await self._answer(turn, attempt >= ATTEMPTS):
                        self._answered.append(turn.turn_id)
                    return
                except (ProtocolError, InferenceError) as error:
                    _log.warning("turn failed", attempt=attempt, reason=str(error))
                except Exception:
                    _log.exception("turn failed", attempt=attempt)
            await asyncio.sleep(min(RETRY_S * 2**attempt, MAX_RETRY_S))

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(self._lease_ms / 3000)
            held = [turn.turn_id for queue in self._queues.values() for turn in queue]
            try:
                if held:
                    await self._store.renew_turns(self._worker, held, self._lease_ms)
                await self._take()
                await self._take_own()
            except ProtocolError as error:
                _log.warning("leases not renewed", reason=str(error))
            except Exception:  # whatever it was, leases have to be renewed the next time
                _log.exception("leases not renewed")

    async def _take(self) -> None:
        while turns := await self._store.take_turns(self._worker, self._lease_ms, TAKE_TURNS):
            for turn in turns:
                self.submit(turn)

    async def _take_own(self, channel: str | None = None) -> None:
        # Those that wait here already are among what is read, and must not crowd out the others.
        queues = self._queues.values() if channel is None else [self._queues.get(channel, ())]
        most = TAKE_TURNS + sum(map(len, queues))
        for turn in await self._store.own_turns(self._worker, most, channel):
            if turn.turn_id not in self._answered:  # answered while the ledger was read
                self.submit(turn)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        # Of its own context: the turn of one session must not log under the name of another.
        task = asyncio.create_task(work, context=Context())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
