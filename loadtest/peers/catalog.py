"""The servers that the live benchmarks measure: how each is started, entered and spoken to."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import jwt

from loadtest.peers import install
from loadtest.processes import Measured, free_port, running
from loadtest.swarm import Dialect, Step, Swarm, text_frame, upgrade

HERE = Path(__file__).parent
SECRET = "a secret of the benchmark's, known to both of its sides"  # noqa: S105
TOKEN_TTL_S = 86_400

Publish = Callable[[str], bytes]
"""A text → the bytes that the first connection of a room sends, so that everybody gets it."""


class Peer(Protocol):
    """A server to measure."""

    @property
    def name(self) -> str: ...

    @property
    def dialect(self) -> Dialect: ...

    def serve(self) -> AbstractContextManager[Measured]:
        """Start it. Raises ``PeerError``, ``StartError``."""

    def enter(self, swarm: Swarm, count: int) -> None:
        """Open connections, each let in as somebody of its own."""

    def settle(self, swarm: Swarm, first: int) -> None:
        """Subscribe the connections from number ``first`` on to what is their own, where that is a step of its own."""

    def gather(self, swarm: Swarm, count: int) -> Publish:
        """Open connections that are all in one channel."""


@dataclass(frozen=True, slots=True)
class Simple:
    """A peer with one room for all. ``command``: everything but the port. ``steps``: from an open socket into it."""

    name: str
    command: Callable[[], Sequence[str]]
    path: str
    publish: Publish
    dialect: Dialect = field(default_factory=Dialect)
    steps: Sequence[Step] = ()

    @contextmanager
    def serve(self) -> Iterator[Measured]:
        port = free_port()
        with running([*self.command(), str(port)], port) as server:
            yield server

    def enter(self, swarm: Swarm, count: int) -> None:
        swarm.grow(count, upgrade(self.path), lambda _: self.steps)

    def settle(self, swarm: Swarm, first: int) -> None:
        """Everybody is in the one room."""

    def gather(self, swarm: Swarm, count: int) -> Publish:
        self.enter(swarm, count)
        return self.publish


def token(kind: str, user_id: str) -> str:
    """A token that is valid for the benchmark's servers."""
    now_s = int(time.time())
    claims = {"sub": user_id, "kind": kind, "name": user_id, "iat": now_s, "exp": now_s + TOKEN_TTL_S}
    return jwt.encode(claims, SECRET, "HS256")


def _bare(text: str) -> bytes:
    return text_frame(text.encode())


def _event(text: str) -> bytes:
    """Socket.IO's packet 4 (message), 2 (event)."""
    return text_frame(b"42" + json.dumps(["message", text]).encode())


def _socketio(name: str, command: Callable[[], Sequence[str]], auth: bool) -> Simple:
    hello = b"40" + (json.dumps({"token": token("customer", "somebody")}).encode() if auth else b"")
    return Simple(
        name,
        command,
        "/socket.io/?EIO=4&transport=websocket",
        _event,
        Dialect(counted=b'42["message"', answers={b"2": b"3"}),
        (Step(b"", b'"sid"'), Step(text_frame(hello), b'40{"sid"')),
    )


WS = Simple("Node ws", lambda: ["node", str(install.node() / "ws_server.js")], "/", _bare)
SOCKETIO = _socketio("Socket.IO", lambda: ["node", str(install.node() / "socketio_server.js")], auth=False)
PYTHON_SOCKETIO = _socketio(
    "python-socketio", lambda: [str(install.python()), str(HERE / "socketio_server.py")], auth=True
)
CHANNELS = Simple("Channels", lambda: [str(install.python()), str(HERE / "channels_server.py")], "/", _bare)
ECHO = Simple("uvicorn echo", lambda: [sys.executable, "-m", "loadtest.peers.echo"], "/", _bare)
