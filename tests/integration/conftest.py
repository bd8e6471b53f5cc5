"""Real servers, shared by the tests; every test comes as users of its own, so they can't meet.

``server``: as a newcomer starts it. Guests may chat and see how answers come about.
``strict_server``: as for production: no guests (so nothing is explained to customers), a secret of its own,
compression, short time-outs, a further allowed origin, every log line.
"""

from __future__ import annotations

import itertools
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from typing import Any

import jwt
import pytest

from tests.integration.peer import Encoding, Peer, dial
from tests.support.server import ServerProcess

SECRET = "a secret of the tests, long enough for HS512 as well as for HS256"
ALLOWED_ORIGIN = "https://shop.example"
STRICT = {
    "PARLANCE_SECRET": SECRET,
    "PARLANCE_GUESTS": "false",
    "PARLANCE_COMPRESSION": "true",
    "PARLANCE_CONNECT_TIMEOUT_MS": "700",
    "PARLANCE_PING_INTERVAL_MS": "1500",
    "PARLANCE_ALLOWED_ORIGINS": ALLOWED_ORIGIN,
    "PARLANCE_LOG_LEVEL": "debug",
}

Join = Callable[..., Awaitable[Peer]]
MakeToken = Callable[..., str]

_users = itertools.count(1)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("open") / "data") as running:
        yield running


@pytest.fixture(scope="session")
def strict_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("strict") / "data", env=STRICT) as running:
        yield running


@pytest.fixture
async def join() -> AsyncIterator[Join]:
    """``await join(server, encoding="json", token=None)``: a connected peer, closed when the test ends."""
    async with AsyncExitStack() as stack:

        async def connected(
            server: ServerProcess, encoding: Encoding = "json", token: str | None = None, **fields: Any
        ) -> Peer:
            peer = await dial(server, encoding)
            stack.push_async_callback(peer.socket.close)
            answer = await peer.connect(token, **fields)
            assert answer["type"] == "welcome", answer
            return peer

        yield connected


@pytest.fixture
async def dialled() -> AsyncIterator[Join]:
    """``await dialled(server, …)``: a peer that has said nothing yet, closed when the test ends."""
    async with AsyncExitStack() as stack:

        async def only_dialled(server: ServerProcess, encoding: Encoding = "json", **options: Any) -> Peer:
            peer = await dial(server, encoding, **options)
            stack.push_async_callback(peer.socket.close)
            return peer

        yield only_dialled


def signed(**claims: Any) -> str:
    """A token for ``strict_server``: a new customer's for an hour, but for the claims given (None: left out)."""
    sub = f"user-{next(_users)}"
    usual = {"sub": sub, "kind": "customer", "name": sub.title(), "exp": int(time.time()) + 3600}
    kept = {name: value for name, value in {**usual, **claims}.items() if value is not None}
    return jwt.encode(kept, SECRET, algorithm="HS256")


def made_by_cli(server: ServerProcess, *flags: str) -> str:
    """What ``parlance token`` prints for the server's data directory."""
    command = [sys.executable, "-m", "server.cli.main", "token", "--data-dir", str(server.data_dir), *flags]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture(scope="session")
def agent_token(server: ServerProcess) -> str:
    """An agent of ``server``."""
    return made_by_cli(server, "--kind", "agent", "--sub", "ann", "--name", "Ann")
