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
    """A server that answered. ``version`` is its own; ``guests``: whether it lets customers in without a token."""

    url: str
    version: str
    guests: bool = True


def websocket_url(host: str) -> str:
    """``ws://127.0.0.1:8000`` → ``ws://127.0.0.1:8000/ws``; http(s) becomes ws(s). Raises ``TargetError``."""
    parts = urlsplit(host if "//" in host else f"ws://{host}")
    scheme = {"http": "ws", "https": "wss"}.get(parts.scheme, parts.scheme)
    if scheme not in {"ws", "wss"} or not parts.hostname:
        raise TargetError(f"{host!r} is no address of a server: pass one such as ws://127.0.0.1:8000")
    return f"{scheme}://{parts.netloc}{parts.path.rstrip('/') or '/ws'}"


def check_target(host: str, admin_token: str | None = None) -> Target:
    """Connect once as a guest, and as the admin where there is a token. Raises ``TargetError``."""
    return asyncio.run(_check(websocket_url(host), admin_token))


async def _check(url: str, admin_token: str | None) -> Target:
    if admin_token is not None:
        kind = (await _welcomed(url, admin_token, "refused the admin's token"))[1]
        if kind != "admin":
            raise TargetError(f"the token given as --admin-token is of kind {kind}: parlance token --kind admin …")
    try:
        version, _ = await _welcomed(url, None, "refused a guest")
    except TargetError as error:
        if admin_token is None or not isinstance(error.__cause__, RequestFailed) or error.__cause__.code != 401:
            raise
        version, _ = await _welcomed(url, admin_token, "refused the admin's token")
        return Target(url, version, guests=False)
    return Target(url, version)


async def _welcomed(url: str, token: str | None, refused: str) -> tuple[str, str]:
    """The server's version and the kind of user. Raises ``TargetError``."""
    try:
        async with Client(url, token=token, name="loadtest-check") as client:
            assert client.welcome is not None
            return client.welcome.server.version, client.welcome.user.kind
    except Unreachable as error:
        raise TargetError(f"{error}\nIs the server running? Start one with `make serve`, or pass --host.") from error
    except RequestFailed as error:
        remedy = ""
        if error.code == 401 and token is None:
            remedy = "The customers are guests: start the server with guests allowed, or pass --admin-token."
        raise TargetError(f"{url} {refused}: {error}\n{remedy}".strip()) from error
    except ParlanceError as error:
        raise TargetError(f"{url} does not speak the protocol: {error}") from error
