"""One accepted WebSocket: its outbox, its session, and the order of what it does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Protocol

import structlog

from server.chat.peer import Caller, Claims
from server.chat.service import Chat
from server.clock import Clock
from server.errors import ProtocolError, Unauthenticated
from server.limits import Quota
from server.session.machine import Answer, Authenticate, Effect, Perform, Phase, Session, Shut
from server.session.meter import Meter
from server.telemetry import Metrics
from server.wire.closing import CloseCode
from server.wire.codec import Codec, Undecodable, error_frame
from server.wire.frames import Error, Goodbye, Refreshed, ServerFrame
from server.wire.framing import frame_message
from server.wire.requests import Connect, Incoming, Refresh, Send

_log = structlog.get_logger(__name__)

# Sends of one connection that may wait for their commit at a time: enough for a full batch, small enough that one
# client can't fill the store's queue.
MAX_SENDS_IN_FLIGHT = 64
# The wall clock may step: look at it at least this often.
MAX_ALARM_MS = 60_000
# Refusals in a row after which a client is thrown out: two full batches, so that one who reads its errors has the time.
FRAMES_REFUSED_MAX = 128


class Wire(Protocol):
    """The socket's writing side."""

    @property
    def buffered_bytes(self) -> int: ...

    def write(self, framed: list[bytes]) -> None: ...

    def shut(self, code: int, reason: str) -> None: ...


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """``outbox_max_bytes``: unread bytes past which a slow reader is closed with 4501; more than one message's.

    ``frames``: how many frames a connection may send (None: any number).
    """

    connect_timeout_ms: int
    outbox_max_bytes: int
    frames: Quota | None = None


