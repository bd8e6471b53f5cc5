"""The ways in which the store's methods reach the database: the group commit, and reads beside it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar, cast

from sqlalchemy import Connection

from server.clock import Clock
from server.errors import Invalid, ProtocolError, Unavailable
from server.store import conversations
from server.store.commit import GroupCommit
from server.store.dialect import Database, Failure
from server.store.group import RETRY_AFTER_MS, CommitReport, GroupStats, GroupWriter
from server.store.loader import Loader
from server.store.operations import Operation, WorkOp
from server.store.ports import Head

T = TypeVar("T")

READS_MAX = 2_048
"""Reads under way at once. A read takes about a quarter of a millisecond: the last one waits half a second."""

LOOKUPS_MAX = 256
"""Keys of one look-up: enough that one query serves a burst, few enough that nobody waits long."""


class Roads:
    """What the methods of ``SqlStore`` stand on; see there for the arguments."""

    def __init__(
        self,
        database: Database,
        *,
        clock: Clock,
        new_id: Callable[[], str],
        group_max: int,
        group_wait_ms: float,
        queue_max: int,
        timeout_s: float,
        observe: Callable[[CommitReport], None] | None,
    ) -> None:
        self._new_id = new_id
        self._timeout_s = timeout_s
        self._database = database
        self._group = GroupCommit(database)
        self._writer: GroupWriter[Operation] = GroupWriter(
            self._commit,
            database.classify,
            clock=clock,
            group_max=group_max,
            group_wait_ms=group_wait_ms,
            queue_max=queue_max,
            timeout_s=timeout_s,
            observe=observe,
        )
        self._heads: Loader[str, Head] = Loader(self._fetch_heads, batch_max=LOOKUPS_MAX)
        self._members: Loader[tuple[str, str], bool] = Loader(self._fetch_members, batch_max=LOOKUPS_MAX)
        self._reads = 0

    async def _close_loaders(self) -> None:
        """Wait for the look-ups under way."""
        await self._heads.close()
        await self._members.close()

    @property
    def stats(self) -> GroupStats:
        """Commits so far."""
        return self._writer.stats

    @property
    def waiting(self) -> int:
        """Operations that no commit has taken yet."""
        return self._writer.waiting

    # ------------------------------------------------------------------ writing

    async def _commit(self, group: Sequence[Operation]) -> list[object]:
        return await self._database.write(partial(self._group, operations=group))

    def _submit(self, prepare: Callable[[], Operation]) -> Coroutine[Any, Any, Any]:
        """Queue at once, so that operations take effect in the order of the calls, not of the awaits."""
        try:
            operation = prepare()
        except ProtocolError as error:
            return _failed(error)
        return self._writer.submit(operation)

    async def _work(self, order: tuple[str, ...], work: Callable[[Connection], T]) -> T:
        return cast(T, await self._writer.submit(WorkOp(order, work)))

    # ------------------------------------------------------------------ reading

    async def _fetch_heads(self, ids: Sequence[str]) -> Mapping[str, Head]:
        return await self._read(partial(conversations.heads, conversations=ids))

    async def _fetch_members(self, pairs: Sequence[tuple[str, str]]) -> Mapping[tuple[str, str], bool]:
        return await self._read(partial(conversations.memberships, pairs=pairs))

    async def _read(self, work: Callable[[Connection], T]) -> T:
        if self._reads >= READS_MAX:
            raise Unavailable("Too many reads wait for the database.", retry_after_ms=RETRY_AFTER_MS)
        self._reads += 1
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._database.read(work)
        except TimeoutError:
            raise Unavailable("The database takes too long.", retry_after_ms=RETRY_AFTER_MS) from None
        except ProtocolError:
            raise
        except Exception as error:
            raise self._reading_error(error) from error
        finally:
            self._reads -= 1

    def _reading_error(self, error: Exception) -> Exception:
        failure = self._database.classify(error)
        if failure is Failure.BUG:
            return error
        if failure is Failure.BAD_VALUE:
            return Invalid("A value of the request is out of range, or no valid text.")
        return Unavailable("The database can't be read now.", retry_after_ms=RETRY_AFTER_MS)


async def _failed(error: ProtocolError) -> Any:
    raise error
