"""The opening handshake (RFC 6455 §4), answered by the ASGI application; nothing of it outlives the answer."""

from __future__ import annotations

import asyncio
import email.utils
import logging
from collections.abc import Callable, MutableMapping
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import unquote

from uvicorn.protocols.utils import ClientDisconnected
from websockets.datastructures import Headers
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory
from websockets.http11 import Request, Response
from websockets.server import ServerProtocol

from server.wire.opening import Header, Opening, switching

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

    __slots__ = ("_accepting", "_app", "_asked", "_conn", "_default_headers", "_gone", "_started", "_wire", "scope")

    def __init__(self, wire: WireProtocol, config: Config, default_headers: list[Header]) -> None:
        self._wire = wire
        self._default_headers = default_headers
        self._app = config.loaded_app
        self._conn: ServerProtocol | None = None
        self._accepting: Callable[[list[Header]], bytes] | None = None  # None: answered
        self._asked = False
        self._gone: asyncio.Future[None] | None = None
        self._started: tuple[int, Headers, bytes] | None = None
        self.scope: dict[str, Any] = {}

    def begin(self, data: bytes, opening: Opening | None) -> bool:
        """Read the request; True when the application is to be run, else the answer is written already."""
        if opening is None or (
            self._wire.config.ws_per_message_deflate and opening.all_of(b"sec-websocket-extensions")
        ):
            return self._begin_unusual(data)
        self._accepting = partial(switching, opening.accept)
        self.scope = self._scope(opening.target, opening.headers, opening.all_of(b"sec-websocket-protocol"))
        return True

    def _begin_unusual(self, data: bytes) -> bool:
        """Let websockets read and judge the request, and agree on extensions."""
        config = self._wire.config
        self._conn = conn = ServerProtocol(extensions=_extensions(config), max_size=config.ws_max_size, logger=LOGGER)
        conn.receive_data(data)
        request = next((event for event in conn.events_received() if isinstance(event, Request)), None)
        if request is None:
            self._wire.refused(NO_REQUEST)
            return False
        response = conn.accept(request)
        if response.status_code != HTTPStatus.SWITCHING_PROTOCOLS:
            self._refuse(response)
            return False
        self._accepting = partial(_switching, conn, response)
        headers = [
            (name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in request.headers.raw_items()
        ]
        offered = [value.encode("latin-1") for value in request.headers.get_all("Sec-WebSocket-Protocol")]
        self.scope = self._scope(request.path.encode("latin-1"), headers, offered)
        return True

    def _scope(self, target: bytes, headers: list[Header], offered: list[bytes]) -> dict[str, Any]:
        wire = self._wire
        raw_path, _, query = target.partition(b"?")
        root_path = wire.config.root_path
        return {
            "type": "websocket",
            "asgi": {"version": wire.config.asgi_version, "spec_version": "2.4"},
            "http_version": "1.1",
            "scheme": "wss" if wire.transport.get_extra_info("sslcontext") else "ws",
            "server": wire.transport.get_extra_info("sockname"),
            "client": wire.transport.get_extra_info("peername"),
            "root_path": root_path,
            "path": root_path + unquote(raw_path.decode("latin-1")),
            "raw_path": root_path.encode("latin-1") + raw_path,
            "query_string": query,
            "headers": headers,
            "subprotocols": [name.strip() for value in offered for name in value.decode("latin-1").split(",")],
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
        if self._accepting is not None:  # nothing was answered
            self._refuse(_plain(HTTPStatus.INTERNAL_SERVER_ERROR))

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
        if self._accepting is None:
            raise RuntimeError(f"{kind} after the handshake: the connection belongs to whoever has adopted its wire")
        if kind == "websocket.accept" and self._started is None:
            self._accept(message)
        elif kind == "websocket.close":
            self._refuse(_plain(HTTPStatus.FORBIDDEN))
        elif kind == "websocket.http.response.start":
            headers = Headers((name.decode("latin-1"), value.decode("latin-1")) for name, value in message["headers"])
            self._started = (message["status"], headers, b"")
        elif kind == "websocket.http.response.body" and self._started is not None:
            self._add_body(message)
        else:
            raise RuntimeError(f"{kind} is no answer to a handshake")

    def _accept(self, message: Event) -> None:
        accepting, self._accepting = self._accepting, None
        assert accepting is not None  # noqa: S101
        headers = [*self._default_headers, *message.get("headers", ())]
        if message.get("subprotocol"):
            headers.append((b"Sec-WebSocket-Protocol", message["subprotocol"].encode("latin-1")))
        self._wire.opened(accepting(headers), self._conn)

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
        self._accepting = None
        self._wire.refused(response.serialize())


def _plain(status: HTTPStatus) -> Response:
    body = status.phrase.encode()
    headers = Headers(
        {
            "Date": email.utils.formatdate(usegmt=True),
            "Connection": "close",
            "Content-Length": str(len(body)),
            "Content-Type": "text/plain; charset=utf-8",
        }
    )
    return Response(status.value, status.phrase, headers, body)


def _switching(conn: ServerProtocol, response: Response, headers: list[Header]) -> bytes:
    """The answer of websockets, which knows what was agreed on."""
    del response.headers["Date"]
    for name, value in headers:
        response.headers[name.decode("latin-1")] = value.decode("latin-1")
    conn.send_response(response)
    return b"".join(conn.data_to_send())


def _extensions(config: Config) -> list[ServerPerMessageDeflateFactory]:
    if not config.ws_per_message_deflate:
        return []
    # Small windows: what a chat says is short, and every connection pays for its own.
    return [
        ServerPerMessageDeflateFactory(
            server_max_window_bits=12, client_max_window_bits=12, compress_settings={"memLevel": 5}
        )
    ]
