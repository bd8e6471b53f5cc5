"""A model server on a port of its own that misbehaves on demand: OpenAI's chat completions over real sockets.

Raw asyncio, so that it can break rules that no HTTP library would break.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, TypeVar

Body = dict[str, Any]
T = TypeVar("T")


@dataclass
class Behaviour:
    """What the next requests get. ``words`` are streamed one by one, ``gap_s`` apart, the first after ``wait_s``.

    ``status``: answer with this and no stream; ``cut_after``: close the socket after that many words;
    ``malformed_after``: say nonsense then; ``endless``: begin anew for ever; ``ends``: whether finish_reason and [DONE]
    come; ``reason``: finish_reason; ``usage``: (prompt, completion) tokens; ``stuck_after``: go silent after that many
    words; ``pulse``: wait for it before each word but the first.
    """

    words: tuple[str, ...] = ("Your ", "parcel ", "is ", "on ", "its ", "way.")
    wait_s: float = 0.0
    gap_s: float = 0.0
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    cut_after: int | None = None
    malformed_after: int | None = None
    stuck_after: int | None = None
    endless: bool = False
    ends: bool = True
    reason: str = "stop"
    usage: tuple[int, int] | None = (111, 6)
    pulse: asyncio.Event | None = None


class ModelServer:
    """``behaviour`` is read at each request; ``queue`` has those of the next requests, before it.

    ``requests``: bodies as they came; ``headers`` likewise; ``open_streams``: connections that are written to now;
    ``first_token_s``: when each request's first word was written, by ``time.monotonic``.
    """

    def __init__(self) -> None:
        self.behaviour = Behaviour()
        self.queue: list[Behaviour] = []
        self.requests: list[Body] = []
        self.headers: list[dict[str, str]] = []
        self.first_token_s: list[float] = []
        self.open_streams = 0
        self.connections = 0
        self.changed = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/v1"

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)

    async def close(self) -> None:
        assert self._server is not None
        self._server.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    async def until(self, holds: Callable[[], bool], within_s: float = 30.0) -> None:
        """Wait until something is so here."""
        async with asyncio.timeout(within_s):
            while not holds():
                self.changed.clear()
                await self.changed.wait()

    # ----------------------------------------------------------------------- sockets

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            while await self._serve(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request; whether the connection lives on."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        headers = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        self.requests.append(json.loads(body))
        self.headers.append(headers)
        self.changed.set()
        behaviour = self.queue.pop(0) if self.queue else self.behaviour
        self.open_streams += 1
        try:
            return await self._answer(behaviour, reader, writer)
        finally:
            self.open_streams -= 1
            self.changed.set()

    async def _answer(self, how: Behaviour, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        gone = asyncio.create_task(reader.read(1))  # nothing more comes, unless the client hangs up
        answering = asyncio.create_task(self._stream(how, writer) if how.status == 200 else self._refuse(how, writer))
        await asyncio.wait((gone, answering), return_when=asyncio.FIRST_COMPLETED)
        alive = answering.done() and not answering.exception() and answering.result()
        for task in (gone, answering):
            task.cancel()
        await asyncio.gather(gone, answering, return_exceptions=True)
        return bool(alive)

    async def _refuse(self, how: Behaviour, writer: asyncio.StreamWriter) -> bool:
        body = json.dumps({"error": {"message": "a secret sk-123", "type": "a_type", "code": "a_code"}}).encode()
        more = "".join(f"{name}: {value}\r\n" for name, value in how.headers.items())
        writer.write(f"HTTP/1.1 {how.status} X\r\ncontent-length: {len(body)}\r\n{more}\r\n".encode() + body)
        await writer.drain()
        return True

    async def _stream(self, how: Behaviour, writer: asyncio.StreamWriter) -> bool:
        writer.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n"
        )
        self._say(writer, {"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]})
        await asyncio.sleep(how.wait_s)
        number = 0
        while True:
            for word in how.words:
                if how.stuck_after == number:
                    await asyncio.sleep(3_600)
                if how.cut_after == number:
                    return False
                if how.malformed_after == number:
                    self._chunk(writer, b"data: {not json\n\n")
                if how.pulse is not None and number:
                    await how.pulse.wait()
                    how.pulse.clear()
                self._say(writer, {"choices": [{"index": 0, "delta": {"content": word}, "finish_reason": None}]})
                if not number:
                    self.first_token_s.append(time.monotonic())
                number += 1
                await writer.drain()
                await asyncio.sleep(how.gap_s)
            if not how.endless:
                break
        if not how.ends:
            self._chunk(writer, b"")
            return True
        self._say(writer, {"choices": [{"index": 0, "delta": {}, "finish_reason": how.reason}]})
        if how.usage is not None:
            prompt, completion = how.usage
            self._say(writer, {"choices": [], "usage": {"prompt_tokens": prompt, "completion_tokens": completion}})
        self._chunk(writer, b"data: [DONE]\n\n")
        self._chunk(writer, b"")
        await writer.drain()
        return True

    def _say(self, writer: asyncio.StreamWriter, chunk: Body) -> None:
        self._chunk(writer, f"data: {json.dumps({'object': 'chat.completion.chunk', **chunk})}\n\n".encode())

    def _chunk(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")


class ThreadedModelServer:
    """A model server on a loop of its own in a thread, for tests that outlive one loop."""

    def __init__(self) -> None:
        self.server = ModelServer()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> ThreadedModelServer:
        self._thread.start()
        self.run(self.server.start())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.run(self.server.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """On its loop; blocks."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    async def wait(self, holds: Callable[[], bool]) -> None:
        """Until something is so there, awaited on the caller's loop."""
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self.server.until(holds), self._loop))

    def go_on(self, pulse: asyncio.Event) -> None:
        """Let the next word be said."""
        self._loop.call_soon_threadsafe(pulse.set)


@asynccontextmanager
async def model_server() -> AsyncIterator[ModelServer]:
    """Started, and closed at the end."""
    server = ModelServer()
    await server.start()
    try:
        yield server
    finally:
        await server.close()
