"""Tokens of agents and customers, from the server under load itself (``POST /v1/tokens``), with an admin's."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

WITHIN_S = 10.0
TRIES = 30


class IssueError(Exception):
    """The server gives no token, or takes no word to everybody; the text says why."""


class Admin:
    """What the load test may ask of the REST side. ``token``: an admin's."""

    def __init__(self, websocket_url: str, token: str, *, sleep: Callable[[float], None] = time.sleep) -> None:
        parts = urlsplit(websocket_url)
        self._base = f"{'https' if parts.scheme == 'wss' else 'http'}://{parts.netloc}"
        self._token = token
        self._sleep = sleep

    def token_of(self, user_id: str, kind: str, ttl_s: int) -> str:
        """A token of that user. Raises ``IssueError``."""
        answer = self._post("/v1/tokens", {"user_id": user_id, "kind": kind, "name": user_id, "ttl_s": ttl_s})
        return str(answer["token"])

    def announce(self, data: dict[str, Any]) -> None:
        """Tell everybody who is connected. Raises ``IssueError``."""
        self._post("/v1/system", {"name": "status", "data": data})

    def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        request = urllib.request.Request(self._base + path, json.dumps(body).encode(), headers)  # noqa: S310
        for _ in range(TRIES):
            try:
                with urllib.request.urlopen(request, timeout=WITHIN_S) as answer:  # noqa: S310
                    parsed: dict[str, Any] = json.loads(answer.read())
                    return parsed
            except urllib.error.HTTPError as error:
                problem = error.read().decode(errors="replace")[:300]
                if error.code != 429:
                    raise IssueError(f"POST {path}: HTTP {error.code}: {problem}") from None
                self._sleep(float(error.headers.get("Retry-After") or 1))
            except OSError as error:
                raise IssueError(f"POST {path}: {error}") from None
        raise IssueError(f"POST {path}: still refused with 429 after {TRIES} tries")
