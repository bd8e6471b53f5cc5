"""The socket under the client: opening one, and what its end means (sections 1 and 8 of the protocol)."""

from __future__ import annotations

from typing import Protocol

from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as websocket_connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.typing import Subprotocol

from parlance_client.encoding import Encoding
from parlance_client.errors import Disconnected, Unreachable
from parlance_client.frames import MAX_SERVER_MESSAGE_BYTES


class Socket(Protocol):
    """What the client needs of a WebSocket. ``recv`` and ``send`` raise ``Disconnected`` once it is closed."""

    async def send(self, data: bytes) -> None: ...

    async def recv(self) -> bytes: ...

    async def close(self) -> None: ...


class Dial(Protocol):
    """Opens a socket. Raises ``Unreachable``."""

    async def __call__(self, url: str, encoding: Encoding) -> Socket: ...


class _WebSocket:
    def __init__(self, connection: ClientConnection, encoding: Encoding) -> None:
        self._connection = connection
        self._encoding = encoding

    async def send(self, data: bytes) -> None:
        try:
            await self._connection.send(data, text=self._encoding.text)
        except ConnectionClosed as closed:
            raise _disconnected(closed) from closed

    async def recv(self) -> bytes:
        try:
            return await self._connection.recv(decode=False)
        except ConnectionClosed as closed:
            raise _disconnected(closed) from closed

    async def close(self) -> None:
        await self._connection.close()


async def dial(url: str, encoding: Encoding) -> Socket:
    """Open a WebSocket that speaks ``encoding``. Raises ``Unreachable``."""
    try:
        connection = await websocket_connect(
            url,
            subprotocols=[Subprotocol(encoding.subprotocol)],
            compression=None,  # off on the server by default, and it costs memory on both sides
            max_size=MAX_SERVER_MESSAGE_BYTES,
            ping_interval=None,  # the server pings; answering is the library's work
        )
    except InvalidStatus as refused:
        status = refused.response.status_code
        raise Unreachable(url, f"the handshake was refused with HTTP {status}", status) from refused
    except (OSError, InvalidHandshake, TimeoutError) as failed:
        raise Unreachable(url, str(failed) or type(failed).__name__) from failed
    if connection.subprotocol != encoding.subprotocol:
        await connection.close()
        raise Unreachable(url, f"the server chose the subprotocol {connection.subprotocol!r}")
    return _WebSocket(connection, encoding)


def _disconnected(closed: ConnectionClosed) -> Disconnected:
    # RFC 6455 §7.1.5: 1006 where the connection ended without a close frame.
    received = closed.rcvd
    return Disconnected(received.code, received.reason) if received else Disconnected(1006)
