"""What shows a webhook that a request is ours and fresh: HMAC-SHA256 (RFC 2104) over time stamp and body (pure).

The receiver computes the same over the bytes as they came, compares in constant time, and refuses stamps that are more
than ``TOLERANCE_S`` off, so that a request that was overheard can't be played again later.
"""

from __future__ import annotations

import hmac
from typing import Final

TIMESTAMP_HEADER: Final = "parlance-timestamp"
SIGNATURE_HEADER: Final = "parlance-signature"
SCHEME: Final = "v1"
TOLERANCE_S: Final = 300


def signature(secret: bytes, timestamp_s: int, body: bytes) -> str:
    """``v1=`` and the hexadecimal HMAC of ``<timestamp>.<body>``."""
    return f"{SCHEME}={hmac.digest(secret, f'{timestamp_s}.'.encode() + body, 'sha256').hex()}"


def is_genuine(secret: bytes, timestamp_s: int, body: bytes, given: str, *, now_s: int) -> bool:
    """What a receiver in Python would ask."""
    fresh = abs(now_s - timestamp_s) <= TOLERANCE_S
    return hmac.compare_digest(signature(secret, timestamp_s, body).encode(), given.encode()) and fresh
