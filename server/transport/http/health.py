"""``/healthz``, ``/readyz`` and ``/metrics``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from server.errors import ProtocolError
from server.telemetry import Metrics


def health_routes(ready: Callable[[], Awaitable[None]], metrics: Metrics) -> list[BaseRoute]:
    """``ready`` raises a ``ProtocolError`` while the server can't do its work."""

    async def healthz(request: Request) -> Response:  # noqa: ARG001
        return JSONResponse({"status": "ok"})

    async def readyz(request: Request) -> Response:  # noqa: ARG001
        try:
            await ready()
        except ProtocolError as error:
            return JSONResponse({"status": "not ready", "reason": str(error)}, status_code=503)
        return JSONResponse({"status": "ready"})

    async def metrics_page(request: Request) -> Response:  # noqa: ARG001
        return Response(metrics.render(), media_type="text/plain; version=0.0.4; charset=utf-8")

    return [Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", metrics_page)]
