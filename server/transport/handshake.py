"""The opening handshake (RFC 6455 §4), answered by the ASGI application; nothing of it outlives the answer."""

from __future__ import annotations

import asyncio
import email.utils
import logging
from collections.abc import MutableMapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import unquote

from uvicorn.protocols.utils import ClientDisconnected
from websockets.datastructures import Headers
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory
from websockets.http11 import Request, Response
from websockets.server import ServerProtocol

if TYPE_CHECKING:
    from uvicorn.config import Config

    from server.transport.protocol import WireProtocol

Event = MutableMapping[str, Any]

# Key of the ASGI scope's ``extensions`` under which an endpoint finds its connection.
EXTENSION: Final = "parlance.wire"
# To what websockets does not take for a request: too many or too long lines.
NO_REQUEST: Final = b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
# One logger for all: ServerProtocol would make an adapter for each.
LOGGER: Final = logging.getLogger("websockets.server")

_log = logging.getLogger(__name__)


class Handshake:
    """One handshake. ``begin`` reads the request and starts the application, whose ``websocket.accept`` opens the wire;
    ``websocket.close`` or an HTTP response refuses it."""

    __slots__ = ("_app", "_asked", "_conn", "_default_headers", "_gone", "_response", "_started", "_wire", "scope")

    def __init__(self, wire: WireProtocol, config: Config, default_headers: list[tuple[bytes, bytes]]) -> None:
        self._wire = wire
        self._default_headers = default_headers
        self._app = config.loaded_app
        self._conn = ServerProtocol(extensions=_extensions(config), max_size=config.ws_max_size, logger=LOGGER)
        self._asked = False
        self._gone: asyncio.Future[None] | None = None
        self._response: Response | None = None
        self._started: tuple[int, Headers, bytes] | None = None
        self.scope: dict[str, Any] = {}

    def begin(self, data: bytes) -> bool:
        """Read the request; True when the application is to be run, else the answer is written already."""
        self._conn.receive_data(data)
        request = next((event for event in self._conn.events_received() if isinstance(event, Request)), None)
        if request is None:
            self._wire.refused(NO_REQUEST)
            return False
        self._response = self._conn.accept(request)
        if self._response.status_code != HTTPStatus.SWITCHING_PROTOCOLS:
            self._refuse(self._response)
            return False
        self.scope = self._scope(request)
        return True

    def _scope(self, request: Request) -> dict[str, Any]:
        wire = self._wire
        raw_path, _, query = request.path.partition("?")
        offered = request.headers.get_all("Sec-WebSocket-Protocol")
        return {
            "type": "websocket",
            "asgi": {"version": wire.config.asgi_version, "spec_version": "2.4"},
            "http_version": "1.1",
            "scheme": "wss" if wire.transport.get_extra_info("sslcontext") else "ws",
            "server": wire.transport.get_extra_info("sockname"),
            "client": wire.transport.get_extra_info("peername"),
            "root_path": wire.config.root_path,
            "path": wire.config.root_path + unquote(raw_path),
            "raw_path": (wire.config.root_path + raw_path).encode("latin-1"),
            "query_string": query.encode("latin-1"),
            "headers": [
                (name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in request.headers.raw_items()
            ],
            "subprotocols": [name.strip() for header in offered for name in header.split(",")],
            "state": {},
            "extensions": {"websocket.http.response": {}, EXTENSION: wire},
        }

    async def run(self) -> None:
        """The application's part; afterwards the connection is adopted, refused or closed."""
        try:
            await self._app(cast(Any, self.scope), self._receive, self._send)
        except ClientDisconnected:
            return
        except Exception:
            _log.exception("the application failed in a handshake")
        if self._response is not None:  # nothing was answered
            self._refuse(self._conn.reject(HTTPStatus.INTERNAL_SERVER_ERROR, "Internal Server Error"))

    def lost(self) -> None:
        """The client has gone."""
        if self._gone is not None and not self._gone.done():
            self._gone.set_result(None)

    async def _receive(self) -> Event:
        if not self._asked:
            self._asked = True
            return {"type": "websocket.connect"}
        if not self._wire.transport.is_closing():
            self._gone = asyncio.get_running_loop().create_future()
            await self._gone
        return {"type": "websocket.disconnect", "code": 1006}

    async def _send(self, message: Event) -> None:
        if self._wire.transport.is_closing():
            raise ClientDisconnected
        kind = message["type"]
        if self._response is None:
            raise RuntimeError(f"{kind} after the handshake: the connection belongs to whoever has adopted its wire")
        if kind == "websocket.accept" and self._started is None:
            self._accept(message)
        elif kind == "websocket.close":
            self._refuse(self._conn.reject(HTTPStatus.FORBIDDEN, ""))
        elif kind == "websocket.http.response.start":
            headers = Headers((name.decode("latin-1"), value.decode("latin-1")) for name, value in message["headers"])
            self._started = (message["status"], headers, b"")
        elif kind == "websocket.http.response.body" and self._started is not None:
            self._add_body(message)
        else:
            raise RuntimeError(f"{kind} is no answer to a handshake")

    def _accept(self, message: Event) -> None:
        response, self._response = self._response, None
        assert response is not None  # noqa: S101
        del response.headers["Date"]
        for name, value in (*self._default_headers, *message.get("headers", ())):
            response.headers[name.decode("latin-1")] = value.decode("latin-1")
        if message.get("subprotocol"):
            response.headers["Sec-WebSocket-Protocol"] = message["subprotocol"]
        self._conn.send_response(response)
        self._wire.opened(b"".join(self._conn.data_to_send()), self._conn)

    def _add_body(self, message: Event) -> None:
        assert self._started is not None  # noqa: S101
        status, headers, body = self._started
        body += message.get("body", b"")
        self._started = (status, headers, body)
        if message.get("more_body", False):
            return
        for name, value in (
            ("Date", email.utils.formatdate(usegmt=True)),
            ("Connection", "close"),
            ("Content-Length", str(len(body))),
            ("Content-Type", "text/plain; charset=utf-8"),
        ):
            headers.setdefault(name, value)
        self._refuse(Response(status, HTTPStatus(status).phrase, headers, body))

    def _refuse(self, response: Response) -> None:
        self._response = None
        self._conn.send_response(response)
        self._wire.refused(b"".join(self._conn.data_to_send()))


def _extensions(config: Config) -> list[ServerPerMessageDeflateFactory]:
    if not config.ws_per_message_deflate:
        return []
    # Small windows: what a chat says is short, and every connection pays for its own.
    return [
        ServerPerMessageDeflateFactory(
            server_max_window_bits=12, client_max_window_bits=12, compress_settings={"memLevel": 5}
        )
    ]
