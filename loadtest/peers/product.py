"""Parlance itself as the live benchmarks measure it: the whole product, on SQLite in a folder of its own."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count as counter
from pathlib import Path
from typing import Any

from loadtest.peers.catalog import SECRET, Publish, token
from loadtest.processes import Measured, parlance
from loadtest.swarm import Dialect, Member, Step, Swarm, text_frame, upgrade
from server.wire.parts import MAX_MEMBERS_CHANGED

PATH, SUBPROTOCOL = "/ws", "parlance.v1.json"
# No server pings while it is measured.
SETTINGS = {"PARLANCE_LOG_LEVEL": "warning", "PARLANCE_PING_INTERVAL_MS": "3600000"}


class Product:
    """``parlance serve``; ``checkout``: a folder with another version of the code, to compare with."""

    def __init__(self, name: str = "Parlance", checkout: Path | None = None) -> None:
        self.name = name
        self.dialect = Dialect(counted=b'{"type":"message"')
        self._checkout = checkout

    @contextmanager
    def serve(self) -> Iterator[Measured]:
        env = {**SETTINGS, "PARLANCE_SECRET": SECRET}
        if self._checkout is not None:
            env["PYTHONPATH"] = os.fspath(self._checkout)
        with tempfile.TemporaryDirectory() as folder, parlance(Path(folder) / "data", env) as server:
            yield server

    def enter(self, swarm: Swarm, count: int) -> None:
        """Customers."""
        self._connect(swarm, count, "customer")

    def settle(self, swarm: Swarm, first: int) -> None:
        """Each opens a conversation of its own."""
        swarm.follow(swarm.members[first:], lambda _: [_ask("opened", type="open", key="first")])

    def gather(self, swarm: Swarm, count: int) -> Publish:
        """A service that writes, so that no bot answers, and customers in its conversation."""
        self._connect(swarm, 1, "service")
        writer = swarm.members[0]
        swarm.follow([writer], lambda _: [_ask("opened", type="open", key="room")])
        channel: str = json.loads(writer.heard)["channel"]
        self._connect(swarm, count - 1, "customer")
        customers = swarm.members[1:]
        swarm.follow([writer], lambda _: _invitations(channel, customers))
        swarm.follow(customers, lambda _: [_ask("subscribed", type="subscribe", channel=channel)])
        keys = counter()
        return lambda text: text_frame(_frame(type="send", channel=channel, key=f"k{next(keys)}", text=text))

    def _connect(self, swarm: Swarm, count: int, kind: str) -> None:
        first = len(swarm.members)
        tokens = [token(kind, _user(first + place)) for place in range(count)]
        swarm.grow(
            count,
            upgrade(PATH, SUBPROTOCOL),
            lambda number: [_ask("welcome", type="connect", token=tokens[number - first])],
        )


def _user(number: int) -> str:
    return f"user-{number}"


def _frame(**fields: Any) -> bytes:
    return json.dumps({"id": 1, **fields}, separators=(",", ":")).encode()


def _ask(answer: str, **fields: Any) -> Step:
    return Step(text_frame(_frame(**fields)), f'"type":"{answer}"'.encode())


def _invitations(channel: str, customers: Sequence[Member]) -> list[Step]:
    names = [_user(customer.number) for customer in customers]
    return [
        _ask("members", type="members", channel=channel, add=names[start : start + MAX_MEMBERS_CHANGED])
        for start in range(0, len(names), MAX_MEMBERS_CHANGED)
    ]
