"""One connection to one Redis server, shared by everybody on this worker.

What is written in one tick of the event loop leaves in one write. One task reads, and nobody else does: a caller that
is cancelled or gives up leaves its answer to be read and thrown away, so it can't be taken for someone else's, which is
what became of redis-py's pooled connections (CVE-2023-28858). Another task pings, since TCP does not notice when the
way in one direction is gone, or the server is stopped.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable
from typing import Any, Final, NoReturn

from hiredis import pack_command
from redis.asyncio.connection import Connection
from redis.exceptions import ResponseError

from server.backplane.redis.command import Words
from server.backplane.redis.timing import Timing
from server.errors import Unavailable

# In one write: what waits longer than that goes into the next, after others had their turn.
BATCH_COMMANDS: Final = 1_000


class LinkLost(Exception):
    """The connection is gone or silent; ``str`` says why."""


class Link:
    """Writes commands, hands each answer to ``_received``, and pings. ``run`` is its whole life."""

    def __init__(self, connection: Connection, timing: Timing) -> None:
        self._connection = connection
        self._timing = timing
        self._outgoing: deque[bytes] = deque()
        self._wake = asyncio.Event()
        self._pong = asyncio.Event()

    @property
    def address(self) -> tuple[str, int]:
        """The server's host and port."""
        return self._connection.host, self._connection.port

    async def run(self) -> NoReturn:
        """Serve until the connection breaks (raises ``LinkLost``) or the caller is cancelled; it is closed then."""
        work = (self._read_for_ever(), self._write_for_ever(), self._ping_for_ever())
        tasks = [asyncio.create_task(one, name="redis-link") for one in work]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            error = done.pop().exception()
            raise LinkLost(str(error) or type(error).__name__) from error
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._connection.disconnect(nowait=True)

    def _write(self, words: Words) -> None:
        # Packed here, so that words which can't be are their sender's error, not the link's; and by hiredis itself,
        # since redis-py's asynchronous connection does it in Python, which takes ten times as long. Its type is
        # declared for a single word.
        self._outgoing.append(pack_command(words))  # type: ignore[arg-type]
        self._wake.set()

    def _ping(self) -> None:
        """Write a command whose answer makes ``_received`` call ``_ponged``."""
        raise NotImplementedError

    def _received(self, answer: Any) -> None:
        """One answer; an error of the server is an instance of ``ResponseError``."""
        raise NotImplementedError

    def _ponged(self) -> None:
        self._pong.set()

    async def _read_for_ever(self) -> NoReturn:
        while True:
            try:
                answer = await self._connection.read_response(timeout=math.inf)
            except ResponseError as error:
                answer = error
            self._received(answer)

    async def _write_for_ever(self) -> NoReturn:
        while True:
            await self._wake.wait()
            batch = [self._outgoing.popleft() for _ in range(min(BATCH_COMMANDS, len(self._outgoing)))]
            if not self._outgoing:
                self._wake.clear()
            try:
                async with asyncio.timeout(self._timing.silence_s):
                    await self._connection.send_packed_command(b"".join(batch), check_health=False)
            except TimeoutError:
                raise LinkLost(f"the server has taken no bytes for {self._timing.silence_s} s") from None

    async def _ping_for_ever(self) -> NoReturn:
        while True:
            await asyncio.sleep(self._timing.ping_s)
            self._pong.clear()
            self._ping()
            if not await self._hears(self._timing.silence_s) and not await self._hears(self._timing.ping_s / 4):
                raise LinkLost(f"no answer to a ping for {self._timing.silence_s} s")

    async def _hears(self, within_s: float) -> bool:
        # Asked twice: when this process itself stood still, the answer lies unread in the socket's buffer.
        try:
            async with asyncio.timeout(within_s):
                return await self._pong.wait()
        except TimeoutError:
            return False


Answer = Any
OnError = Callable[[ResponseError], None]

# What waits for answers: about as much as a busy worker sends in the time after which a silent link is given up
# (10,000 a second), and as many bytes as Redis itself holds back for a subscriber.
MAX_WAITING: Final = 30_000
MAX_WAITING_BYTES: Final = 32 * 1024 * 1024


class CommandLink(Link):
    """A link whose every command has one answer, in the order of the commands."""

    def __init__(self, connection: Connection, timing: Timing) -> None:
        super().__init__(connection, timing)
        self._waiting: deque[tuple[asyncio.Future[Answer] | OnError, int]] = deque()
        self._waiting_bytes = 0

    def submit(self, command: Words) -> asyncio.Future[Answer]:
        """Send a command; the future gets its answer. Errors of the server, and ``LinkLost``, are answers too, so that
        nobody has to fetch them. Raises ``Unavailable`` when too much waits already."""
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._enqueue(command, answer, 0)
        return answer

    def send(self, command: Words, size_bytes: int, on_error: OnError) -> None:
        """Send a command whose answer matters only if it is an error. ``Unavailable`` when too much waits already."""
        self._enqueue(command, on_error, size_bytes)

    async def run(self) -> NoReturn:
        try:
            await super().run()
        finally:
            self._abandon()

    def _enqueue(self, command: Words, to: asyncio.Future[Answer] | OnError, size_bytes: int) -> None:
        if len(self._waiting) >= MAX_WAITING or self._waiting_bytes + size_bytes > MAX_WAITING_BYTES:
            raise Unavailable("Redis does not keep up: too much waits for its answer.")
        self._write(command)
        self._waiting.append((to, size_bytes))
        self._waiting_bytes += size_bytes

    def _ping(self) -> None:
        pong: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        pong.add_done_callback(lambda _: self._ponged())
        self._write(("PING",))
        self._waiting.append((pong, 0))

    def _received(self, answer: Any) -> None:
        if not self._waiting:
            raise LinkLost("an answer came that nobody asked for")
        to, size_bytes = self._waiting.popleft()
        self._waiting_bytes -= size_bytes
        if isinstance(to, asyncio.Future):
            if not to.done():
                to.set_result(answer)
        elif isinstance(answer, ResponseError):
            to(answer)

    def _abandon(self) -> None:
        while self._waiting:
            to, _ = self._waiting.popleft()
            if isinstance(to, asyncio.Future) and not to.done():
                to.set_result(LinkLost("the connection to Redis broke"))
        self._waiting_bytes = 0
