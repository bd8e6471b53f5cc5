"""An asyncio client of PROTOCOL version 1, and the example for authors of other clients.

    async with Client("ws://127.0.0.1:8000/ws") as client:          # a guest; or token="<JWT>"
        conversation = await client.open()
        ack = await client.send(conversation.channel, "Where is my parcel?")
        async for push in client.pushes():
            if isinstance(push, Message) and push.reply_to == ack.message_id:
                print(push.text)
                await client.feedback(push.message_id, 1.0)
                break

When the connection ends, pending requests and ``pushes()`` raise ``Disconnected``. ``reconnect()`` comes back as the
same user and resumes every subscribed conversation: what was missed follows in ``pushes()``, without gaps or repeats.
"""

from __future__ import annotations

import asyncio
import uuid
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, TypeVar

from loadtest.dial import Dial, Socket, dial
from loadtest.encoding import ENCODINGS, EncodingName
from loadtest.errors import Disconnected, ParlanceError, ProtocolViolation, RequestFailed, RequestTimeout
from server.wire.frames import (
    Ack,
    AnyServerFrame,
    Claimed,
    Error,
    FeedbackAccepted,
    Goodbye,
    HistoryPage,
    Message,
    Opened,
    Pong,
    PresenceChange,
    Present,
    Refreshed,
    Resolved,
    Subscribed,
    Unsubscribed,
    Welcome,
)
from server.wire.parts import MAX_BATCH_FRAMES, ReceiptKind, Status
from server.wire.requests import (
    AnyClientFrame,
    AnyRequest,
    Claim,
    ClientInfo,
    Connect,
    Feedback,
    History,
    MarkReceipt,
    Open,
    Ping,
    Position,
    Refresh,
    Resolve,
    Send,
    SetPresence,
    SetTyping,
    Subscribe,
    Unsubscribe,
    Who,
)

Push = AnyServerFrame
Outcome = AnyServerFrame | ParlanceError
AnswerT = TypeVar("AnswerT", bound=AnyServerFrame)

# A reader this far behind has stopped reading; the connection is closed, as the server itself would (4501).
MAX_UNREAD_PUSHES = 10_000


