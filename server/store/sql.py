"""The store on a SQL database: the ledger of ``ports.Store``, whatever the dialect."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar, cast

from sqlalchemy import Connection, make_url, select
from sqlalchemy.exc import ArgumentError

from server.clock import Clock
from server.errors import Invalid, NotFound, ProtocolError, StartupError, Unavailable
from server.store import codec, conversations, history, learning, operations, schema, turns
from server.store.commit import GroupCommit
from server.store.dialect import Database, Failure
from server.store.group import RETRY_AFTER_MS, CommitReport, GroupStats, GroupWriter
from server.store.loader import Loader
from server.store.migrate import migrate
from server.store.operations import Operation, SaveUserOp, WorkOp
from server.store.ports import (
    Answer,
    Append,
    Appended,
    Combine,
    Head,
    Opened,
    Opening,
    OpenTurn,
    PastTurn,
    Rating,
    Resolution,
    RewardEvent,
    RewardParts,
)
from server.store.sqlite import SqliteDatabase, sqlite_url
from server.wire.frames import Message
from server.wire.parts import Conversation, User

__all__ = ["SqlStore", "sqlite_url"]

T = TypeVar("T")

READS_MAX = 2_048
"""Reads under way at once. A read takes about a quarter of a millisecond: the last one waits half a second."""

LOOKUPS_MAX = 256
"""Memberships or heads per query: enough that one query serves a burst, few enough that nobody waits long."""

HEADS_PER_QUERY = 30_000
"""Below the 32,766 parameters of a statement in either database."""


class SqlStore:
    """``ports.Store`` on the database of ``url``; see ``sqlite_url``.

    ``new_id`` makes ULIDs. ``group_max`` operations share a commit at most: beyond about 100 the commit's fixed cost
    no longer shows, while everybody in it waits for all. ``group_wait_ms`` lets a group gather longer than the commit
    before it takes; 0 is right for local disks. ``queue_max`` operations may wait: less than a second's work.
    Nobody waits longer than ``timeout_s``. ``observe`` hears of every commit, for metrics.
    """

    def __init__(
        self,
        url: str,
        *,
        clock: Clock,
        new_id: Callable[[], str],
        group_max: int = 128,
        group_wait_ms: float = 0.0,
        queue_max: int = 4_096,
        timeout_s: float = 5.0,
        observe: Callable[[CommitReport], None] | None = None,
    ) -> None:
        self._new_id = new_id
        self._timeout_s = timeout_s
        self._database = _database(url, timeout_s)
        self._group = GroupCommit(self._database)
        self._rate = learning.Rater(self._database)
        self._count_ping = self._database.increment(schema.probe, "id", "pings")
        self._writer: GroupWriter[Operation] = GroupWriter(
            self._commit,
            self._database.classify,
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

    @property
    def stats(self) -> GroupStats:
        """Commits so far."""
        return self._writer.stats

    @property
    def waiting(self) -> int:
        """Operations that no commit has taken yet."""
        return self._writer.waiting

    # ------------------------------------------------------------------ life

    async def start(self) -> None:
        await self._database.open(migrate)
        self._writer.start()

    async def close(self) -> None:
        await self._writer.close()
        await self._heads.close()
        await self._members.close()
        await self._database.close()

    async def ping(self) -> None:
        await self._work(("3 probe",), self._ping)

    def _ping(self, connection: Connection) -> None:
        connection.execute(self._count_ping, {"id": 1, "pings": 1})

    # ------------------------------------------------------------------ users and conversations

    async def save_user(self, user: User, at_ms: int) -> None:
        operations.check_texts(user_id=user.id, user_name=user.name)
        # A look is cheap and takes no lock; most users who connect are the same as yesterday.
        if not await self._read(partial(_is_saved, user=user)):
            await self._writer.submit(SaveUserOp(user, at_ms))

    def open_conversation(self, opening: Opening) -> Coroutine[Any, Any, Opened]:
        return self._submit(lambda: operations.prepare_opening(opening))

    async def conversation(self, channel: str, user_id: str) -> Conversation:
        conversation = codec.conversation_id(channel)
        return await self._read(partial(conversations.view, conversation=conversation, user_id=user_id))

    async def is_member(self, channel: str, user_id: str) -> bool:
        if not codec.is_storable(channel) or not codec.is_storable(user_id):
            return False
        conversation = channel.removeprefix(codec.CHANNEL_PREFIX)
        return conversation != channel and bool(await self._members.load((conversation, user_id)))

    async def head(self, channel: str) -> Head:
        head = await self._heads.load(codec.conversation_id(channel))
        if head is None:
            raise NotFound(f"There is no conversation {channel!r}.")
        return head

    async def heads(self, channels: Sequence[str]) -> dict[str, int]:
        ids = [
            channel.removeprefix(codec.CHANNEL_PREFIX)
            for channel in channels
            if channel.startswith(codec.CHANNEL_PREFIX) and codec.is_storable(channel)
        ]
        found: dict[str, Head] = {}
        for start in range(0, len(ids), HEADS_PER_QUERY):
            found |= await self._fetch_heads(ids[start : start + HEADS_PER_QUERY])
        return {codec.channel_of(conversation): head.offset for conversation, head in found.items()}

    # ------------------------------------------------------------------ messages

    def append(self, append: Append) -> Coroutine[Any, Any, Appended]:
        return self._submit(lambda: operations.prepare_append(append, self._new_id))

    def resolve(self, resolution: Resolution) -> Coroutine[Any, Any, Message | None]:
        return self._submit(lambda: operations.prepare_resolution(resolution))

    async def messages_after(self, channel: str, offset: int, limit: int) -> list[Message]:
        conversation = codec.conversation_id(channel)
        return await self._read(partial(history.after, conversation=conversation, offset=offset, limit=limit))

    async def messages_before(self, channel: str, offset: int | None, limit: int) -> list[Message]:
        conversation = codec.conversation_id(channel)
        return await self._read(partial(history.before, conversation=conversation, offset=offset, limit=limit))

    # ------------------------------------------------------------------ turns

    def answer(self, answer: Answer) -> Coroutine[Any, Any, Message | None]:
        return self._submit(lambda: operations.prepare_answer(answer))

    async def take_turns(self, worker: str, lease_ms: int, limit: int) -> list[OpenTurn]:
        return await self._work(("1 turns",), partial(turns.take, worker=worker, lease_ms=lease_ms, limit=limit))

    async def renew_turns(self, worker: str, turn_ids: Sequence[str], lease_ms: int) -> None:
        if turn_ids:
            renew = partial(turns.renew, worker=worker, turn_ids=tuple(turn_ids), lease_ms=lease_ms)
            await self._work(("1 turns",), renew)

    async def expire_leases(self) -> int:
        return await self._work(("1 turns",), turns.expire)

    async def past_turns(self, channel: str, limit: int) -> list[PastTurn]:
        return await self._read(partial(turns.past, conversation=codec.conversation_id(channel), limit=limit))

    # ------------------------------------------------------------------ learning

    async def rate(self, rating: Rating) -> RewardParts:
        operations.check_unit_interval("rating", rating.rating)
        operations.check_texts(message_id=rating.message_id, user_id=rating.user_id, comment=rating.comment)
        order = ("2 ratings", rating.message_id, rating.user_id)
        return cast(RewardParts, await self._work(order, partial(self._rate, rating=rating)))

    async def add_reward(self, found: RewardParts, combine: Combine, at_ms: int) -> RewardEvent | None:
        operation = operations.prepare_reward(found, combine, at_ms)
        return cast(RewardEvent | None, await self._writer.submit(operation))

    async def rewards_after(self, policy: str, log_offset: int, limit: int) -> list[RewardEvent]:
        return await self._read(partial(learning.events_after, policy=policy, log_offset=log_offset, limit=limit))

    # ------------------------------------------------------------------ roads to the database

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


def _database(url: str, timeout_s: float) -> Database:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise StartupError(f"{url!r} is no database URL.", "Write sqlite:////path/to/file.db.") from error
    if parsed.get_backend_name() != "sqlite":
        raise StartupError(f"Databases of the kind {parsed.get_backend_name()!r} are not supported.", "Use sqlite.")
    return SqliteDatabase(parsed, timeout_s=timeout_s)


def _is_saved(connection: Connection, user: User) -> bool:
    users = schema.users
    row = connection.execute(select(users.c.kind, users.c.name).where(users.c.id == user.id)).first()
    return row is not None and (row.kind, row.name) == (user.kind, user.name)


async def _failed(error: ProtocolError) -> Any:
    raise error
