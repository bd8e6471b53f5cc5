"""``/docs`` and ``/asyncapi.json``: what client authors read."""

from __future__ import annotations

import asyncio
from functools import cache

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Route

from server import __version__
from server.transport.http.pages import WEB
from server.wire.codec import JSON


@cache
def _asyncapi_body() -> bytes:
    from server.wire.asyncapi import asyncapi  # late: nobody at a start needs the notes and examples

    return JSON.encode(asyncapi(__version__))


async def _asyncapi(request: Request) -> Response:  # noqa: ARG001  (starlette calls it so)
    return Response(await asyncio.to_thread(_asyncapi_body), media_type="application/json")


async def _docs(request: Request) -> Response:  # noqa: ARG001
    return FileResponse(WEB / "docs.html", media_type="text/html; charset=utf-8")


def document_routes() -> list[BaseRoute]:
    """The page renders ``/openapi.json`` and ``/asyncapi.json`` with our own scripts: nothing comes from elsewhere."""
    return [Route("/docs", _docs), Route("/asyncapi.json", _asyncapi)]
