"""What routes share: who asks, for what, with which key; how answers are written, and which errors may come."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, cast
from urllib.parse import urlencode

import msgspec
from fastapi import APIRouter, Depends, Header, Path, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.responses import Response

from server import errors
from server.chat.access import CONVERSATION_PREFIX
from server.chat.administration import NotSupported
from server.chat.peer import Caller
from server.errors import BadFrame, ProtocolError, Unauthenticated
from server.transport.http.bodies import JsonRoute
from server.transport.http.desk import Desk
from server.transport.http.models import Problem
from server.transport.http.problems import MEDIA_TYPE, MethodNotAllowed
from server.wire.codec import JSON
from server.wire.frames import ServerFrame


def desk_of(request: Request) -> Desk:
    """The desk that the application was built with."""
    desk: Desk = request.app.state.desk
    return desk


_BEARER = HTTPBearer(
    scheme_name="token",
    bearerFormat="JWT",
    description="The same tokens as over the socket: `parlance token`, `POST /v1/tokens`, or your own system's.",
    auto_error=False,
)


async def _caller(request: Request, given: Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)]) -> Caller:
    if given is None:
        raise Unauthenticated("a token is needed, as the header Authorization: Bearer <JWT>")
    request.state.caller = await desk_of(request).caller(
        given.credentials, request.client.host if request.client else ""
    )
    return cast(Caller, request.state.caller)


def _channel(channel: Annotated[str, Path(description="A conversation: `conv:<ulid>`, or its ULID alone.")]) -> str:
    return channel if channel.startswith(CONVERSATION_PREFIX) else CONVERSATION_PREFIX + channel


CallerDep = Annotated[Caller, Depends(_caller)]
DeskDep = Annotated[Desk, Depends(desk_of)]
ChannelDep = Annotated[str, Depends(_channel)]
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        description="1 to 64 characters; the same key with the same content does nothing twice. Or `key` in the body.",
    ),
]


def key_of(header: str | None, body: str | None) -> str:
    """The idempotency key, from where it was given. ``BadFrame`` for none, and for two that differ.

    The header's value may stand in quotes, as a structured field's does (draft-ietf-httpapi-idempotency-key-header).
    """
    if header is not None and len(header) >= 2 and header[0] == header[-1] == '"':
        header = header[1:-1]
    if header is not None and body is not None and header != body:
        raise BadFrame("the header Idempotency-Key and the body's key differ")
    key = body if header is None else header
    if not key:
        raise BadFrame("a key is needed: the header Idempotency-Key, or key in the body (1 to 64 characters)")
    return key


def reply(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A frame, or any other JSON value, as the answer; without the ``id`` and ``type`` that the socket needs."""
    plain = msgspec.to_builtins(value)
    if isinstance(value, ServerFrame):
        plain = {name: part for name, part in plain.items() if name not in ("id", "type")}
    return Response(JSON.encode(plain), status, {"cache-control": "no-store", **(headers or {})}, "application/json")


def next_link(path: str, **query: object) -> dict[str, str]:
    """The header that leads to the next page (RFC 8288)."""
    return {"link": f'<{path}?{urlencode(query)}>; rel="next"'}


_ERRORS: dict[type[ProtocolError], str] = {
    errors.BadFrame: "The request is not valid: a field is missing, mistyped or out of bounds.",
    errors.Unauthenticated: "No token, or one that is invalid, expired or revoked.",
    errors.Forbidden: "Not for this kind of user, or the user is banned.",
    errors.NotFound: "There is no such thing, or it is not yours; nobody can tell which.",
    MethodNotAllowed: "The path knows other methods only (HTTP).",
    errors.Conflict: "In conflict with what there is: the key was used otherwise, somebody else holds the claim.",
    errors.TooLarge: "Too many bytes.",
    errors.Invalid: "A text, rating or value that can't be taken.",
    errors.RateLimited: "Too much at once; try again after `retry_after_ms` (HTTP: also `Retry-After`).",
    errors.Internal: "Our fault.",
    NotSupported: "Not with this server's configuration (HTTP).",
    errors.Unavailable: "The store is away or too slow; the outcome may be unknown. Repeat with the same key.",
}
_MEANINGS = {kind.code: meaning for kind, meaning in _ERRORS.items()}
_ALWAYS = (400, 401, 403, 422, 429, 503)


def error_table() -> list[dict[str, Any]]:
    """Every error as ``{code, name, meaning}``, for the page that explains them."""
    return [{"code": kind.code, "name": kind.name, "meaning": meaning} for kind, meaning in _ERRORS.items()]


def problems(*codes: int) -> dict[int | str, dict[str, Any]]:
    """The errors that a route may answer with, beside those that any may."""
    schema = {"$ref": f"#/components/schemas/{Problem.__name__}"}
    return {
        code: {"description": _MEANINGS[code], "content": {MEDIA_TYPE: {"schema": schema}}}
        for code in sorted({*_ALWAYS, *codes})
    }


def router(tag: str, prefix: str = "", *codes: int) -> APIRouter:
    """Routes of one topic; ``codes``: errors of all of them, see ``problems``."""
    return APIRouter(route_class=JsonRoute, prefix=prefix, tags=[tag], responses=problems(*codes))
