"""Bodies are bounded and read like the socket's messages."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec
from fastapi.routing import APIRoute
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.transport.http.auditing import noting

# Of a body that is too large already; the guard's deadline bounds how long it may take.
MAX_DISCARDED_BYTES = 4_000_000


class BodyLimit:
    """Refuses to read more than ``max_bytes`` of a request's body: 413, whatever ``Content-Length`` says or doesn't.

    An ``HTTPException`` is raised where the body is read, so the application answers in its own form.
    """

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        announced = Headers(scope=scope).get("content-length", "")
        read_bytes = 0

        async def receive_some() -> Message:
            nonlocal read_bytes
            if announced.isdecimal() and int(announced) > self._max_bytes:
                raise self._refusal()
            message = await receive()
            read_bytes += len(message.get("body", b""))
            if read_bytes > self._max_bytes:
                if message.get("more_body"):
                    await _discard(receive)
                raise self._refusal()
            return message

        await self._app(scope, receive_some, send)

    def _refusal(self) -> HTTPException:
        return HTTPException(413, f"the body has more than {self._max_bytes:,} bytes")


async def _discard(receive: Receive) -> None:
    """Read on for a while: a client that is cut off while it still sends may never see why."""
    left_bytes = MAX_DISCARDED_BYTES
    while left_bytes > 0:
        message = await receive()
        left_bytes -= len(message.get("body", b""))
        if not message.get("more_body"):
            return


class JsonRoute(APIRoute):
    """A route whose body is JSON as the socket's codec knows it: no NaN, no lone surrogates."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        noted = noting(super().get_route_handler(), self.tags, self.name)

        async def handle_strictly(request: Request) -> Response:
            return await noted(_JsonRequest(request.scope, request.receive))

        return handle_strictly


class _JsonRequest(Request):
    async def json(self) -> Any:
        body = await self.body()
        try:
            return msgspec.json.decode(body)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            if _is_json(body):  # what else msgspec refuses in JSON
                raise HTTPException(422, "a text holds a lone surrogate, which is no Unicode text") from error
            raise HTTPException(400, f"the body is no JSON: {error}") from error


def _is_json(body: bytes) -> bool:
    try:
        json.loads(body, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return False
    return True


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")
