"""Bodies are bounded like the socket's messages."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send


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
                raise self._refusal()
            return message

        await self._app(scope, receive_some, send)

    def _refusal(self) -> HTTPException:
        return HTTPException(413, f"the body has more than {self._max_bytes:,} bytes")
