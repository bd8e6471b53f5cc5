"""Where tokens come from, and when they end."""

from __future__ import annotations

import base64
import binascii
import inspect
import json
import math
from collections.abc import Awaitable, Callable

TokenSource = Callable[[], str | Awaitable[str]]
"""Gives a token of the same user, valid from now on; may ask a back end for it."""


async def fresh_token(source: TokenSource) -> str:
    """Ask the source."""
    given = source()
    return await given if inspect.isawaitable(given) else given


def expires_in_s(token: str, now_s: float) -> float:
    """Seconds until the ``exp`` of a JWT, read without checking its signature, which is the server's to check.

    Infinity where it can't be read: the server will say when it ends.
    """
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return float(claims["exp"]) - now_s
    except (IndexError, KeyError, TypeError, ValueError, binascii.Error):
        return math.inf
