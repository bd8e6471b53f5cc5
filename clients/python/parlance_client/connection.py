"""One connection of one user: every verb of the protocol as a method, every push as it comes.

    async with Connection("ws://127.0.0.1:8000/ws") as connection:      # a guest; or token="<JWT>"
        conversation = await connection.open()
        ack = await connection.send(conversation.channel, "Where is my parcel?")
        async for push in connection.pushes():
            if isinstance(push, Message) and push.reply_to == ack.message_id:
                print(push.text)
                await connection.feedback(push.message_id, 1.0)
                break

When it ends, pending requests and ``pushes()`` raise ``Disconnected``. ``reconnect()`` comes back as the same user and
resumes every subscribed conversation. ``Client`` does that by itself; this class is for those who want to decide.
"""

from __future__ import annotations

import asyncio
import uuid
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from types import TracebackType

from parlance_client.dial import Dial, Socket, dial
from parlance_client.encoding import ENCODINGS, ClientFrame, EncodingName
from parlance_client.errors import Disconnected, ParlanceError, ProtocolViolation, RequestFailed, RequestTimeout
from parlance_client.frames import (
    MAX_BATCH_FRAMES,
    Ack,
    Error,
    Goodbye,
    Id,
    Message,
    Opened,
    Position,
    Push,
    ServerFrame,
    Subscribed,
    Unsubscribed,
    Welcome,
)
from parlance_client.verbs import AnswerT, Verbs, compact, expect

Outcome = ServerFrame | ParlanceError

# A reader this far behind has stopped reading; the connection is closed, as the server itself would (4501).
MAX_UNREAD_PUSHES = 10_000


class Connection(Verbs):
    """``url`` ends in ``/ws``. ``token`` None: a guest, whose token the welcome brings and ``reconnect`` uses. With
    ``on_push`` every push goes to that callback at once (it must not block), else to ``pushes()``. ``on_frame`` sees
    every frame before anybody else, answers too. ``positions``: of each subscribed conversation, the last message seen.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        encoding: EncodingName = "json",
        on_push: Callable[[Push], None] | None = None,
        on_frame: Callable[[ServerFrame], None] | None = None,
        request_timeout_s: float = 30.0,
        name: str = "parlance-python",
        version: str = "1",
        dial: Dial = dial,
    ) -> None:
        self.url = url
        self.token = token
        self.positions: dict[str, Position] = {}
        self.welcome: Welcome | None = None
        self._encoding = ENCODINGS[encoding]
        self._on_push = on_push or self._keep_push
        self._on_frame = on_frame
        self._request_timeout_s = request_timeout_s
        self._info = {"name": name, "version": version}
        self._dial = dial
        self._socket: Socket | None = None
        self._reader: asyncio.Task[None] | None = None
        self._ended: Disconnected | None = None
        self._pending: dict[Id, asyncio.Future[Outcome]] = {}
        self._unread: deque[Push] = deque()
        self._stirred = asyncio.Event()  # something unread, or the end
        self._over = asyncio.Event()
        self._last_id = 0
        self._goodbye_after_ms = 0

    async def __aenter__(self) -> Connection:
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
        self._over.clear()
        self._reader = asyncio.create_task(self._read(self._socket))
        resume = {channel: compact(epoch=place.epoch, offset=place.offset) for channel, place in self.positions.items()}
        try:
            hello = compact(token=self.token, client=self._info, resume=resume or None)
            return await self._ask("connect", hello, Welcome)
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

    async def closed(self) -> Disconnected:
        """Wait for the end of the connection; how it ended."""
        await self._over.wait()
        return self._ended or Disconnected(1000, "not connected")

    async def close(self) -> None:
        """Leave. Requests still pending raise ``Disconnected``; ``pushes()`` ends after what has arrived."""
        reader, socket = self._reader, self._socket
        self._reader = self._socket = None
        if socket is not None:
            await socket.close()
        if reader is not None:
            await asyncio.wait([reader])

    async def send_many(self, channel: str, texts: Sequence[str]) -> list[Ack | ParlanceError]:
        """Send several messages as batches; each has its own ack or its own error, in the order given."""
        frames = [
            {"type": "send", "id": self._next_id(), "channel": channel, "key": new_key(), "text": text}
            for text in texts
        ]
        outcomes: list[Outcome] = []
        for start in range(0, len(frames), MAX_BATCH_FRAMES):
            outcomes += await self._exchange(frames[start : start + MAX_BATCH_FRAMES])
        return [outcome if isinstance(outcome, ParlanceError) else expect(outcome, Ack) for outcome in outcomes]

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

    async def _ask(self, verb: str, fields: ClientFrame, kind: type[AnswerT]) -> AnswerT:
        (outcome,) = await self._exchange([{"type": verb, "id": self._next_id(), **fields}])
        if isinstance(outcome, ParlanceError):
            raise outcome
        return expect(outcome, kind)

    async def _tell(self, verb: str, fields: ClientFrame) -> None:
        if self._socket is None or self._ended is not None:
            raise self._ended or Disconnected(1000, "not connected")
        await self._socket.send(self._encoding.encode([{"type": verb, **fields}]))

    async def _exchange(self, frames: Sequence[ClientFrame]) -> list[Outcome]:
        """Send the frames as one WebSocket message; the answer to each, or why there is none, in their order."""
        if self._socket is None or self._ended is not None:
            raise self._ended or Disconnected(1000, "not connected")
        loop = asyncio.get_running_loop()
        waiting: dict[Id, asyncio.Future[Outcome]] = {frame["id"]: loop.create_future() for frame in frames}
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
        self._over.set()

    def _take(self, frame: ServerFrame) -> None:
        if self._on_frame is not None:
            self._on_frame(frame)
        self._follow(frame)
        frame_id = getattr(frame, "id", None)
        if frame_id is None:
            self._on_push(frame)  # type: ignore[arg-type]  # what has no id is a push
            return
        future = self._pending.get(frame_id)
        if future is not None and not future.done():
            future.set_result(RequestFailed(frame) if isinstance(frame, Error) else frame)

    def _follow(self, frame: ServerFrame) -> None:
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
