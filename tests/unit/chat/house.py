"""Workers that share a doorbell in one process, each with a real fan-out, and subscribers that keep what they get."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from server.backplane.memory import MemoryBackplane, MemoryHub
from server.chat.peer import Caller
from server.chat.signals import Signals
from server.fanout.hub import Fanout
from server.wire.frames import Message
from server.wire.framing import messages_of
from server.wire.parts import Kind, User
from tests.unit.fanout.test_feed import FakePeer

ANN = User("ann", "agent", "Ann")
SYSTEM = User("system", "system", "Parlance")


class NoLedger:
    """For channels that are not durable."""

    async def messages_after(self, channel: str, offset: int, limit: int) -> list[Message]:
        return []

    async def heads(self, channels: Sequence[str]) -> dict[str, int]:
        return {}


class Worker:
    """One worker's fan-out and signals; ``published`` hears of its messages."""

    def __init__(self, hub: MemoryHub, published: Callable[[Message], None] = lambda _: None) -> None:
        self.signals = Signals()
        self.fanout = Fanout(
            NoLedger(), MemoryBackplane(hub), lambda _: None, self.signals.receive, on_message=published
        )
        self.signals.connect(self.fanout)

    async def subscribe(self, channel: str) -> FakePeer:
        """A new subscriber, who hears at once."""
        peer = FakePeer()
        self.fanout.open(await self.fanout.join(peer, channel), 0)
        return peer


def caller(kind: Kind = "agent", user_id: str | None = None) -> Caller:
    user_id = user_id or kind
    return Caller(User(user_id, kind, user_id.title()))


def events(peer: FakePeer) -> list[tuple[str, dict[str, Any]]]:
    """Names and data of what a subscriber has got since the last call."""
    frames = [msgspec.json.decode(body) for framed in peer.received for body, _ in messages_of(framed)]
    peer.received.clear()
    return [(frame["name"], frame["data"]) for frame in frames]


def event_message(channel: str, event: str, offset: int = 1) -> Message:
    """What the system says of a change."""
    return Message(channel, "e", offset, f"{channel}-{offset}", 0, SYSTEM, "…", {"event": event})


def text_message(channel: str, offset: int = 1) -> Message:
    return Message(channel, "e", offset, f"{channel}-{offset}", 0, User("alice", "customer", "Alice"), "hello")