@dataclass(eq=False, slots=True)
class Connection:
    """A peer of the chat. ``push`` may be called at any time; everything else happens in ``handle``'s order."""

    wire: Wire
    codec: Codec
    chat: Chat
    clock: Clock
    metrics: Metrics
    limits: ConnectionLimits
    session_id: str
    authenticate: Callable[[Connect], Awaitable[Claims]]
    session: Session = field(init=False)
    claims: Claims = field(init=False)
    caller: Caller = field(init=False)
    user_id: str = ""
    is_staff: bool = False
    sees_all: bool = False
    _queue: list[bytes] = field(default_factory=list)
    _sends: set[asyncio.Task[None]] = field(default_factory=set)
    _timer: asyncio.TimerHandle | None = None

    def __post_init__(self) -> None:
        meter = Meter(self.limits.frames, patience=FRAMES_REFUSED_MAX)
        self.session = Session(self.clock.mono_ms(), self.limits.connect_timeout_ms, meter=meter)
        self._alarm_in_ms(self.limits.connect_timeout_ms)

    # ------------------------------------------------------------------ outbox

    def push(self, framed: bytes) -> None:
        """Queue one framed message; all of a loop tick are written together."""
        if not self._queue:
            asyncio.get_running_loop().call_soon(self._flush)
        self._queue.append(framed)

    def answer(self, frame: ServerFrame) -> None:
        """Queue one frame for this peer alone."""
        if isinstance(frame, Error):
            self.metrics.error(frame.code)
        self.push(frame_message(self.codec.encode(frame), binary=self.codec.binary))

    def _flush(self) -> None:
        if not self._queue:
            return
        # What earlier ticks wrote and the kernel has not taken: a burst of this tick is nobody's slowness.
        if self.wire.buffered_bytes > self.limits.outbox_max_bytes:
            self.metrics.outbox_drops.inc(len(self._queue))
            self._queue = []
            self.close(CloseCode.TOO_SLOW, "reads too slowly")
            return
        self.metrics.frames_out.inc(len(self._queue))
        self.wire.write(self._queue)
        self._queue = []

    def close(self, code: CloseCode, reason: str, after_ms: int | None = None) -> None:
        """Write what is queued (with a ``goodbye`` where ``after_ms`` is given), then close."""
        if after_ms is not None:
            self.answer(Goodbye(code=int(code), after_ms=after_ms))
        self._flush()
        self.session.phase = Phase.CLOSED
        self.wire.shut(int(code), reason)

    # ------------------------------------------------------------------ inbox

    async def handle(self, data: bytes | str) -> bool:
        """Take one WebSocket message; False when the connection is over."""
        if isinstance(data, bytes) is not self.codec.binary:
            kind = "binary" if self.codec.binary else "text"
            await self._run(self.session.undecodable(f"{self.codec.subprotocol} uses {kind} messages"))
            return False
        try:
            items = self.codec.decode(data)
        except Undecodable as error:
            await self._run(self.session.undecodable(str(error)))
            return False
        self.metrics.frames_in.inc(len(items))
        for item in items:
            effects = self.session.receive(item, self.clock.now_ms(), self.clock.mono_ms())
            if self.session.meter.refused:
                self.metrics.limited("frames")
            await self._run(effects)
            if self.session.phase is Phase.CLOSED:
                return False
        return True

    async def _run(self, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case Answer(frame):
                    self.answer(frame)
                case Perform(frame):
                    await self._perform(frame)
                case Authenticate(frame):
                    await self._connect(frame)
                case Shut(code, reason, after_ms):
                    self.close(code, reason, after_ms)

    async def _connect(self, frame: Connect) -> None:
        try:
            claims = await self.authenticate(frame)
            self.claims, self.caller = claims, Caller(claims.user, self.chat.explain)
            self.user_id, self.is_staff, self.sees_all = claims.user.id, self.caller.is_staff, self.caller.sees_all
            self.session.accepted(claims.user, claims.expires_ms)
            await self.chat.connect(self, frame)
        except ProtocolError as error:
            await self._run(self.session.refused(error, frame.id))
            return
        except Exception:
            _log.exception("connect failed")
            self.close(CloseCode.INTERNAL, "internal failure")
            return
        _log.debug("connected", user=self.user_id, kind=self.caller.user.kind)
        self._alarm_at_expiry()

    async def _perform(self, frame: Incoming) -> None:
        """Sends overlap (they share a commit); anything else waits for them, so effects keep the order sent."""
        try:
            if isinstance(frame, Send):
                if len(self._sends) >= MAX_SENDS_IN_FLIGHT:
                    await asyncio.wait(self._sends, return_when=asyncio.FIRST_COMPLETED)
                commit = await self.chat.prepare_send(self, frame)
                self._spawn_send(self._guard(commit, frame))
                return
            if self._sends:
                await asyncio.wait(self._sends)
            if isinstance(frame, Refresh):
                await self._refresh(frame)
            else:
                await self.chat.perform(self, frame)
        except Exception as error:
            self._report(error, frame)

    async def _guard(self, work: Coroutine[Any, Any, None], frame: Incoming) -> None:
        try:
            await work
        except Exception as error:
            self._report(error, frame)

    def _spawn_send(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._sends.add(task)
        task.add_done_callback(self._sends.discard)

    def _report(self, error: Exception, frame: Incoming) -> None:
        if not isinstance(error, ProtocolError):
            _log.exception("frame failed", frame=type(frame).__name__, exc_info=error)
        self.answer(error_frame(error, getattr(frame, "id", None)))

    async def _refresh(self, frame: Refresh) -> None:
        claims = await self.authenticate(Connect(id=frame.id, token=frame.token))
        user = self.session.require_user()
        if (claims.user.id, claims.user.kind) != (user.id, user.kind) or claims.expires_ms is None:
            raise Unauthenticated("the token is another user's, or another kind's: connect anew with it")
        await self.chat.readmit(claims)
        self.session.accepted(claims.user, claims.expires_ms)
        self.claims = claims
        self.answer(Refreshed(id=frame.id, exp_ms=claims.expires_ms))
        self._alarm_at_expiry()

    # ------------------------------------------------------------------ time and end

    def _alarm_in_ms(self, delay_ms: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(max(delay_ms, 0) / 1000 + 0.001, self._tick)

    def _alarm_at_expiry(self) -> None:
        if self.session.expires_ms is not None:
            self._alarm_in_ms(min(self.session.expires_ms - self.clock.now_ms(), MAX_ALARM_MS))

    def _tick(self) -> None:
        for effect in self.session.tick(self.clock.mono_ms(), self.clock.now_ms()):
            if isinstance(effect, Shut):
                self.close(effect.code, effect.reason)
        if self.session.phase is Phase.READY:
            self._alarm_at_expiry()

    async def finish(self) -> None:
        """After the socket's end: leave every channel. What was sent and not yet committed goes on."""
        self.session.phase = Phase.CLOSED
        if self._timer is not None:
            self._timer.cancel()
        self._queue = []
        if self.user_id:
            await self.chat.disconnect(self)
