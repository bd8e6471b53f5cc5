"""What the client raises.

ParlanceError
├── Unreachable         no WebSocket could be opened: nobody listens, or the handshake was refused
├── Disconnected        the connection ended, with a close code of the protocol's section 8
├── RequestFailed       the server answered with an ``error`` frame
├── RequestTimeout      no answer in time: the outcome is unknown, repeat with the same key
├── Stopped             the client gave up for good; the text says why
└── ProtocolViolation   the server did what the protocol does not allow
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from parlance_client.frames import Error

Verdict = Literal["retry", "renew", "stop"]
"""What to do after a close: come back, come back with another token, or not at all."""

# Closed by the client's own fault: the same again would end the same way. 4408 and 4429 ask to come back.
_DO_NOT_RECONNECT = frozenset({1007, 1009, *range(4400, 4500)} - {4401, 4408, 4429})

# An ``error`` in place of the welcome, as the close that follows it.
_CLOSE_OF_ERROR = {400: 4400, 401: 4401, 403: 4403, 429: 4429}


def after_close(code: int) -> Verdict:
    """The protocol's table of close codes (section 8) as a function."""
    if code == 4401:
        return "renew"
    return "stop" if code in _DO_NOT_RECONNECT else "retry"


def close_of_error(code: int) -> int:
    """The close code that means the same as an ``error`` answer to ``connect``."""
    return _CLOSE_OF_ERROR.get(code, 4503)


class ParlanceError(Exception):
    """Everything below; see the module's text."""


class Unreachable(ParlanceError):
    """``status``: the HTTP status that refused the handshake, None when there was no HTTP answer."""

    def __init__(self, url: str, reason: str, status: int | None = None) -> None:
        super().__init__(f"can't connect to {url}: {reason}")
        self.status = status


class Disconnected(ParlanceError):
    """``after_ms``: how long the server's ``goodbye`` asked to stay away, 0 without one."""

    def __init__(self, code: int, reason: str = "", after_ms: int = 0) -> None:
        super().__init__(f"connection closed with {code} {reason}".strip())
        self.code = code
        self.reason = reason
        self.after_ms = after_ms

    @property
    def may_reconnect(self) -> bool:
        """Whether coming back can help; after 4401 only with another token."""
        return after_close(self.code) != "stop"


class RequestFailed(ParlanceError):
    """The server's ``error`` frame. With ``temporary`` the same request may succeed later, keys make that safe."""

    def __init__(self, error: Error) -> None:
        super().__init__(f"{error.code} {error.name}: {error.message}")
        self.code = error.code
        self.name = error.name
        self.temporary = bool(error.temporary)
        self.retry_after_ms = error.retry_after_ms or 0


class RequestTimeout(ParlanceError):
    """No answer in time. What was asked may have happened: repeat it with the same key."""


class Stopped(ParlanceError):
    """The client will not come back by itself: closed, banned, a token that nobody renews, a protocol error."""


class ProtocolViolation(ParlanceError):
    """The server did what the protocol does not allow: a defect, of the server or of this client."""
