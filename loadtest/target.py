"""Where the server under load is, and whether it is there."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from urllib.parse import urlsplit

from loadtest.client import Client
from parlance_client.errors import ParlanceError, RequestFailed, Unreachable


class TargetError(Exception):
    """The server can't be put under load; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Target:
    """A server that answered. ``version`` is its own."""

    url: str
    version: str


def websocket_url(host: str) -> str:
    """``ws://127.0.0.1:8000`` → ``ws://127.0.0.1:8000/ws``; http(s) becomes ws(s). Raises ``TargetError``."""
    parts = urlsplit(host if "//" in host else f"ws://{host}")
    scheme = {"http": "ws", "https": "wss"}.get(parts.scheme, parts.scheme)
    if scheme not in {"ws", "wss"} or not parts.hostname:
        raise TargetError(f"{host!r} is no address of a server: pass one such as ws://127.0.0.1:8000")
    return f"{scheme}://{parts.netloc}{parts.path.rstrip('/') or '/ws'}"


def check_target(host: str) -> Target:
    """Connect once as a guest. Raises ``TargetError``."""
    return asyncio.run(_check(websocket_url(host)))


async def _check(url: str) -> Target:
    try:
        async with Client(url, name="loadtest-check") as client:
            assert client.welcome is not None
            return Target(url, client.welcome.server.version)
    except Unreachable as error:
        raise TargetError(f"{error}\nIs the server running? Start one with `make serve`, or pass --host.") from error
    except RequestFailed as error:
        remedy = "The customers are guests: start the server with guests allowed." if error.code == 401 else ""
        raise TargetError(f"{url} refused a guest: {error}\n{remedy}".strip()) from error
    except ParlanceError as error:
        raise TargetError(f"{url} does not speak the protocol: {error}") from error
