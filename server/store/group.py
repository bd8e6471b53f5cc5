"""The group commit: callers queue operations, one task commits them together (DESIGN's law 2).

While a commit is in flight the next group gathers, so groups grow with the load by themselves and a lone operation
never waits. A group that a bad row spoils is halved until that row stands alone; the rest is stored.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import structlog

from server.clock import Clock
from server.errors import Conflict, Invalid, Unavailable
from server.store.dialect import Failure

_log = structlog.get_logger(__name__)

Op = TypeVar("Op")

RETRY_AFTER_MS = 1_000
"""What callers of a database that is away are told: about the time in which a restarted one is back."""


@dataclass(frozen=True, slots=True)
class CommitReport:
    """One transaction of a group: its size, how long it took, and whether it committed."""

    operations: int
    commit_ms: float
    committed: bool


@dataclass(slots=True)
class GroupStats:
    """Counters since the start. ``commit_ms`` is the sum over all transactions, failed ones included."""

    commits: int = 0
    failed_commits: int = 0
    operations: int = 0
    commit_ms: float = 0.0


@dataclass(slots=True, eq=False)
class _Ticket(Generic[Op]):
    """A waiting operation. ``expired``: nobody waits any more, because it took too long."""

    operation: Op
    future: asyncio.Future[Any]
    expired: bool = False


class GroupWriter(Generic[Op]):
    """Commits operations in the order of ``submit``.

    ``commit(operations)`` runs one transaction and returns outcomes in order; an outcome that is an exception is
    raised to its caller. ``classify`` says what an exception of ``commit`` means. ``group_wait_ms`` lets a group
    gather longer than the commit before it takes; ``queue_max`` bounds what waits.
    """

    def __init__(
        self,
        commit: Callable[[Sequence[Op]], Awaitable[Sequence[object]]],
        classify: Callable[[BaseException], Failure],
        *,
        clock: Clock,
        group_max: int,
        group_wait_ms: float,
        queue_max: int,
        timeout_s: float,
        observe: Callable[[CommitReport], None] | None = None,
    ) -> None:
        self._commit_group = commit
        self._classify = classify
        self._clock = clock
        self._group_max = group_max
        self._group_wait_ms = group_wait_ms
        self._queue_max = queue_max
        self._timeout_s = timeout_s
        self._observe = observe
        self._queue: deque[_Ticket[Op]] = deque()
        self._wake = asyncio.Event()
        self._full = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._closing = False
        self.stats = GroupStats()

    def start(self) -> None:
        """Begin committing, in the running loop."""
        self._task = asyncio.create_task(self._run(), name="store-group-writer")

    async def close(self) -> None:
        """Commit what waits, then end. Idempotent."""
        self._closing = True
        self._wake.set()
        self._full.set()
        task, self._task = self._task, None
        if task is not None:
            await task

    @property
    def waiting(self) -> int:
        """Operations that no commit has taken yet."""
        return len(self._queue)

    def submit(self, operation: Op) -> Coroutine[Any, Any, Any]:
        """Queue ``operation`` now; await the result for its outcome.

        Raises (when awaited) the outcome that is an error, or ``Unavailable``: queue full, database away, or no
        answer in time. Cancelling the wait leaves the operation queued.
        """
        ticket = _Ticket(operation, asyncio.get_running_loop().create_future())
        if self._closing or self._task is None:
            ticket.future.set_exception(Unavailable("The store is closed."))
        elif len(self._queue) >= self._queue_max:
            ticket.future.set_exception(_unavailable("Too much waits to be stored."))
        else:
            self._queue.append(ticket)
            self._wake.set()
            if len(self._queue) >= self._group_max:
                self._full.set()
        return self._wait(ticket)

    async def _wait(self, ticket: _Ticket[Op]) -> Any:
        try:
            async with asyncio.timeout(self._timeout_s):
                return await ticket.future
        except TimeoutError:
            ticket.expired = True
            raise _unavailable("The database takes too long.") from None

    async def _run(self) -> None:
        while True:
            if not self._queue:
                if self._closing:
                    return
                self._wake.clear()
                await self._wake.wait()
                # The wake-up gives this loop tick's other callers the time to join.
                continue
            if self._group_wait_ms > 0 and len(self._queue) < self._group_max and not self._closing:
                await self._gather()
            group = self._take_group()
            if group:
                await self._commit(group)

    async def _gather(self) -> None:
        """Let the group grow until it is full, its time is over, or the writer closes."""
        self._full.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._group_wait_ms / 1_000.0):
                await self._full.wait()

    def _take_group(self) -> list[_Ticket[Op]]:
        group: list[_Ticket[Op]] = []
        while self._queue and len(group) < self._group_max:
            ticket = self._queue.popleft()
            # Its caller was told "unavailable" and will repeat; storing it now would only lengthen the queue.
            if not ticket.expired:
                group.append(ticket)
        return group

    async def _commit(self, group: list[_Ticket[Op]]) -> None:
        started_ms = self._clock.mono_ms()
        try:
            outcomes = await self._commit_group([ticket.operation for ticket in group])
        except Exception as error:
            self._count(group, started_ms, committed=False)
            await self._recover(group, error)
        else:
            self._count(group, started_ms, committed=True)
            for ticket, outcome in zip(group, outcomes, strict=True):
                _settle(ticket.future, outcome)

    async def _recover(self, group: list[_Ticket[Op]], error: Exception) -> None:
        failure = self._classify(error)
        if failure is Failure.AWAY or len(group) == 1:
            for ticket in group:
                _settle(ticket.future, _caller_error(failure, error))
            return
        middle = len(group) // 2
        await self._commit(group[:middle])
        await self._commit(group[middle:])

    def _count(self, group: Sequence[object], started_ms: float, *, committed: bool) -> None:
        took_ms = self._clock.mono_ms() - started_ms
        self.stats.commits += committed
        self.stats.failed_commits += not committed
        self.stats.operations += len(group) if committed else 0
        self.stats.commit_ms += took_ms
        if self._observe is None:
            return
        try:
            self._observe(CommitReport(len(group), took_ms, committed))
        except Exception:
            _log.exception("observer of commits failed")  # what counts is that the writer lives


def _settle(future: asyncio.Future[Any], outcome: object) -> None:
    if future.done():
        return
    if isinstance(outcome, BaseException):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)


def _unavailable(sentence: str) -> Unavailable:
    return Unavailable(f"{sentence} Repeat with the same key.", retry_after_ms=RETRY_AFTER_MS)


def _caller_error(failure: Failure, error: Exception) -> Exception:
    """The error for one caller, its own object: a shared one would gather every caller's traceback."""
    match failure:
        case Failure.AWAY | Failure.CONTENDED:
            caller_error: Exception = _unavailable("The database can't store this now.")
        case Failure.DUPLICATE:
            caller_error = Conflict("Something with this identifier is stored already, or what it refers to is not.")
        case Failure.BAD_VALUE:
            caller_error = Invalid("A value can't be stored: out of range, or no valid text.")
        case Failure.BUG:
            return error
    caller_error.__cause__ = error
    return caller_error
