"""REST requests as spans, in the caller's trace where there is one (W3C Trace Context, HTTP semantic conventions)."""

from __future__ import annotations

from opentelemetry.context import Context
from opentelemetry.trace import SpanKind, Status, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_W3C = TraceContextTextMapPropagator()


def context_of(scope: Scope) -> Context:
    """What ``traceparent`` and ``tracestate`` say; an empty context where they say nothing, or nonsense."""
    return _W3C.extract(dict(Headers(scope=scope)), Context())


class TracedHttp:
    """An ASGI application for HTTP alone."""

    def __init__(self, tracer: Tracer, app: ASGIApp) -> None:
        self._tracer = tracer
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        about = {"http.request.method": scope["method"], "url.path": scope["path"], "url.scheme": scope["scheme"]}
        with self._tracer.start_as_current_span(
            scope["method"], context=context_of(scope), kind=SpanKind.SERVER, attributes=about
        ) as span:

            async def answered(message: Message) -> None:
                if message["type"] == "http.response.start":
                    span.set_attribute("http.response.status_code", message["status"])
                    if message["status"] >= 500:
                        span.set_status(Status(StatusCode.ERROR))
                        span.set_attribute("error.type", str(message["status"]))
                await send(message)

            await self._app(scope, receive, answered)
            route = getattr(scope.get("route"), "path_format", None)
            if route is not None:
                span.update_name(f"{scope['method']} {route}")
                span.set_attribute("http.route", route)
