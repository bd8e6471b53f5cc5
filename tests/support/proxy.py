"""A TCP proxy that breaks connections the way networks do. It runs in a thread of its own, with its own event loop, so
that neither a busy nor a blocked test holds it up; all methods may be called from any thread."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, Literal, Self, TypeVar

from loadtest.processes import free_port

Direction = Literal["to_server", "to_client"]
Result = TypeVar("Result")

# A close with SO_LINGER of 0 s sends RST instead of FIN.
_RESET = struct.pack("ii", 1, 0)


class _Pipe:
    """One direction of one connection."""

    def __init__(self, proxy: TcpProxy, direction: Direction, source: asyncio.StreamReader) -> None:
        self._proxy = proxy
        self._source = source
        self.direction = direction
        self.swallows = False
        self.passed_bytes = 0

    async def run(self, sink: asyncio.StreamWriter) -> None:
        while data := await self._source.read(65_536):
            await self._proxy.going[self.direction].wait()
            if self._proxy.delay_s:
                await asyncio.sleep(self._proxy.delay_s)
            if not self.swallows:
                self.passed_bytes += len(data)
                sink.write(data)
                await sink.drain()
        if not self.swallows:
            sink.close()


class TcpProxy:
    """Forwards ``port`` of 127.0.0.1 to ``target_port``, until told otherwise. Enter it as a context."""

    def __init__(self, target_port: int) -> None:
        self.port = free_port()
        self.target_port = target_port
        self.accepted = 0
        self.delay_s = 0.0
        self.going: dict[Direction, asyncio.Event] = {}
        self._swallows_new: set[Direction] = set()
        self._pipes: set[_Pipe] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="tcp-proxy", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._await(self._open())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._await(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    # ----------------------------------------------------------------- what it can do

    def cut(self) -> None:
        """Reset every connection (RST to both sides). New ones are served."""
        self._call(self._reset_all)

    def refuse(self) -> None:
        """Reset every connection and refuse new ones, until ``heal``."""

        async def stop_listening() -> None:
            self._stop_listening()
            self._reset_all()

        self._await(stop_listening())

    def swallow(self, direction: Direction, *, new: bool = False) -> None:
        """Half-open: drop for ever what the present connections send in ``direction``, though each stays open.

        With ``new``, connections made from now on are treated so too, until ``heal``.
        """

        def begin() -> None:
            for pipe in self._pipes:
                pipe.swallows = pipe.swallows or pipe.direction == direction
            if new:
                self._swallows_new.add(direction)

        self._call(begin)

    def hold(self, direction: Direction) -> None:
        """Read no further in ``direction``, so that the sender's buffers fill; nothing is lost. Until ``heal``."""
        self._call(self.going[direction].clear)

    def delay(self, delay_ms: float) -> None:
        """Add ``delay_ms`` to each piece of data in each direction, until told otherwise."""
        self.delay_s = delay_ms / 1_000.0

    def heal(self) -> None:
        """Serve new connections, and pass on what was held. What was swallowed stays lost, and those connections go
        on swallowing: the network has forgotten them."""

        async def go_on() -> None:
            self.delay_s = 0.0
            self._swallows_new.clear()
            for event in self.going.values():
                event.set()
            if self._server is None:
                await self._listen()

        self._await(go_on())

    @property
    def passed_bytes(self) -> int:
        """What the present connections have passed on, both directions together."""
        return self._call(lambda: sum(pipe.passed_bytes for pipe in self._pipes))

    # ----------------------------------------------------------------- in the proxy's thread

    async def _open(self) -> None:
        for direction in ("to_server", "to_client"):
            self.going[direction] = asyncio.Event()
            self.going[direction].set()
        await self._listen()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)

    def _stop_listening(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _close(self) -> None:
        self._stop_listening()
        await asyncio.sleep(0.001)  # what was accepted a moment ago turns up now
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._reset_all()
        self._writers.clear()

    def _accept(self, client_in: asyncio.StreamReader, client_out: asyncio.StreamWriter) -> None:
        # A task of our own: asyncio's would report a cancellation at the end as an error.
        self.accepted += 1
        self._writers.add(client_out)
        task = self._loop.create_task(self._serve(client_in, client_out))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, client_in: asyncio.StreamReader, client_out: asyncio.StreamWriter) -> None:
        try:
            server_in, server_out = await asyncio.open_connection("127.0.0.1", self.target_port)
        except (OSError, asyncio.CancelledError):
            _reset(client_out)
        else:
            self._writers.add(server_out)
            await self._join(client_in, client_out, server_in, server_out)
        finally:
            self._writers.discard(client_out)

    async def _join(
        self,
        client_in: asyncio.StreamReader,
        client_out: asyncio.StreamWriter,
        server_in: asyncio.StreamReader,
        server_out: asyncio.StreamWriter,
    ) -> None:
        up, down = _Pipe(self, "to_server", client_in), _Pipe(self, "to_client", server_in)
        for pipe in (up, down):
            pipe.swallows = pipe.direction in self._swallows_new
        self._pipes |= {up, down}
        try:
            await asyncio.gather(up.run(server_out), down.run(client_out), return_exceptions=True)
        except asyncio.CancelledError:  # the end of the proxy
            for writer in (client_out, server_out):
                _reset(writer)
        finally:
            self._pipes -= {up, down}
            for writer in (client_out, server_out):
                writer.close()
            self._writers.discard(server_out)

    def _reset_all(self) -> None:
        for writer in tuple(self._writers):
            _reset(writer)

    # ----------------------------------------------------------------- from other threads

    def _await(self, work: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=10)

    def _call(self, work: Callable[[], Result]) -> Result:
        async def run() -> Result:
            return work()

        return self._await(run())


def _reset(writer: asyncio.StreamWriter) -> None:
    raw = writer.get_extra_info("socket")
    if raw is not None:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()
