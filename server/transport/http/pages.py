"""The pages of customers, agents and admins, with headers that let a page load nothing from elsewhere."""

from __future__ import annotations

from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

WEB = Path(__file__).resolve().parents[2] / "web"

_HEADERS = {
    "content-security-policy": (
        "default-src 'self'; connect-src 'self'; img-src 'self' data:; object-src 'none'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}
# Files carry no version in their names yet, so a browser asks each time and mostly hears 304.
_RAW_HEADERS = [(name.encode(), value.encode()) for name, value in (_HEADERS | {"cache-control": "no-cache"}).items()]


class SecureHeaders:
    """Adds the security headers to every HTTP answer. What an answer says itself holds, such as how to cache it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_secured(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = message.get("headers", ())
                names = {name for name, _ in given}
                message["headers"] = [*given, *((name, value) for name, value in _RAW_HEADERS if name not in names)]
            await send(message)

        await self._app(scope, receive, send_secured)


async def _index(request: Request) -> Response:  # noqa: ARG001  (starlette calls it so)
    return FileResponse(WEB / "index.html", media_type="text/html; charset=utf-8")


async def _admin(request: Request) -> Response:  # noqa: ARG001
    # The pages themselves tell nothing: what they show comes over the socket, to those who may see it.
    return FileResponse(WEB / "admin.html", media_type="text/html; charset=utf-8")


async def _knowledge(request: Request) -> Response:  # noqa: ARG001
    return FileResponse(WEB / "knowledge.html", media_type="text/html; charset=utf-8")


async def _agent(request: Request) -> Response:  # noqa: ARG001
    return FileResponse(WEB / "agent.html", media_type="text/html; charset=utf-8")


async def _favicon(request: Request) -> Response:  # noqa: ARG001
    return FileResponse(WEB / "static" / "favicon.svg", media_type="image/svg+xml")


def page_routes() -> list[BaseRoute]:
    """``/``, ``/admin``, ``/admin/knowledge``, ``/agent``, ``/favicon.ico`` and ``/static/…``."""
    return [
        Route("/", _index),
        Route("/admin", _admin),
        Route("/admin/knowledge", _knowledge),
        Route("/agent", _agent),
        Route("/favicon.ico", _favicon),
        Mount("/static", StaticFiles(directory=WEB / "static")),
    ]
