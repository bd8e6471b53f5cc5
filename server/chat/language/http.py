"""What writers over HTTP share: one client per writer, and failures as types. Bodies of errors stay out of the log."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import httpx2
import msgspec

from server.chat.language.values import FailureKind, WriterFailure

MAX_RETRY_AFTER_MS: Final = 600_000
MAX_ERROR_BYTES: Final = 10_000
KEEPALIVE_S: Final = 30.0
_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,60}")

# The first that fits; a stream that can't be read ends in mid-answer as one that was cut.
_KINDS: Final[tuple[tuple[type[Exception], FailureKind], ...]] = (
    (httpx2.SSEError, "malformed"),
    (httpx2.DecodingError, "malformed"),
    (httpx2.ConnectError, "connect"),
    (httpx2.ConnectTimeout, "connect"),
    (httpx2.PoolTimeout, "connect"),
    (httpx2.ProxyError, "connect"),
    (httpx2.UnsupportedProtocol, "refused"),
    (httpx2.HTTPError, "cut"),
    (httpx2.StreamError, "cut"),
    (httpx2.InvalidURL, "refused"),
)


def new_client(headers: Mapping[str, str], *, connect_s: float, most: int) -> httpx2.AsyncClient:
    """At most ``most`` connections, kept for the next request. How long an answer may take is the caller's to say."""
    return httpx2.AsyncClient(
        headers=headers,
        timeout=httpx2.Timeout(None, connect=connect_s, pool=connect_s),
        limits=httpx2.Limits(max_connections=most, max_keepalive_connections=most, keepalive_expiry=KEEPALIVE_S),
        follow_redirects=False,  # a redirect would take the key to wherever it points
    )


@contextmanager
def failures(who: str) -> Iterator[None]:
    """What goes wrong within becomes ``WriterFailure``, which names ``who``."""
    try:
        yield
    except (httpx2.HTTPError, httpx2.StreamError, httpx2.InvalidURL) as error:
        kind = next(kind for type_, kind in _KINDS if isinstance(error, type_))
        raise WriterFailure(kind, f"{who}: {type(error).__name__}") from None


async def within_status(response: httpx2.Response, who: str) -> None:
    """``WriterFailure`` unless the status is 200."""
    status = response.status_code
    if status == httpx2.codes.OK:
        return
    kind: FailureKind = "refused"
    if status == httpx2.codes.TOO_MANY_REQUESTS:
        kind = "busy"
    elif status >= 500 or status == httpx2.codes.REQUEST_TIMEOUT:
        kind = "server"
    said = await _error_name(response)
    raise WriterFailure(
        kind, f"{who} answered {status}{said}", retry_after_ms=retry_after_ms(response.headers.get("retry-after"))
    )


def retry_after_ms(value: str | None) -> int | None:
    """Whole seconds of RFC 9110 §10.2.3; its dates are rare and depend on two clocks: not read."""
    if value is None or not value.strip().isdecimal() or len(value) > 9:
        return None
    return min(int(value) * 1_000, MAX_RETRY_AFTER_MS)


async def _error_name(response: httpx2.Response) -> str:
    """The error's ``code`` or ``type``, where there is one that is a mere name: what else is said may hold secrets."""
    body = b""
    async for piece in response.aiter_bytes():
        body += piece
        if len(body) > MAX_ERROR_BYTES:
            return ""
    try:
        error: Any = msgspec.json.decode(body)["error"]
        names = [error[key] for key in ("code", "type") if isinstance(error.get(key), str)]
    except (msgspec.MsgspecError, UnicodeDecodeError, KeyError, TypeError, AttributeError):
        return ""
    return next((f" ({name})" for name in names if _NAME.fullmatch(name)), "")
