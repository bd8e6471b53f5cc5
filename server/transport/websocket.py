"""``GET /ws``: who is let in, and every open connection of this worker."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

from server.chat.peer import Claims
from server.chat.quotas import Doorkeeper
from server.chat.service import Chat
from server.clock import Clock
from server.session.machine import TOO_MANY_AFTER_MS
from server.telemetry import Metrics
from server.transport.connection import Connection, ConnectionLimits, Services
from server.transport.protocol import EXTENSION, WireProtocol
from server.transport.wheel import Wheel
from server.wire.closing import CloseCode
from server.wire.codec import CODECS, Codec, negotiate
from server.wire.requests import Connect

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class Doorman:
    """Whom the handshake lets in. ``allowed_origins``: further origins of pages beside the server's own.

    ``local_only``: a server for this machine alone. Then the server's own names are the loopback ones, since any page
    can give a name of its own the address 127.0.0.1 (DNS rebinding).
    """

    allowed_origins: frozenset[str]
    local_only: bool

    def allows(self, origin: str | None, host: str | None) -> bool:
        """Browsers always send ``Origin`` (RFC 6455 §10.2); other programs may leave it out."""
        if origin is None:
            return True
        if origin.rstrip("/").lower() in self.allowed_origins:
            return True
        if host is None:
            return False
        try:
            page, own = urlsplit(origin), urlsplit(f"//{host}")
            default_port = {"http": 80, "https": 443}.get(page.scheme)
            same = (page.hostname, page.port or default_port) == (own.hostname, own.port or default_port)
        except ValueError:  # no URL at all
            return False
        return same and page.hostname is not None and (not self.local_only or page.hostname in LOOPBACK_NAMES)


class WebSocketEndpoint:
    """An ASGI application for one path; it knows every open connection of this worker."""

    def __init__(
        self,
        *,
        chat: Chat,
        clock: Clock,
        metrics: Metrics,
        limits: ConnectionLimits,
        doorman: Doorman,
        doorkeeper: Doorkeeper,
        authenticate: Callable[[Connect, str], Awaitable[Claims]],
        new_id: Callable[[], str],
        rng: random.Random,
    ) -> None:
        self.make_connection: Callable[..., Connection] = Connection
        self._services = Services(chat, clock, metrics, limits, authenticate)
        self._doorman = doorman
        self._doorkeeper = doorkeeper
        self._new_id = new_id
        self._rng = rng
        self._connections: set[Connection] = set()
        self._wheel: Wheel | None = None
        self._draining = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse the handshake, or accept it and take the connection over."""
        headers = Headers(scope=scope)
        codec = negotiate(scope["subprotocols"])
        if self._draining:
            await _refuse(send, 503, "the server is draining; try again in a moment")
        elif not self._doorman.allows(headers.get("origin"), headers.get("host")):
            await _refuse(send, 403, "this origin may not connect; add it to allowed_origins")
        elif codec is None:
            known = ", ".join(codec.subprotocol for codec in CODECS)
            await _refuse(send, 400, f"unknown subprotocol; this server speaks {known}")
        else:
            subprotocol = codec.subprotocol if scope["subprotocols"] else None
            await receive()
            await send({"type": "websocket.accept", "subprotocol": subprotocol})
            wire: WireProtocol = scope["extensions"][EXTENSION]
            self._take_over(wire, codec, scope["client"][0] if scope.get("client") else "")

    def _take_over(self, wire: WireProtocol, codec: Codec, address: str) -> None:
        """From here on the connection calls us; the ASGI call ends."""
        may_stay = self._doorkeeper.enter(address)
        connection = self.make_connection(
            wire,
            codec,
            self._services,
            session_id=self._new_id(),
            address=address,
            on_end=self._left if may_stay else lambda _: None,
        )
        if may_stay:
            self._connections.add(connection)
            self._services.metrics.connections.inc()
        if self._wheel is None:
            self._wheel = Wheel(wire.loop.time, wire.loop.call_later)
        wire.adopt(connection, self._wheel, self._services.limits.outbox_max_bytes)
        if not may_stay:
            connection.close(CloseCode.TOO_MANY, "too many connections", after_ms=self._come_back_ms())
        elif self._draining:  # since the handshake began: the drain did not see it
            connection.close(CloseCode.DRAINING, "draining", after_ms=self._come_back_ms())

    def _left(self, connection: Connection) -> None:
        self._connections.discard(connection)
        self._services.metrics.connections.dec()
        self._doorkeeper.leave(connection.address)

    def _come_back_ms(self) -> int:
        """Jittered, so that those who were refused together don't come back together."""
        return self._rng.randint(TOO_MANY_AFTER_MS, 2 * TOO_MANY_AFTER_MS)

    async def drain(self, within_ms: int) -> None:
        """Say goodbye to everybody, spread over ``within_ms`` so that they don't all come back at once."""
        self._draining = True
        leaving = list(self._connections)
        if not leaving:
            return
        pause_s = within_ms / 1000 / 2 / len(leaving)
        for connection in leaving:
            connection.close(CloseCode.DRAINING, "draining", after_ms=self._rng.randint(100, max(200, within_ms)))
            await asyncio.sleep(pause_s if len(leaving) > 1 else 0)


async def _refuse(send: Send, status: int, reason: str) -> None:
    """Answer the handshake with an HTTP error instead (ASGI's websocket.http.response extension)."""
    headers = [(b"content-type", b"text/plain; charset=utf-8")]
    await send({"type": "websocket.http.response.start", "status": status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": reason.encode()})
