"""The life of one connection as a table of transitions.

    FRESH           + connect      → AUTHENTICATING   Authenticate
    FRESH           + other frame  → CLOSED           Shut 4400
    FRESH           + time-out     → CLOSED           Shut 4408
    AUTHENTICATING  + accepted     → READY
    AUTHENTICATING  + refused      → CLOSED           error, Shut 4401
    READY           + too many     → READY            error 429, in the end Shut 4429
    READY           + ping         → READY            pong
    READY           + connect      → CLOSED           Shut 4400
    READY           + other frame  → READY            Perform
    READY           + invalid      → READY            error
    READY           + token's end  → CLOSED           Shut 4401
    any             + undecodable  → CLOSED           Shut 4400

The shell feeds one item at a time and performs the effects in order before it feeds the next, so frames of one
connection take effect in the order sent.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import Enum, auto

from server.errors import BadFrame, Banned, ProtocolError, RateLimited
from server.session.meter import Meter
from server.wire.closing import CloseCode
from server.wire.codec import Item, Rejected, error_frame
from server.wire.frames import Pong, ServerFrame
from server.wire.parts import MAX_CHANNELS, User
from server.wire.requests import Connect, Incoming, Open, Ping, Subscribe

# A client that is thrown out comes back after this long at the earliest.
TOO_MANY_AFTER_MS = 5_000


class Phase(Enum):
    FRESH = auto()
    AUTHENTICATING = auto()
    READY = auto()
    CLOSED = auto()


@dataclass(frozen=True, slots=True)
class Authenticate:
    """Check the token, then call ``accepted`` or ``refused``."""

    frame: Connect


@dataclass(frozen=True, slots=True)
class Perform:
    """Let the chat do what the frame asks for and answer it."""

    frame: Incoming


@dataclass(frozen=True, slots=True)
class Answer:
    """Send this frame."""

    frame: ServerFrame


@dataclass(frozen=True, slots=True)
class Shut:
    """Close the socket; nothing follows. ``after_ms``: what a ``goodbye`` before it says."""

    code: CloseCode
    reason: str
    after_ms: int | None = None


Effect = Authenticate | Perform | Answer | Shut


@dataclass(slots=True)
class Session:
    """One connection's state. ``opened_ms`` is monotonic; ``expires_ms`` (the token's end) is wall-clock time."""

    opened_ms: float
    connect_timeout_ms: int
    phase: Phase = Phase.FRESH
    user: User | None = None
    expires_ms: int | None = None
    channels: set[str] = field(default_factory=set)
    meter: Meter = field(default_factory=lambda: Meter(None))

    def receive(self, item: Item, now_ms: int, mono_ms: float) -> list[Effect]:
        """What one decoded frame leads to at wall-clock ``now_ms`` and monotonic ``mono_ms``."""
        wait_ms = self.meter.wait_ms(mono_ms)
        if wait_ms > 0 and self.phase is Phase.READY:
            return self._too_many(item, math.ceil(wait_ms))
        match self.phase:
            case Phase.FRESH:
                return self._first(item)
            case Phase.READY:
                return self._ready(item, now_ms)
            case Phase.AUTHENTICATING | Phase.CLOSED:
                return []

    def _first(self, item: Item) -> list[Effect]:
        if isinstance(item, Connect):
            self.phase = Phase.AUTHENTICATING
            return [Authenticate(item)]
        effects: list[Effect] = []
        if isinstance(item, Rejected):
            effects.append(Answer(error_frame(item.error, item.id)))
        return effects + self._shut(CloseCode.PROTOCOL_VIOLATED, "the first frame must be a valid connect")

    def _ready(self, item: Item, now_ms: int) -> list[Effect]:
        if self.expires_ms is not None and now_ms >= self.expires_ms:
            return self._shut(CloseCode.UNAUTHENTICATED, "the token has expired")
        if isinstance(item, Rejected):
            return [Answer(error_frame(item.error, item.id))]
        if isinstance(item, Ping):
            return [Answer(Pong(id=item.id, time_ms=now_ms))]
        if isinstance(item, Connect):
            return self._shut(CloseCode.PROTOCOL_VIOLATED, "connect comes once")
        if isinstance(item, Open | Subscribe) and len(self.channels) >= MAX_CHANNELS and self._subscribes(item):
            refusal = RateLimited(f"at most {MAX_CHANNELS} channels a connection: unsubscribe from one first")
            return [Answer(error_frame(refusal, item.id))]
        return [Perform(item)]

    def _too_many(self, item: Item, wait_ms: int) -> list[Effect]:
        if self.meter.exhausted:
            self.phase = Phase.CLOSED
            return [Shut(CloseCode.TOO_MANY, "too many frames", after_ms=max(wait_ms, TOO_MANY_AFTER_MS))]
        refusal = RateLimited("too many frames; wait a moment", retry_after_ms=wait_ms)
        return [Answer(error_frame(refusal, getattr(item, "id", None)))]

    def _subscribes(self, frame: Open | Subscribe) -> bool:
        """Whether the frame may add a channel. Which one ``open`` finds is known too late to let it through."""
        return isinstance(frame, Open) or frame.channel not in self.channels

    def accepted(self, user: User, expires_ms: int | None) -> None:
        """The token is good (``expires_ms`` None: a session without an end)."""
        self.phase = Phase.READY
        self.user = user
        self.expires_ms = expires_ms

    def refused(self, error: ProtocolError, frame_id: int | str) -> list[Effect]:
        """The token is not good, or could not be checked."""
        if isinstance(error, RateLimited):
            after_ms = max(error.retry_after_ms or 0, TOO_MANY_AFTER_MS)
            self.phase = Phase.CLOSED
            return [Answer(error_frame(error, frame_id)), Shut(CloseCode.TOO_MANY, error.name, after_ms)]
        if isinstance(error, Banned):
            code = CloseCode.BANNED
        else:
            code = CloseCode.INTERNAL if error.temporary else CloseCode.UNAUTHENTICATED
        return [Answer(error_frame(error, frame_id)), *self._shut(code, error.name)]

    def undecodable(self, reason: str) -> list[Effect]:
        """The bytes were no message, or the wrong kind of message for the encoding."""
        return self._shut(CloseCode.PROTOCOL_VIOLATED, reason)

    def tick(self, mono_ms: float, now_ms: int) -> list[Effect]:
        """What the passing of time leads to."""
        if self.phase is Phase.FRESH and mono_ms - self.opened_ms >= self.connect_timeout_ms:
            return self._shut(CloseCode.NO_CONNECT, "no connect in time")
        if self.phase is Phase.READY and self.expires_ms is not None and now_ms >= self.expires_ms:
            return self._shut(CloseCode.UNAUTHENTICATED, "the token has expired")
        return []

    def require_user(self) -> User:
        """The user of a ready connection."""
        if self.user is None:
            raise BadFrame("connect first")
        return self.user

    def _shut(self, code: CloseCode, reason: str) -> list[Effect]:
        self.phase = Phase.CLOSED
        return [Shut(code, reason)]
