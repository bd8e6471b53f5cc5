"""Close codes of PROTOCOL §8, in ranges that tell a client whether to come back.

4400–4499: the client is at fault. 4500–4999: reconnect and resume.
"""

from __future__ import annotations

from enum import IntEnum


class CloseCode(IntEnum):
    """Why the server ends a connection."""

    NOT_UTF8 = 1007
    MESSAGE_TOO_LARGE = 1009
    PROTOCOL_VIOLATED = 4400
    UNAUTHENTICATED = 4401
    BANNED = 4403
    NO_CONNECT = 4408
    TOO_MANY = 4429
    DRAINING = 4500
    TOO_SLOW = 4501
    INTERNAL = 4503
