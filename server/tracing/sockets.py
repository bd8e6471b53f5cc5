"""Messages that come over sockets as spans: from the first byte's decoding to the ack.

A handshake's ``traceparent`` makes every message of that connection part of the caller's trace. Browsers can't send
one: their messages begin traces of their own.
"""

from __future__ import annotations

import time
from collections.abc import Coroutine
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from typing import Any

from opentelemetry import trace
from opentelemetry.context import attach, detach, get_current
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer, set_span_in_context
from starlette.types import Receive, Scope
from starlette.types import Send as Write

from server.errors import ProtocolError
from server.tracing.http import context_of
from server.transport.connection import Connection
from server.transport.websocket import WebSocketEndpoint
from server.wire.codec import Item, Undecodable
from server.wire.requests import Incoming, Send


class TracedEndpoint(WebSocketEndpoint):
    """Lets connections in as ``TracedConnection``."""

    def __init__(self, tracer: Tracer, **parts: Any) -> None:
        super().__init__(**parts)
        self.make_connection = partial(TracedConnection, tracer)

    async def __call__(self, scope: Scope, receive: Receive, send: Write) -> None:
        token = attach(context_of(scope))
        try:
            await super().__call__(scope, receive, send)
        finally:
            detach(token)


@dataclass(frozen=True, slots=True)
class Arrival:
    """When a frame's WebSocket message came and was decoded (Unix time), and how large it was."""

    came_ns: int
    decoded_ns: int
    size: int


@dataclass(slots=True)
class Sending:
    """A send's span. ``goes_on``: it ends with the commit, not with the checks before."""

    span: Span
    goes_on: bool = False


_SENDING: ContextVar[Sending] = ContextVar("sending")


class TracedConnection(Connection):
    """Tells of each ``send`` frame; other frames are not part of a turn."""

    __slots__ = ("_arrivals", "_parent", "_tracer")

    def __init__(self, tracer: Tracer, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._tracer = tracer
        self._parent = get_current()
        self._arrivals: dict[int, Arrival] = {}

    def _decode(self, message: bytes | str) -> list[Item | Undecodable]:
        came_ns = time.time_ns()
        items = super()._decode(message)
        arrival = Arrival(came_ns, time.time_ns(), len(message))
        self._arrivals.update({id(item): arrival for item in items if isinstance(item, Send)})
        return items

    async def _perform(self, frame: Incoming) -> None:
        if not isinstance(frame, Send):
            await super()._perform(frame)
            return
        sending = Sending(self._begin(frame))
        token = _SENDING.set(sending)
        try:
            with trace.use_span(sending.span):
                await super()._perform(frame)
        finally:
            _SENDING.reset(token)
            if not sending.goes_on:
                sending.span.end()

    def _begin(self, frame: Send) -> Span:
        arrival = self._arrivals.pop(id(frame), None)
        about = {
            "network.protocol.name": "websocket",
            "session.id": self.session_id,
            "parlance.channel": frame.channel,
            "parlance.subprotocol": self.codec.subprotocol,
            "parlance.user.kind": self.caller.user.kind,
        }
        came_ns = None if arrival is None else arrival.came_ns
        span = self._tracer.start_span(
            "send message", context=self._parent, kind=SpanKind.SERVER, start_time=came_ns, attributes=about
        )
        if arrival is not None:
            size = {"parlance.frame.size": arrival.size}
            decoding = self._tracer.start_span(
                "decode frame", context=set_span_in_context(span), start_time=came_ns, attributes=size
            )
            decoding.end(arrival.decoded_ns)
        return span

    def _guard(self, work: Coroutine[Any, Any, None], frame: Incoming) -> Coroutine[Any, Any, None]:
        sending = _SENDING.get()
        sending.goes_on = True
        return _ending(super()._guard(work, frame), sending.span)

    def _report(self, error: Exception, frame: Incoming) -> None:
        span = trace.get_current_span()
        span.set_attribute("error.type", error.name if isinstance(error, ProtocolError) else type(error).__qualname__)
        span.set_status(Status(StatusCode.ERROR))
        super()._report(error, frame)


async def _ending(work: Coroutine[Any, Any, None], span: Span) -> None:
    try:
        await work
    finally:
        span.end()