class Client:
    """One connection of one user.

    ``url`` ends in ``/ws``. ``token`` None: a guest, whose token the welcome brings and ``reconnect`` uses. With
    ``on_push`` every push goes to that callback at once (it must not block), else to ``pushes()``.
    ``positions``: of each subscribed conversation, the last message seen.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        encoding: EncodingName = "json",
        on_push: Callable[[Push], None] | None = None,
        request_timeout_s: float = 30.0,
        name: str = "parlance-python",
        dial: Dial = dial,
    ) -> None:
        self.url = url
        self.token = token
        self.positions: dict[str, Position] = {}
        self.welcome: Welcome | None = None
        self._encoding = ENCODINGS[encoding]
        self._on_push = on_push or self._keep_push
        self._request_timeout_s = request_timeout_s
        self._info = ClientInfo(name=name, version="1")
        self._dial = dial
        self._socket: Socket | None = None
        self._reader: asyncio.Task[None] | None = None
        self._ended: Disconnected | None = None
        self._pending: dict[int | str, asyncio.Future[Outcome]] = {}
        self._unread: deque[Push] = deque()
        self._stirred = asyncio.Event()  # something unread, or the end
        self._last_id = 0
        self._goodbye_after_ms = 0

    async def __aenter__(self) -> Client:
        await self.connect()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    # ----------------------------------------------------------------------- connection

    async def connect(self) -> Welcome:
        """Open the socket and say who we are. Raises ``Unreachable``, ``RequestFailed`` (401: refused token)."""
        await self.close()
        self._socket = await self._dial(self.url, self._encoding)
        self._ended = None
        self._reader = asyncio.create_task(self._read(self._socket))
        resume = self.positions or None
        hello = Connect(id=self._next_id(), token=self.token, client=self._info, resume=resume)
        try:
            return await self._ask(hello, Welcome)
        except BaseException:
            await self.close()
            raise

    async def reconnect(self) -> Welcome:
        """A new connection, same user, every conversation resumed after the last message seen.

        Whatever ``welcome.channels`` recovered comes out of ``pushes()`` (or ``on_push``) before anything newer. Where
        ``recovered`` is false the server could not give all of it: read it with ``history``. A conversation with
        ``error`` is no longer subscribed.
        """
        return await self.connect()

    async def close(self) -> None:
        """Leave. Requests still pending raise ``Disconnected``; ``pushes()`` ends after what has arrived."""
        reader, socket = self._reader, self._socket
        self._reader = self._socket = None
        if socket is not None:
            await socket.close()
        if reader is not None:
            await asyncio.wait([reader])

    # ----------------------------------------------------------------------- requests

    async def ping(self) -> Pong:
        return await self._ask(Ping(id=self._next_id()), Pong)

    async def refresh(self, token: str) -> Refreshed:
        """Replace the token before it expires; it must name the same user."""
        refreshed = await self._ask(Refresh(id=self._next_id(), token=token), Refreshed)
        self.token = token
        return refreshed

    async def open(self, *, key: str | None = None, metadata: dict[str, Any] | None = None) -> Opened:
        """A new conversation, subscribed. The same ``key`` again gives the same conversation."""
        return await self._ask(Open(id=self._next_id(), key=key or new_key(), metadata=metadata), Opened)

    async def send(
        self,
        channel: str,
        text: str,
        *,
        key: str | None = None,
        data: dict[str, Any] | None = None,
        reply_to: str | None = None,
    ) -> Ack:
        """Send a message; returns once it is durable. To repeat after a failure, pass the same ``key``."""
        frame = Send(id=self._next_id(), channel=channel, key=key or new_key(), text=text, data=data, reply_to=reply_to)
        return await self._ask(frame, Ack)

    async def subscribe(self, channel: str, position: Position | None = None) -> Subscribed:
        """With ``position`` (the last message seen) the answer holds every later message, or ``recovered`` is false."""
        epoch, offset = (position.epoch, position.offset) if position else (None, None)
        return await self._ask(Subscribe(id=self._next_id(), channel=channel, epoch=epoch, offset=offset), Subscribed)

    async def unsubscribe(self, channel: str) -> Unsubscribed:
        return await self._ask(Unsubscribe(id=self._next_id(), channel=channel), Unsubscribed)

    async def history(
        self, channel: str, *, before: int | None = None, after: int | None = None, limit: int = 50
    ) -> HistoryPage:
        """Messages, ascending: the newest ones, or those next to an exclusive offset. At most 200."""
        frame = History(id=self._next_id(), channel=channel, before=before, after=after, limit=limit)
        return await self._ask(frame, HistoryPage)

    async def resolve(self, channel: str, resolved: bool = True) -> Resolved:
        return await self._ask(Resolve(id=self._next_id(), channel=channel, resolved=resolved), Resolved)

    async def claim(self, channel: str) -> Claimed:
        """Take a conversation over from the bot; agents and admins only."""
        return await self._ask(Claim(id=self._next_id(), channel=channel), Claimed)

    async def presence(self, status: Status, text: str | None = None) -> PresenceChange:
        """How others see this user, on every device."""
        return await self._ask(SetPresence(id=self._next_id(), status=status, text=text), PresenceChange)

    async def who(self, channel: str) -> Present:
        """The members of a conversation, and which of them are there."""
        return await self._ask(Who(id=self._next_id(), channel=channel), Present)

    async def typing(self, channel: str, on: bool = True) -> None:
        """Say that the user types, or has stopped; lapses by itself. Has no answer."""
        await self._tell(SetTyping(channel=channel, on=on))

    async def receipt(self, channel: str, offset: int, kind: ReceiptKind = "read") -> None:
        """Messages up to and including ``offset`` have arrived, or are read. Has no answer."""
        await self._tell(MarkReceipt(channel=channel, kind=kind, offset=offset))

    async def feedback(self, message_id: str, rating: float, comment: str | None = None) -> FeedbackAccepted:
        """Rate a bot message in [0, 1]; thumbs are 0 and 1. A later rating replaces the earlier."""
        frame = Feedback(id=self._next_id(), message_id=message_id, rating=float(rating), comment=comment)
        return await self._ask(frame, FeedbackAccepted)

    async def send_many(self, channel: str, texts: Sequence[str]) -> list[Ack | ParlanceError]:
        """Send several messages as batches; each has its own ack or its own error, in the order given."""
        frames = [Send(id=self._next_id(), channel=channel, key=new_key(), text=text) for text in texts]
        outcomes: list[Outcome] = []
        for start in range(0, len(frames), MAX_BATCH_FRAMES):
            outcomes += await self._exchange(frames[start : start + MAX_BATCH_FRAMES])
        return [outcome if isinstance(outcome, ParlanceError) else _expect(outcome, Ack) for outcome in outcomes]

    # ----------------------------------------------------------------------- pushes

    async def pushes(self) -> AsyncIterator[Push]:
        """Messages, events, goodbyes and errors that answer nothing, as they come.

        Raises ``Disconnected`` when the connection is lost (iterate again after ``reconnect``); ends after ``close``.
        """
        while True:
            while self._unread:
                yield self._unread.popleft()
            if self._socket is None:
                return
            if self._ended is not None:
                raise self._ended
            self._stirred.clear()
            await self._stirred.wait()

    def _keep_push(self, push: Push) -> None:
        if len(self._unread) >= MAX_UNREAD_PUSHES:
            raise ProtocolViolation(f"{MAX_UNREAD_PUSHES} pushes wait unread: read pushes() or pass on_push")
        self._unread.append(push)
        self._stirred.set()

    # ----------------------------------------------------------------------- the road in and out

    def _next_id(self) -> int:
        self._last_id += 1
        return self._last_id

    async def _ask(self, frame: AnyRequest, kind: type[AnswerT]) -> AnswerT:
        (outcome,) = await self._exchange([frame])
        if isinstance(outcome, ParlanceError):
            raise outcome
        return _expect(outcome, kind)

    async def _tell(self, frame: AnyClientFrame) -> None:
        """Send a frame that has no answer."""
        if self._socket is None or self._ended is not None:
            raise self._ended or Disconnected(1000, "not connected")
        await self._socket.send(self._encoding.encode([frame]))

    async def _exchange(self, frames: Sequence[AnyRequest]) -> list[Outcome]:
        """Send the frames as one WebSocket message; the answer to each, or why there is none, in their order."""
        if self._socket is None or self._ended is not None:
            raise self._ended or Disconnected(1000, "not connected")
        loop = asyncio.get_running_loop()
        waiting: dict[int | str, asyncio.Future[Outcome]] = {frame.id: loop.create_future() for frame in frames}
        self._pending.update(waiting)
        try:
            with suppress(Disconnected):  # the reader, who hears the server's last words, says how it ended
                await self._socket.send(self._encoding.encode(frames))
            await asyncio.wait(waiting.values(), timeout=self._request_timeout_s)
        finally:
            for frame_id in waiting:
                self._pending.pop(frame_id, None)
        late = RequestTimeout(f"no answer within {self._request_timeout_s} s")
        return [future.result() if future.done() else late for future in waiting.values()]

    async def _read(self, socket: Socket) -> None:
        """Until the socket ends: every frame to whoever waits for it."""
        ended = Disconnected(1011, "on_push raised")
        try:
            while True:
                for frame in self._encoding.decode(await socket.recv()):
                    self._take(frame)
        except Disconnected as disconnected:
            ended = Disconnected(disconnected.code, disconnected.reason, self._goodbye_after_ms)
        except ProtocolViolation as violation:
            ended = Disconnected(1002, str(violation))
        finally:
            self._end(ended)
            await socket.close()

    def _end(self, ended: Disconnected) -> None:
        self._ended = ended
        self._goodbye_after_ms = 0
        for future in self._pending.values():
            if not future.done():
                future.set_result(ended)
        self._stirred.set()

    def _take(self, frame: AnyServerFrame) -> None:
        self._follow(frame)
        frame_id = getattr(frame, "id", None)
        if frame_id is None:
            self._on_push(frame)
            return
        future = self._pending.get(frame_id)
        if future is not None and not future.done():
            future.set_result(RequestFailed(frame) if isinstance(frame, Error) else frame)

    def _follow(self, frame: AnyServerFrame) -> None:
        """Keep ``positions`` at the last message of each subscribed conversation."""
        match frame:
            case Opened() | Subscribed() if frame.channel.startswith("conv:"):
                self.positions[frame.channel] = Position(epoch=frame.epoch, offset=frame.offset)
            case Message() if frame.channel in self.positions:
                self.positions[frame.channel] = Position(epoch=frame.epoch, offset=frame.offset)
            case Unsubscribed():
                self.positions.pop(frame.channel, None)
            case Goodbye():
                self._goodbye_after_ms = frame.after_ms
            case Welcome():
                self._follow_welcome(frame)
            case _:
                pass

    def _follow_welcome(self, welcome: Welcome) -> None:
        self.welcome = welcome
        self.token = welcome.token or self.token
        for channel, entry in welcome.channels.items():
            if entry.error is not None or entry.epoch is None or entry.offset is None:
                self.positions.pop(channel, None)
                continue
            self.positions[channel] = Position(epoch=entry.epoch, offset=entry.offset)
            for message in entry.messages or ():
                self._on_push(message)


def new_key() -> str:
    """An idempotency key: unique, 32 characters."""
    return uuid.uuid4().hex


def _expect(answer: AnyServerFrame, kind: type[AnswerT]) -> AnswerT:
    if not isinstance(answer, kind):
        raise ProtocolViolation(f"expected {kind.__name__}, got {answer!r}")
    return answer
