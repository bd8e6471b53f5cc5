"""One accepted WebSocket: its outbox, its session, and the order of what it does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Protocol

import structlog

from server.chat.peer import Caller, Claims
from server.chat.service import Chat
from server.clock import Clock
from server.errors import Banned, ProtocolError, Unauthenticated
from server.limits import Quota
from server.session.machine import Answer, Authenticate, Effect, Perform, Phase, Session, Shut
from server.session.meter import Meter
from server.telemetry import Metrics
from server.transport.outbox import Outbox, Writable
from server.wire.closing import CloseCode
from server.wire.codec import Codec, Item, Undecodable, error_frame
from server.wire.frames import Error, Goodbye, Refreshed, ServerFrame
from server.wire.framing import frame_message
from server.wire.parts import Id
from server.wire.requests import Connect, Incoming, Refresh, Send

_log = structlog.get_logger(__name__)

# Sends of one connection that may wait for their commit at a time: enough for a full batch, small enough that one
# client can't fill the store's queue.
MAX_SENDS_IN_FLIGHT = 64
# Frames of one connection that wait for the one in work before its socket is read no more.
MAX_ITEMS_WAITING = 16
# The wall clock may step: look at it at least this often.
MAX_ALARM_MS = 60_000
# Refusals in a row after which a client is thrown out: two full batches, so that one who reads its errors has the time.
FRAMES_REFUSED_MAX = 128


class Wire(Writable, Protocol):
    """The open socket."""

    def shut(self, code: int, reason: str) -> None:
        """Begin to close; ``Connection.ended`` is called before it returns, if it was not before."""

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def rearm(self) -> None:
        """``Connection.tick`` has something new to say."""

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Do something that the server's end waits for."""


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """``outbox_max_bytes``: unread bytes past which a slow reader is closed with 4501; more than one message's.

    ``frames``: how many frames a connection may send (None: any number).
    """

    connect_timeout_ms: int
    outbox_max_bytes: int
    frames: Quota | None = None


@dataclass(frozen=True, slots=True)
class Services:
    """What all connections of a worker share. ``authenticate`` takes the client's address, too."""

    chat: Chat
    clock: Clock
    metrics: Metrics
    limits: ConnectionLimits
    authenticate: Callable[[Connect, str], Awaitable[Claims]]


