"""Echo servers for tests of RFC 6455: ``python -m tests.support.echo ours|bare PORT``.

``ours``: the product's HTTP and WebSocket protocol classes, answering by the product's own framing. ``bare``: uvicorn's
``websockets-sansio`` as it comes. The Autobahn test suite's fuzzing client can be pointed at either (docs/security.md).
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import uvicorn
from starlette.types import Receive, Scope, Send

from server.transport.arrival import Arrival
from server.transport.protocol import EXTENSION, WireProtocol
from server.transport.wheel import Wheel
from server.wire.framing import frame_message

Flavour = Literal["ours", "bare"]
FLAVOURS: tuple[Flavour, ...] = ("ours", "bare")
MAX_MESSAGE_BYTES = 1_000_000
MAX_UNSENT_BYTES = 16_000_000


class _Echo:
    """Adopts a connection of ours and repeats what comes."""

    def __init__(self, wire: WireProtocol) -> None:
        self._write = wire.write
        wire.adopt(self, Wheel(wire.loop.time, wire.loop.call_later), MAX_UNSENT_BYTES)

    def received(self, message: bytes | str) -> None:
        binary = isinstance(message, bytes)
        self._write(frame_message(message if isinstance(message, bytes) else message.encode(), binary=binary))

    def congested(self) -> None: ...

    def eased(self) -> None: ...

    def tick(self) -> None:
        return None

    def ended(self) -> None: ...


async def _echo(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    if EXTENSION in scope["extensions"]:
        _Echo(scope["extensions"][EXTENSION])
        return
    while (event := await receive())["type"] == "websocket.receive":
        text, data = event.get("text"), event.get("bytes") or b""
        await send({"type": "websocket.send", **({"bytes": data} if text is None else {"text": text})})


def _config(flavour: Flavour, port: int) -> uvicorn.Config:
    options: dict[str, Any] = {"ws": "websockets-sansio"}
    if flavour == "ours":
        options = {"ws": WireProtocol, "http": Arrival}
    return uvicorn.Config(
        _echo,
        port=port,
        lifespan="off",
        log_config=None,
        ws_max_size=MAX_MESSAGE_BYTES,
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=1,
        **options,
    )


@contextmanager
def echoing(flavour: Flavour) -> Iterator[int]:
    """Runs in a thread of its own; yields the port."""
    server = uvicorn.Server(_config(flavour, 0))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.005)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = server.force_exit = True
        thread.join()


if __name__ == "__main__":
    uvicorn.Server(_config(sys.argv[1], int(sys.argv[2]))).run()  # type: ignore[arg-type]
