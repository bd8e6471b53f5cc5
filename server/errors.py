"""Errors a client can be told about: each class is a row of PROTOCOL §8.

Whose fault it is and whether a retry can help is in the type, so nobody has to guess from a message.

    ProtocolError
    ├── ClientError           the client is at fault; the same request fails again
    │   ├── BadFrame          400
    │   ├── Unauthenticated   401
    │   ├── Forbidden         403  (Banned: the user may not come in at all)
    │   ├── NotFound          404
    │   ├── Conflict          409
    │   ├── TooLarge          413
    │   └── Invalid           422
    ├── RateLimited           429  temporary, with ``retry_after_ms``
    ├── Internal              500  ours
    └── Unavailable           503  temporary: repeat with the same ``key``
"""

from __future__ import annotations

import sys
from typing import ClassVar


class ProtocolError(Exception):
    """An answer of the error table. ``str(error)`` is the sentence that the client is shown."""

    code: ClassVar[int] = 500
    name: ClassVar[str] = "internal"
    temporary: ClassVar[bool] = False

    def __init__(self, message: str, *, retry_after_ms: int | None = None) -> None:
        super().__init__(message)
        self.retry_after_ms = retry_after_ms


class ClientError(ProtocolError):
    """The client is at fault; repeating the same request fails the same way."""


class BadFrame(ClientError):
    code = 400
    name = "bad_frame"


class Unauthenticated(ClientError):
    code = 401
    name = "unauthenticated"


class Forbidden(ClientError):
    code = 403
    name = "forbidden"


class Banned(Forbidden):
    """The user may not come in at all: close 4403."""


class NotFound(ClientError):
    code = 404
    name = "not_found"


class Conflict(ClientError):
    code = 409
    name = "conflict"


class TooLarge(ClientError):
    code = 413
    name = "too_large"


class Invalid(ClientError):
    code = 422
    name = "invalid"


class RateLimited(ProtocolError):
    code = 429
    name = "rate_limited"
    temporary = True


class Internal(ProtocolError):
    code = 500
    name = "internal"


class Unavailable(ProtocolError):
    """Store or backplane away, or too slow. The outcome may be unknown; the same ``key`` makes a repeat safe."""

    code = 503
    name = "unavailable"
    temporary = True


class StartupError(Exception):
    """The server can't start as configured. ``remedy`` is the sentence that says what to do; exit code 2."""

    exit_code: ClassVar[int] = 2

    def __init__(self, problem: str, remedy: str = "") -> None:
        super().__init__(f"{problem} {remedy}".strip())
        self.problem = problem
        self.remedy = remedy


def install_command(extra: str) -> str:
    """What installs an optional part for this very Python: a bare ``pip`` is another one's unless its environment is
    active, and would look for a package of our name elsewhere."""
    return f"{sys.executable} -m pip install 'parlance[{extra}]'"
