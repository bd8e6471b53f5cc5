"""An ASGI application that is built when it is first asked for something."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

_log = structlog.get_logger(__name__)


class Lazily:
    """FastAPI and its models take long to import, and a worker that only serves sockets never needs them.

    ``build`` runs once, in a thread, and sockets go on meanwhile; one that fails is tried again at the next request.
    """

    def __init__(self, build: Callable[[], ASGIApp]) -> None:
        self._build = build
        self._app: ASGIApp | None = None
        self._building = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request. What the application could not handle is logged here; it has been answered with 500."""
        app = await self._built()
        try:
            await app(scope, receive, send)
        except Exception:
            _log.exception("request failed", method=scope["method"], path=scope["path"])

    async def _built(self) -> ASGIApp:
        if self._app is None:
            async with self._building:
                if self._app is None:
                    self._app = await asyncio.to_thread(self._build)
        return self._app


def rest_routes(rest: ASGIApp) -> list[BaseRoute]:
    """Where the REST API is: it gets the whole path, as its document names it."""
    return [Route("/v1/{path:path}", rest), Route("/openapi.json", rest)]
