"""``/widget.js``, the chat for pages of others, its words in other languages, and
``/widget.json``, which tells such a page whether it may connect."""

from __future__ import annotations

import asyncio
import functools
import gzip
import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from server import __version__
from server.transport.http.bundle import bundle
from server.transport.http.pages import WEB

ENTRY = "widget/main.js"
WORDS = WEB / "static" / "widget" / "words"

# Any page may load it, also one that takes nothing from elsewhere unasked (COEP).
_FOR_ALL = {"access-control-allow-origin": "*", "cross-origin-resource-policy": "cross-origin"}
# A page shows the copy it has and asks behind it: a new version arrives at the second look, at no visitor's cost.
_CACHE = {"cache-control": "public, max-age=300, stale-while-revalidate=86400", "vary": "accept-encoding"}


@dataclass(frozen=True, slots=True)
class Script:
    """``packed`` is ``plain`` under gzip; ``tag`` names this version (RFC 9110 §8.8.3)."""

    plain: bytes
    packed: bytes
    tag: str


@functools.cache
def widget_script() -> Script:
    """The modules of ``web/static`` as one script, made at the first call (some 10 ms)."""
    text = bundle(lambda path: (WEB / "static" / path).read_text(encoding="utf-8"), ENTRY)
    plain = f"/* Parlance {__version__}, Apache-2.0 */\n{text}".encode()
    return Script(plain, gzip.compress(plain, 9, mtime=0), f'"{hashlib.sha256(plain).hexdigest()[:20]}"')


async def _words(request: Request) -> Response:
    path = WORDS / f"{request.path_params['language']}.json"
    if path not in WORDS.iterdir():
        raise HTTPException(404)
    return FileResponse(path, media_type="application/json", headers={**_FOR_ALL, **_CACHE})


async def _widget(request: Request) -> Response:
    script = await asyncio.to_thread(widget_script)
    headers = {**_FOR_ALL, **_CACHE, "etag": script.tag}
    if script.tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    body = script.plain
    if "gzip" in request.headers.get("accept-encoding", ""):
        body = script.packed
        headers["content-encoding"] = "gzip"
    return Response(body, media_type="text/javascript; charset=utf-8", headers=headers)


def widget_routes(allows: Callable[[str | None, str | None], bool], guests_allowed: bool) -> list[BaseRoute]:
    """``allows(origin, host)``: whether the socket's handshake would let a page of that origin in.

    A browser hides from a page why its socket was refused, so the widget asks here and tells the console.
    """

    async def about(request: Request) -> Response:
        allowed = allows(request.headers.get("origin"), request.headers.get("host"))
        told = {"allowed": allowed, "guests": guests_allowed, "version": __version__}
        return JSONResponse(told, headers={**_FOR_ALL, "cache-control": "no-store"})

    return [
        Route("/widget.js", _widget),
        Route("/widget.json", about),
        Route("/widget/{language}.json", _words),
    ]