class Connection(Outbox):
    """A peer of the chat. ``push`` may be called at any time; frames take effect in the order received.

    Nothing waits for a quiet peer: no task, no queue, no timer of its own.
    """

    __slots__ = (
        "_connecting", "_items", "_on_end", "_sends", "_services", "_worker", "address", "caller", "claims", "codec",
        "is_agent", "is_staff", "sees_all", "session", "session_id", "user_id",
    )  # fmt: skip
    wire: Wire

    def __init__(
        self,
        wire: Wire,
        codec: Codec,
        services: Services,
        *,
        session_id: str,
        address: str,
        on_end: Callable[[Connection], None],
    ) -> None:
        limits = services.limits
        super().__init__(wire, services.metrics, limits.outbox_max_bytes)
        self.codec = codec
        self.session_id = session_id
        self.address = address
        meter = Meter(limits.frames, patience=FRAMES_REFUSED_MAX)
        self.session = Session(services.clock.mono_ms(), limits.connect_timeout_ms, meter=meter)
        self.claims: Claims
        self.caller: Caller
        self.user_id = ""
        self.is_staff = self.is_agent = self.sees_all = False
        self._services = services
        self._on_end = on_end
        self._items: list[Item | Undecodable] = []
        self._sends: set[asyncio.Task[None]] | None = None
        self._worker: asyncio.Task[None] | None = None
        self._connecting: Id | None = None

    # ------------------------------------------------------------------ outbox

    def answer(self, frame: ServerFrame) -> None:
        """Queue one frame for this peer alone."""
        if isinstance(frame, Error):
            self.metrics.error(frame.code)
        self.metrics.frames_out.inc()
        self.push(frame_message(self.codec.encode(frame), binary=self.codec.binary))

    def close(self, code: CloseCode, reason: str, after_ms: int | None = None) -> None:
        """Write what is queued (with a ``goodbye`` where ``after_ms`` is given), then close."""
        if after_ms is not None:
            self.answer(Goodbye(code=int(code), after_ms=after_ms))
        self.flush()
        self.session.phase = Phase.CLOSED
        self.wire.shut(int(code), reason)

    def turn_away(self, error: Banned | Unauthenticated) -> None:
        if self._connecting is not None:
            self.answer(error_frame(error, self._connecting))
        code = CloseCode.BANNED if isinstance(error, Banned) else CloseCode.UNAUTHENTICATED
        self.close(code, error.name)

    def too_slow(self) -> None:
        self.close(CloseCode.TOO_SLOW, "reads too slowly")

    # ------------------------------------------------------------------ inbox

    def received(self, message: bytes | str) -> None:
        """Take one WebSocket message. What needs no waiting is done at once."""
        items = self._decode(message)
        self.metrics.frames_in.inc(len(items))
        self._items += items
        if self._worker is None:
            self._go_on()
        elif len(self._items) >= MAX_ITEMS_WAITING:
            self.wire.pause_reading()

    def _decode(self, message: bytes | str) -> list[Item | Undecodable]:
        if isinstance(message, bytes) is not self.codec.binary:
            return [self._wrong_kind()]
        try:
            return [*self.codec.decode(message)]
        except Undecodable as error:
            return [error]

    @property
    def is_working(self) -> bool:
        """Whether a frame is being performed, or a send waits for its commit."""
        return self._worker is not None or bool(self._sends)

    def _wrong_kind(self) -> Undecodable:
        return Undecodable(f"{self.codec.subprotocol} uses {'binary' if self.codec.binary else 'text'} messages")

    def _go_on(self) -> None:
        waiting = self._next_to_wait_for()
        if waiting is not None:
            self._worker = self.wire.spawn(self._work(waiting))

    async def _work(self, waiting: Coroutine[Any, Any, None] | None) -> None:
        structlog.contextvars.bind_contextvars(session=self.session_id)
        while waiting is not None:
            await waiting
            waiting = self._next_to_wait_for()
        self._worker = None
        self.wire.resume_reading()

    def _next_to_wait_for(self) -> Coroutine[Any, Any, None] | None:
        """Perform the frames that have come, up to the first that has to be waited for."""
        try:
            while self._items and self.session.phase is not Phase.CLOSED:
                waiting = self._take(self._items.pop(0))
                if waiting is not None:
                    return waiting
        except Exception:
            _log.exception("connection failed", session=self.session_id)
            self.close(CloseCode.INTERNAL, "internal failure")
        self._items.clear()
        return None

    def _take(self, item: Item | Undecodable) -> Coroutine[Any, Any, None] | None:
        if isinstance(item, Undecodable):
            effects = self.session.undecodable(str(item))
        else:
            clock = self._services.clock
            effects = self.session.receive(item, clock.now_ms(), clock.mono_ms())
            if self.session.meter.refused:
                self.metrics.limited("frames")
        for effect in effects:
            match effect:
                case Perform(frame):
                    return self._perform(frame)
                case Authenticate(frame):
                    return self._connect(frame)
                case _:
                    self._do(effect)
        return None

    def _do(self, effect: Effect) -> None:
        if isinstance(effect, Answer):
            self.answer(effect.frame)
        elif isinstance(effect, Shut):
            self.close(effect.code, effect.reason, effect.after_ms)

    async def _connect(self, frame: Connect) -> None:
        self._connecting = frame.id
        try:
            claims = await self._services.authenticate(frame, self.address)
            if self.session.phase is Phase.CLOSED:
                return
            self.claims, self.caller = claims, Caller(claims.user, self._services.chat.explain)
            self.user_id, self.is_staff, self.sees_all = claims.user.id, self.caller.is_staff, self.caller.sees_all
            self.is_agent = self.caller.is_agent
            self.session.accepted(claims.user, claims.expires_ms)
            await self._services.chat.connect(self, frame)
        except ProtocolError as error:
            if self.session.phase is not Phase.CLOSED:  # else it was told already
                for effect in self.session.refused(error, frame.id):
                    self._do(effect)
            return
        except Exception:
            _log.exception("connect failed")
            self.close(CloseCode.INTERNAL, "internal failure")
            return
        finally:
            self._connecting = None
        _log.debug("connected", user=self.user_id, kind=self.caller.user.kind)
        self.wire.rearm()

    async def _perform(self, frame: Incoming) -> None:
        """Sends overlap (they share a commit); anything else waits for them, so effects keep the order sent."""
        try:
            if isinstance(frame, Send):
                if self._sends is not None and len(self._sends) >= MAX_SENDS_IN_FLIGHT:
                    await asyncio.wait(self._sends, return_when=asyncio.FIRST_COMPLETED)
                self._spawn_send(self._guard(await self._services.chat.prepare_send(self, frame), frame))
                return
            if self._sends:
                await asyncio.wait(self._sends)
            if isinstance(frame, Refresh):
                await self._refresh(frame)
            else:
                await self._services.chat.perform(self, frame)
        except Exception as error:
            self._report(error, frame)

    def _spawn_send(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        if self._sends is None:
            self._sends = set()
        self._sends.add(task)
        task.add_done_callback(self._sends.discard)

    async def _guard(self, work: Coroutine[Any, Any, None], frame: Incoming) -> None:
        try:
            await work
        except Exception as error:
            self._report(error, frame)

    def _report(self, error: Exception, frame: Incoming) -> None:
        if not isinstance(error, ProtocolError):
            _log.exception("frame failed", frame=type(frame).__name__, exc_info=error)
        self.answer(error_frame(error, getattr(frame, "id", None)))

    async def _refresh(self, frame: Refresh) -> None:
        claims = await self._services.authenticate(Connect(id=frame.id, token=frame.token), self.address)
        user = self.session.require_user()
        if (claims.user.id, claims.user.kind) != (user.id, user.kind) or claims.expires_ms is None:
            raise Unauthenticated("the token is another user's, or another kind's: connect anew with it")
        await self._services.chat.readmit(claims)
        self.session.accepted(claims.user, claims.expires_ms)
        self.claims = claims
        self.answer(Refreshed(id=frame.id, exp_ms=claims.expires_ms))
        self.wire.rearm()

    # ------------------------------------------------------------------ time and end

    def tick(self) -> float | None:
        """Look at the clocks; seconds until they have to be looked at again."""
        clock = self._services.clock
        mono_ms, now_ms = clock.mono_ms(), clock.now_ms()
        for effect in self.session.tick(mono_ms, now_ms):
            self._do(effect)
        if self.session.phase is Phase.FRESH:
            return (self.session.opened_ms + self.session.connect_timeout_ms - mono_ms) / 1000
        if self.session.phase is Phase.READY and self.session.expires_ms is not None:
            return min(self.session.expires_ms - now_ms, MAX_ALARM_MS) / 1000
        return None

    def ended(self) -> None:
        """The socket is gone, or about to be."""
        self.stop()
        self.session.phase = Phase.CLOSED
        self._on_end(self)
        if self._worker is not None or self.user_id:
            self.wire.spawn(self._finish())

    async def _finish(self) -> None:
        """Leave every channel, once the frame in work is done. What was sent and not yet committed goes on."""
        structlog.contextvars.bind_contextvars(session=self.session_id)
        if self._worker is not None:
            await asyncio.wait([self._worker])
        if self.user_id:
            await self._services.chat.disconnect(self)
            _log.debug("disconnected", user=self.user_id)
