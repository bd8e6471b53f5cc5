"""A blocking client for locust's greenlets, with the moment at which each answer arrived.

It sits on websocket-client, which under gevent needs one greenlet a connection. With 1,000 echoing connections in one
process the tail of its round trips is a quarter of that of ``websockets.sync``, which needs two.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import gevent  # type: ignore[import-untyped]
import gevent.event  # type: ignore[import-untyped]
import websocket

from parlance_client.encoding import ENCODINGS, EncodingName
from parlance_client.errors import (
    Disconnected,
    ParlanceError,
    ProtocolViolation,
    RequestFailed,
    RequestTimeout,
    Unreachable,
)
from parlance_client.frames import Answer, Error, Event, Goodbye, Id, Message, ServerFrame, Welcome
from parlance_client.verbs import compact, expect

AnswerT = TypeVar("AnswerT", bound=Answer)
FrameT = TypeVar("FrameT", bound=ServerFrame)


@dataclass(frozen=True, slots=True)
class Timed(Generic[FrameT]):
    """An answer, and how long after ``sent_s`` (monotonic) it arrived."""

    frame: FrameT
    sent_s: float
    elapsed_ms: float


@dataclass(slots=True)
class _Arrival:
    """What a waiting greenlet is woken with: a frame or the reason for none, and when it came."""

    waiter: gevent.event.AsyncResult = field(default_factory=gevent.event.AsyncResult)

    def set(self, outcome: ServerFrame | ParlanceError) -> None:
        self.waiter.set((outcome, time.perf_counter()))

    def get(self, timeout_s: float, what: str) -> tuple[ServerFrame, float]:
        try:
            outcome, at_s = self.waiter.get(timeout=timeout_s)
        except gevent.Timeout as late:
            raise RequestTimeout(f"no {what} within {timeout_s} s") from late
        if isinstance(outcome, ParlanceError):
            raise outcome
        return outcome, at_s


class GreenClient:
    """One connection of one user: a guest, or whom ``token`` names; a guest's later ``connect`` is the same user.

    ``positions``: of each conversation, the last message seen, which ``connect`` resumes after. ``on_event`` hears
    events of channels, ``on_message`` each message, with the moment (``perf_counter``) at which it came; neither may
    block.
    """

    def __init__(self, url: str, encoding: EncodingName, timeout_s: float, token: str | None = None) -> None:
        self._url = url
        self._encoding = ENCODINGS[encoding]
        self._timeout_s = timeout_s
        self._token = token
        self.positions: dict[str, dict[str, Any]] = {}
        self.on_event: Callable[[Event, float], None] = _ignore
        self.on_message: Callable[[Message, float], None] = _ignore
        self._socket: websocket.WebSocket | None = None
        self._reader: gevent.Greenlet | None = None
        self._ended: Disconnected | None = None
        self._pending: dict[Id, _Arrival] = {}
        self._bot_replies: dict[str, _Arrival] = {}  # by the id of the message they answer
        self._goodbye_after_ms = 0
        self._last_id = 0

    def connect(self) -> Timed[Welcome]:
        """Open the socket and say hello. Raises ``ParlanceError``."""
        self.close()
        started_s = time.perf_counter()
        try:
            self._socket = websocket.create_connection(
                self._url, timeout=self._timeout_s, subprotocols=[self._encoding.subprotocol]
            )
        except (OSError, websocket.WebSocketException) as failed:
            raise Unreachable(self._url, str(failed)) from failed
        self._socket.settimeout(None)
        self._ended, self._goodbye_after_ms = None, 0
        self._pending, self._bot_replies = {}, {}
        self._reader = gevent.spawn(self._read, self._socket)
        welcome = self.ask("connect", Welcome, **compact(token=self._token, resume=self.positions or None))
        self._token = welcome.frame.token or self._token
        return Timed(welcome.frame, started_s, (time.perf_counter() - started_s) * 1e3)

    def close(self) -> None:
        if self._reader is not None:
            self._reader.kill()
        if self._socket is not None:
            self._socket.close(timeout=1)
        self._reader = self._socket = None

    def drop(self) -> None:
        """Leave without a word, as a lost network does."""
        if self._reader is not None:
            self._reader.kill()
        if self._socket is not None:
            self._socket.shutdown()  # type: ignore[no-untyped-call]
        self._reader = self._socket = None

    def ask(self, verb: str, kind: type[AnswerT], **fields: Any) -> Timed[AnswerT]:
        """Send a request and wait for its answer. Raises ``ParlanceError``."""
        self._last_id += 1
        frame_id = self._last_id
        arrival = self._pending[frame_id] = _Arrival()
        sent_s = time.perf_counter()
        try:
            self.tell(verb, id=frame_id, **fields)
            answer, at_s = arrival.get(self._timeout_s, f"answer to {verb}")
        finally:
            del self._pending[frame_id]
        if isinstance(answer, Error):
            raise RequestFailed(answer)
        return Timed(expect(answer, kind), sent_s, (at_s - sent_s) * 1e3)

    def bot_reply(self, message_id: str, sent_s: float) -> Timed[Message]:
        """Wait for the bot's reply to a message sent at ``sent_s``. Raises ``ParlanceError``."""
        arrival = self._bot_replies.setdefault(message_id, _Arrival())
        if self._ended is not None and not arrival.waiter.ready():
            raise self._ended
        try:
            reply, at_s = arrival.get(self._timeout_s, "reply of the bot")
        finally:
            self._bot_replies.pop(message_id, None)
        assert isinstance(reply, Message)
        return Timed(reply, sent_s, (at_s - sent_s) * 1e3)

    def tell(self, verb: str, **fields: Any) -> None:
        """Send a frame; nobody waits for an answer. Raises ``Disconnected``."""
        if self._socket is None or self._ended is not None:
            raise self._ended or Disconnected(1000, "not connected")
        opcode = websocket.ABNF.OPCODE_TEXT if self._encoding.text else websocket.ABNF.OPCODE_BINARY
        try:
            self._socket.send(self._encoding.encode([{"type": verb, **fields}]), opcode)
        except (OSError, websocket.WebSocketException) as failed:
            raise Disconnected(1006, str(failed)) from failed

    def _read(self, socket: websocket.WebSocket) -> None:
        ended = Disconnected(1006)
        try:
            while True:
                opcode, data = socket.recv_data()
                if opcode == websocket.ABNF.OPCODE_CLOSE:
                    ended = Disconnected(int.from_bytes(data[:2]) or 1005, data[2:].decode(), self._goodbye_after_ms)
                    break
                for frame in self._encoding.decode(data):
                    self._take(frame)
        except (OSError, websocket.WebSocketException) as failed:
            ended = Disconnected(1006, str(failed))
        except ProtocolViolation as violation:
            ended = Disconnected(1002, str(violation))
        self._ended = ended
        for arrival in (*self._pending.values(), *self._bot_replies.values()):
            arrival.set(ended)

    def _take(self, frame: ServerFrame) -> None:
        if isinstance(frame, Message):
            if frame.channel in self.positions:
                self.positions[frame.channel] = {"epoch": frame.epoch, "offset": frame.offset}
            if frame.sender.kind == "bot" and frame.reply_to is not None:
                self._bot_replies.setdefault(frame.reply_to, _Arrival()).set(frame)
            self.on_message(frame, time.perf_counter())
        elif isinstance(frame, Goodbye):
            self._goodbye_after_ms = frame.after_ms
        elif isinstance(frame, Event):
            self.on_event(frame, time.perf_counter())
        elif (frame_id := getattr(frame, "id", None)) in self._pending:
            self._pending[frame_id].set(frame)


def _ignore(frame: object, at_s: float) -> None:
    """Nobody listens."""
