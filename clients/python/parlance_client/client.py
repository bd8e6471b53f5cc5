"""A client that stays: it connects, comes back by itself, resumes, reads what it missed, and loses no message.

    async with Client("wss://chat.example/ws", token=token) as client:
        async for event in client.events():
            match event:
                case Message(sender=User(kind="customer")):
                    await client.send(event.channel, f"You said: {event.text}")

What is sent while there is no connection waits in the outbox with its key and leaves in order once there is one; the
ack proves that it is durable. Messages of a conversation come out of ``events()`` ascending, each once, without gaps.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Any

from parlance_client.backoff import Backoff
from parlance_client.connection import Connection, new_key
from parlance_client.credentials import TokenSource, expires_in_s, fresh_token
from parlance_client.dial import Dial, dial
from parlance_client.drafts import Drafts
from parlance_client.encoding import ClientFrame, EncodingName
from parlance_client.errors import (
    Disconnected,
    ParlanceError,
    ProtocolViolation,
    RequestFailed,
    RequestTimeout,
    Stopped,
    Unreachable,
    after_close,
    close_of_error,
)
from parlance_client.frames import (
    Ack,
    Delta,
    Message,
    Opened,
    Position,
    Push,
    ServerFrame,
    Subscribed,
    Unsubscribed,
    User,
    Welcome,
)
from parlance_client.outbox import Letter, Outbox
from parlance_client.repairs import read_missing
from parlance_client.timeline import Timeline
from parlance_client.verbs import AnswerT, Verbs

MAX_UNREAD_EVENTS = 10_000
PONG_WITHIN_S = 8.0
REFRESH_BEFORE_S = 60.0


@dataclass(frozen=True, slots=True)
class Online:
    """Connected: everything subscribed is resumed. What was missed follows."""

    welcome: Welcome


@dataclass(frozen=True, slots=True)
class Offline:
    """The connection is lost, or none could be made; the next try comes after ``retry_in_s``."""

    reason: ParlanceError
    retry_in_s: float


@dataclass(frozen=True, slots=True)
class Reset:
    """Forget what is shown of a conversation: its newest messages follow, and not all that was missed.

    ``offset``: of the message before the first one that follows.
    """

    channel: str
    epoch: str
    offset: int


ClientEvent = Push | Online | Offline | Reset


class Client(Verbs):
    """``token``: a JWT, a function that gives one (asked again when it expires or is refused), or None for a guest.

    ``outbox``: letters kept from an earlier run are sent first. Clock, sleep and random generator are arguments.
    ``state``: "idle", "connecting", "online", "waiting" or "stopped".
    """

    def __init__(
        self,
        url: str,
        *,
        token: str | TokenSource | None = None,
        encoding: EncodingName = "json",
        outbox: Outbox | None = None,
        backoff: Backoff | None = None,
        request_timeout_s: float = 30.0,
        name: str = "parlance-python",
        version: str = "1",
        rng: random.Random | None = None,
        clock_s: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        dial: Dial = dial,
    ) -> None:
        self.state = "idle"
        self.user: User | None = None
        self.outbox = outbox or Outbox()
        self._source = token if callable(token) else None
        self._backoff = backoff or Backoff()
        self._rng = rng or random.Random()
        self._clock_s = clock_s
        self._sleep = sleep
        self._request_timeout_s = request_timeout_s
        self._link = Connection(
            url,
            token=None if callable(token) else token,
            encoding=encoding,
            on_push=self._pushed,
            on_frame=self._heard,
            request_timeout_s=request_timeout_s,
            name=name,
            version=version,
            dial=dial,
        )
        self._timelines: dict[str, Timeline] = {}
        self._asked: dict[str, Position] = {}
        self._others: set[str] = set()  # subscribed channels that hold nothing durable
        self._drafts = Drafts()
        self._acks: dict[tuple[str, str], asyncio.Future[Ack]] = {}
        self._unread: deque[ClientEvent] = deque()
        self._stirred = asyncio.Event()
        self._online = asyncio.Event()
        self._life: asyncio.Task[None] | None = None
        self._errands: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._failure: ParlanceError | None = None
        self._attempt = 0

    async def __aenter__(self) -> Client:
        self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    # ----------------------------------------------------------------------- life

    @property
    def token(self) -> str | None:
        """The current one: a guest's comes with the first welcome."""
        return self._link.token

    @token.setter
    def token(self, token: str | None) -> None:
        self._link.token = token

    @property
    def positions(self) -> dict[str, Position]:
        """Of each conversation, the last message that came out of ``events()``: keep it, and ``subscribe`` with it."""
        return {channel: timeline.position for channel, timeline in self._timelines.items()}

    def start(self) -> None:
        """Connect, and stay connected, in the background."""
        if self._life is None:
            self._failure = None
            self._online.clear()
            self._life = asyncio.create_task(self._live())

    async def close(self) -> None:
        """Leave for good. What is unsent stays in the outbox; who waits for an ack gets ``Stopped``."""
        tasks = [task for task in (self._life, *self._errands.values()) if task is not None]
        self._life = None
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        await self._link.close()
        self._stop(Stopped("the client was closed"))

    async def online(self) -> Welcome:
        """Wait until there is a connection. Raises ``Stopped`` where there will be none."""
        await self._online.wait()
        self._raise_failure()
        if self._link.welcome is None:
            raise Stopped("the client was never started")
        return self._link.welcome

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    async def _live(self) -> None:
        try:
            while True:
                ended = await self._one_connection()
                self._raise_failure()
                self._online.clear()
                self._cancel_errands()
                self._drafts.clear()
                delay_s = self._verdict(ended)
                self.state = "waiting"
                self._emit(Offline(ended, delay_s))
                await self._sleep(delay_s)
        except Stopped as stopped:
            self._stop(stopped)
        except Exception as error:  # a token source that raises, too much unread: never a silent end
            failed = Stopped(f"{type(error).__name__}: {error}")
            failed.__cause__ = error
            self._stop(failed)

    async def _one_connection(self) -> ParlanceError:
        """Connect and stay until the end; how it ended."""
        self.state = "connecting"
        if self._source is not None and (self.token is None or expires_in_s(self.token, time.time()) <= 0):
            self.token = await fresh_token(self._source)
        self._link.positions = self.positions | dict.fromkeys(self._others, Position())
        try:
            welcome = await self._link.connect()
        except (Unreachable, RequestFailed, RequestTimeout, Disconnected) as failed:
            return failed
        since_s = self._clock_s()
        self._errand("watch", "", partial(self._watch, welcome))
        if self._source is not None:
            self._errand("refresh", "", partial(self._refresh_in_time, self._source))
        for channel in self.outbox.channels():
            self._deliver_soon(channel)
        ended = await self._link.closed()
        if self._clock_s() - since_s >= self._backoff.stable_s:
            self._attempt = 0
        return ended

    def _verdict(self, ended: ParlanceError) -> float:
        """Seconds to stay away. Raises ``Stopped``."""
        after_ms, verdict = 0, "retry"
        if isinstance(ended, Disconnected):
            after_ms, verdict = ended.after_ms, after_close(ended.code)
        elif isinstance(ended, RequestFailed):
            after_ms, verdict = ended.retry_after_ms, after_close(close_of_error(ended.code))
        if verdict == "renew" and self._source is not None:
            self.token, verdict = None, "retry"
        if verdict != "retry":
            raise Stopped(str(ended)) from ended
        delay_s = after_ms / 1e3 or self._backoff.delay_s(self._attempt, self._rng)
        self._attempt += 1
        return delay_s

    def _stop(self, why: ParlanceError) -> None:
        if self._failure is None:
            self._failure = why
        self.state = "stopped"
        self._cancel_errands()
        for future in self._acks.values():
            if not future.done():
                future.set_exception(self._failure)
                future.exception()  # who does not wait for the ack need not hear of it
        self._acks.clear()
        self._online.set()  # wakes who waits; they find the failure
        self._stirred.set()

    async def _watch(self, welcome: Welcome) -> None:
        """A half-open link looks alive until something is asked (the server's own pings are not seen from here)."""
        while True:
            await self._sleep(welcome.ping_interval_ms / 1e3)
            try:
                async with asyncio.timeout(PONG_WITHIN_S):
                    await self._link.ping()
            except (TimeoutError, ParlanceError):
                await self._link.close()
                return

    async def _refresh_in_time(self, source: TokenSource) -> None:
        while self.token is not None:
            left_s = expires_in_s(self.token, time.time())
            await self._sleep(max(left_s - REFRESH_BEFORE_S, left_s / 2, 1.0))
            with suppress(RequestFailed, RequestTimeout):  # the close with 4401 asks the source again
                await self._link.refresh(await fresh_token(source))

    # ----------------------------------------------------------------------- verbs

    async def _ask(self, verb: str, fields: ClientFrame, kind: type[AnswerT]) -> AnswerT:
        try:
            async with asyncio.timeout(self._request_timeout_s):
                await self.online()
        except TimeoutError:
            raise RequestTimeout(f"no connection within {self._request_timeout_s} s") from None
        return await self._link._ask(verb, fields, kind)

    async def _tell(self, verb: str, fields: ClientFrame) -> None:
        """Lost where there is no connection: it would be out of date once there is one."""
        if self._online.is_set() and self._failure is None:
            with suppress(Disconnected):
                await self._link._tell(verb, fields)

    async def subscribe(self, channel: str, position: Position | None = None) -> Subscribed:
        """Hear a conversation from now on, or after ``position``: what came since then follows in ``events()``."""
        if position is not None and position.epoch is not None and position.offset is not None:
            self._asked[channel] = position
        return await super().subscribe(channel, position)

    async def send(
        self,
        channel: str,
        text: str,
        *,
        key: str | None = None,
        data: dict[str, Any] | None = None,
        reply_to: str | None = None,
    ) -> Ack:
        """Send a message, now or when there is a connection again; returns once it is durable."""
        return await self.post(channel, text, key=key, data=data, reply_to=reply_to)

    def post(
        self,
        channel: str,
        text: str,
        *,
        key: str | None = None,
        data: dict[str, Any] | None = None,
        reply_to: str | None = None,
    ) -> asyncio.Future[Ack]:
        """Put a message into the outbox and go on; its ack comes with the future.

        The future raises ``RequestFailed`` where the server refuses it for good (a text too long), ``Stopped``.
        """
        self._raise_failure()
        letter = Letter(channel, key or new_key(), text, data, reply_to)
        self.outbox.add(letter)
        future = self._acks.setdefault((channel, letter.key), asyncio.get_running_loop().create_future())
        self._deliver_soon(channel)
        return future

    def _deliver_soon(self, channel: str) -> None:
        if self._online.is_set() and self._failure is None:
            self._errand("deliver", channel, partial(self._deliver, channel))

    async def _deliver(self, channel: str) -> None:
        """One letter after the other, so that a repeat can't change their order."""
        attempt = 0
        while (letter := self.outbox.first(channel)) is not None:
            future = self._acks.get((channel, letter.key))
            try:
                ack = await self._link.send(
                    channel, letter.text, key=letter.key, data=letter.data, reply_to=letter.reply_to
                )
            except RequestFailed as refused:
                if refused.temporary:
                    await self._sleep(refused.retry_after_ms / 1e3 or self._backoff.delay_s(attempt, self._rng))
                    attempt += 1
                    continue
                if future is not None and not future.done():
                    future.set_exception(refused)
                    future.exception()
            except RequestTimeout:
                continue  # the outcome is unknown: the same key makes the repeat safe
            else:
                attempt = 0
                if future is not None and not future.done():
                    future.set_result(ack)
            self.outbox.remove(letter)
            self._acks.pop((channel, letter.key), None)

    # ----------------------------------------------------------------------- hearing

    async def events(self) -> AsyncIterator[ClientEvent]:
        """Pushes, and what happens to the connection. Ends after ``close``; raises ``Stopped`` where that came by
        itself."""
        while True:
            while self._unread:
                yield self._unread.popleft()
            if self._failure is not None:
                if self._life is None:
                    return
                raise self._failure
            self._stirred.clear()
            await self._stirred.wait()

    def draft(self, channel: str) -> str | None:
        """The reply that is being written there (``delta`` frames), as far as it is known."""
        return self._drafts.text(channel)

    def _emit(self, *events: ClientEvent) -> None:
        if len(self._unread) + len(events) > MAX_UNREAD_EVENTS:
            self._failure = Stopped(f"{MAX_UNREAD_EVENTS} events wait unread: read events()")
            raise ProtocolViolation(str(self._failure))
        self._unread.extend(events)
        self._stirred.set()

    def _heard(self, frame: ServerFrame) -> None:
        """Every frame, in order, before anybody else."""
        match frame:
            case Welcome():
                self._welcomed(frame)
            case Opened():
                self._timelines.setdefault(frame.channel, Timeline(frame.epoch, frame.offset))
            case Subscribed() if frame.channel.startswith("conv:"):
                since = self._asked.pop(frame.channel, None)
                if since is not None and frame.channel not in self._timelines:
                    self._timelines[frame.channel] = Timeline(since.epoch or "", since.offset or 0)
                self._resumed(frame.channel, frame.epoch, frame.offset, frame.recovered, frame.messages)
            case Subscribed():
                self._others.add(frame.channel)
            case Unsubscribed():
                self._timelines.pop(frame.channel, None)
                self._others.discard(frame.channel)
            case _:
                pass

    def _welcomed(self, welcome: Welcome) -> None:
        self.user = welcome.user
        self.state = "online"
        self._online.set()
        self._emit(Online(welcome))
        for notification in welcome.notifications:
            self._emit(notification)
        for channel, entry in welcome.channels.items():
            if entry.error is not None:
                if entry.error.code in (403, 404):
                    self._timelines.pop(channel, None)
                    self._others.discard(channel)
                else:  # 503 and the like: subscribe again, later
                    self._errand("resubscribe", channel, partial(self._resubscribe, channel))
            elif entry.epoch is not None and entry.offset is not None and channel.startswith("conv:"):
                # Its messages come through _pushed: the connection hands them on as pushes.
                self._resumed(channel, entry.epoch, entry.offset, bool(entry.recovered), [])

    def _resumed(self, channel: str, epoch: str, offset: int, recovered: bool, messages: list[Message]) -> None:
        timeline = self._timelines.setdefault(channel, Timeline(epoch, offset))
        if not timeline.answered(epoch, offset, recovered):
            timeline = self._timelines[channel] = Timeline(epoch, 0, expected=offset, anew=True)
        self._emit(*timeline.take(messages))
        if timeline.gap:
            self._errand("repair", channel, partial(self._repair, channel, timeline))

    def _pushed(self, push: Push) -> None:
        match push:
            case Message():
                self._drafts.end(push)
                timeline = self._timelines.get(push.channel)
                if timeline is None:
                    return
                self._emit(*timeline.take([push]))
                if timeline.gap:
                    self._errand("repair", push.channel, partial(self._repair, push.channel, timeline))
            case Delta():
                self._drafts.take(push)
                self._emit(push)
            case _:
                self._emit(push)

    async def _repair(self, channel: str, timeline: Timeline) -> None:
        """Read what is missing; where that is too much, start anew from the newest page."""
        async for messages, skipped in read_missing(self._link, channel, timeline):
            if skipped:
                self._emit(Reset(channel, timeline.epoch, timeline.offset))
            self._emit(*timeline.take(messages))

    async def _resubscribe(self, channel: str) -> None:
        attempt = 0
        while True:
            timeline = self._timelines.get(channel)
            try:
                await self._link.subscribe(channel, timeline.position if timeline else None)
            except RequestFailed as refused:
                if not refused.temporary:
                    self._timelines.pop(channel, None)
                    self._others.discard(channel)
                    return
                await self._sleep(refused.retry_after_ms / 1e3 or self._backoff.delay_s(attempt, self._rng))
                attempt += 1
            else:
                return

    # ----------------------------------------------------------------------- errands of one connection

    def _errand(self, what: str, channel: str, work: Callable[[], Awaitable[None]]) -> None:
        """Run it beside, once at a time for a channel; it ends with the connection."""
        place = (what, channel)
        running = self._errands.get(place)
        if running is not None and not running.done():
            return
        task = self._errands[place] = asyncio.create_task(self._guarded(work))
        task.add_done_callback(partial(self._errand_done, place))

    def _errand_done(self, place: tuple[str, str], task: asyncio.Task[None]) -> None:
        if self._errands.get(place) is task:
            del self._errands[place]

    async def _guarded(self, work: Callable[[], Awaitable[None]]) -> None:
        with suppress(Disconnected, RequestTimeout, ProtocolViolation):  # the connection's end is seen elsewhere
            try:
                await work()
            except RequestFailed:  # what can't be read now is tried again with the next connection
                await self._link.close()

    def _cancel_errands(self) -> None:
        current = asyncio.current_task()
        for task in self._errands.values():
            if task is not current:
                task.cancel()
        self._errands.clear()
