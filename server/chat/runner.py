"""Which turns this worker answers, and when: in offset order per conversation, under leases (DESIGN's law 4)."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import structlog

from server.errors import ProtocolError
from server.store.ports import OpenTurn, Store

# Tries before a turn is left to its lease's end, when any worker (this one too) takes it anew.
ATTEMPTS = 3
RETRY_S = 0.25
TAKE_TURNS = 64

_log = structlog.get_logger(__name__)


class TurnRunner:
    """A queue per conversation, at most ``max_running`` conversations at once; what waits is stored anyway."""

    def __init__(
        self,
        *,
        store: Store,
        answer: Callable[[OpenTurn], Awaitable[None]],
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
            if all(turn.turn_id != waiting.turn_id for waiting in queue):
                queue.append(turn)
            return
        self._queues[channel] = deque((turn,))
        self._spawn(self._run(channel))

    async def _run(self, channel: str) -> None:
        queue = self._queues[channel]
        try:
            async with self._slots:
                while queue:
                    if not await self._try(queue[0]):
                        break  # later turns must not overtake this one: all come back when their leases end
                    queue.popleft()
        finally:
            del self._queues[channel]

    async def _try(self, turn: OpenTurn) -> bool:
        for attempt in range(ATTEMPTS):
            try:
                await self._answer(turn)
                return True
            except ProtocolError as error:
                _log.warning("turn failed", turn=turn.turn_id, attempt=attempt + 1, reason=str(error))
            except Exception:
                _log.exception("turn failed", turn=turn.turn_id, attempt=attempt + 1)
            await asyncio.sleep(RETRY_S * 2**attempt)
        return False

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(self._lease_ms / 3000)
            held = [turn.turn_id for queue in self._queues.values() for turn in queue]
            try:
                if held:
                    await self._store.renew_turns(self._worker, held, self._lease_ms)
                await self._take()
            except ProtocolError as error:
                _log.warning("leases not renewed", reason=str(error))

    async def _take(self) -> None:
        while turns := await self._store.take_turns(self._worker, self._lease_ms, TAKE_TURNS):
            for turn in turns:
                self.submit(turn)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
