"""What a new connection is, told by its first bytes: a WebSocket, as nearly all are, or anything else.

uvicorn makes an HTTP parser with its loggers, addresses and buffers for every connection, a tenth of what it costs to
let somebody in (measured). Here that is made for those only who need it.
"""

from __future__ import annotations

import asyncio
from asyncio import BaseTransport, Transport
from typing import Any, cast

from uvicorn.config import Config
from uvicorn.server import ServerState

from server.transport.guard import REQUEST_TIMEOUT, REQUEST_WITHIN_S, GuardedHttp
from server.transport.protocol import WireProtocol
from server.wire.opening import usual_opening


class Arrival(asyncio.Protocol):
    """One connection until its first bytes have come; then ``WireProtocol`` or ``GuardedHttp`` takes its place."""

    __slots__ = ("_app_state", "_config", "_deadline", "_loop", "_state", "_transport")

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self._config = config
        self._state = server_state
        self._app_state = app_state
        self._loop = _loop or asyncio.get_running_loop()
        self._transport: Transport = cast(Transport, None)
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: BaseTransport) -> None:
        self._transport = cast(Transport, transport)
        self._state.connections.add(self)  # type: ignore[arg-type]  # uvicorn asks of it no more than shutdown()
        self._deadline = self._loop.call_later(REQUEST_WITHIN_S, self._was_silent)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._leave()

    def data_received(self, data: bytes) -> None:
        opening = usual_opening(data) if self._config.ws_protocol_class is WireProtocol else None
        if opening is None:
            self._become_http().data_received(data)
            return
        self._leave()
        wire = WireProtocol(self._config, self._state, self._app_state)
        wire.connection_made(self._transport)
        self._transport.set_protocol(wire)
        wire.asked(data, opening)

    def shutdown(self) -> None:
        """The server ends."""
        self._transport.close()

    def _become_http(self) -> GuardedHttp:
        self._leave()
        http = GuardedHttp(self._config, self._state, self._app_state, self._loop)
        http.connection_made(self._transport)
        self._transport.set_protocol(http)
        return http

    def _was_silent(self) -> None:
        self._become_http().refuse(REQUEST_TIMEOUT)

    def _leave(self) -> None:
        self._state.connections.discard(self)
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
