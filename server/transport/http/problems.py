"""Errors over HTTP: RFC 9457 problem details with the protocol's own code and name (PROTOCOL §8)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from server.errors import BadFrame, Internal, Invalid, ProtocolError, TooLarge, Unauthenticated

MEDIA_TYPE = "application/problem+json"
REALM = "parlance"
MAX_ERRORS_SHOWN = 20


class MethodNotAllowed(ProtocolError):
    """The path knows other methods only."""

    code = 405
    name = "method_not_allowed"


class NoSuchRoute(ProtocolError):
    code = 404
    name = "not_found"


class Problem(JSONResponse):
    """An error as a response, with the headers that belong to it."""

    media_type = MEDIA_TYPE

    def __init__(self, error: ProtocolError, more: Mapping[str, Any] | None = None) -> None:
        content = {
            "type": f"/docs#error-{error.code}",
            "title": error.name.replace("_", " ").capitalize(),
            "status": error.code,
            "detail": str(error),
            "code": error.code,
            "name": error.name,
            "temporary": error.temporary,
        }
        if error.retry_after_ms is not None:
            content["retry_after_ms"] = error.retry_after_ms
        super().__init__({**content, **(more or {})}, status_code=error.code, headers=_headers(error))


def _headers(error: ProtocolError) -> dict[str, str]:
    headers = {"cache-control": "no-store"}
    if isinstance(error, Unauthenticated):
        headers["www-authenticate"] = f'Bearer realm="{REALM}"'
    if error.retry_after_ms is not None:
        headers["retry-after"] = str(math.ceil(error.retry_after_ms / 1000))
    return headers


async def on_protocol_error(request: Request, error: Exception) -> Response:  # noqa: ARG001  (starlette calls it so)
    """What a verb refuses."""
    return Problem(error if isinstance(error, ProtocolError) else _unforeseen())


async def on_invalid_request(request: Request, error: Exception) -> Response:  # noqa: ARG001
    """What is no valid request: missing and mistyped fields are 400, as over the socket."""
    found: Sequence[Any] = error.errors() if isinstance(error, RequestValidationError) else []
    errors = [
        {"location": "/".join(str(part) for part in one["loc"]), "message": str(one["msg"])}
        for one in found[:MAX_ERRORS_SHOWN]
    ]
    sentence = "; ".join(f"{one['location']}: {one['message']}" for one in errors[:3]) or "the request is not valid"
    return Problem(BadFrame(sentence), {"errors": errors})


async def on_http_error(request: Request, error: Exception) -> Response:
    """What the router and the reading of bodies refuse."""
    if not isinstance(error, HTTPException):
        return Problem(_unforeseen())
    match error.status_code:
        case 404:
            problem = Problem(NoSuchRoute(f"there is no {request.url.path}; /openapi.json lists what there is"))
        case 405:
            problem = Problem(MethodNotAllowed(f"{request.method} is not for {request.url.path}"))
        case 413:
            problem = Problem(TooLarge(str(error.detail)))
        case 422:
            problem = Problem(Invalid(str(error.detail)))
        case _:
            problem = Problem(BadFrame(str(error.detail)))
    for name, value in (error.headers or {}).items():
        problem.headers[name] = value
    return problem


async def on_failure(request: Request, error: Exception) -> Response:  # noqa: ARG001
    """Our own fault, told without its particulars."""
    return Problem(_unforeseen())


def _unforeseen() -> ProtocolError:
    return Internal("something went wrong on our side")
