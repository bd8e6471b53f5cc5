"""What the backplane promises. One contract suite (tests/contract/backplane) holds every implementation to it.

The backplane is a doorbell, never a ledger (DESIGN's law 1): whoever needs a durable message reads the database.

- **Delivery** is at most once to every node that listens to the channel, the publishing node included. Envelopes may be
  lost, and may come in another order than they were published when they come from different nodes; those of one node
  on one channel keep their order. None is altered.
- **Interest.** An envelope published after ``listen`` has returned reaches the node; after ``ignore`` has returned none
  of that channel does. Both are idempotent.
- **Handlers** are called on the event loop's thread, never concurrently, and must not block. One that raises is logged
  and costs nobody else their envelope.
- **publish** returns when the envelope is handed over, not when it has arrived, and raises ``Unavailable`` when the
  node knows that nobody else can be reached; local listeners have it even then.
- **on_reconnect** is called after every healed interruption: envelopes may have been lost, so compare with the ledger.
- **Cancelling** ``publish`` leaves it open whether the envelope goes out; nothing else is disturbed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

Audience = Literal["everyone", "staff"]


@dataclass(frozen=True, slots=True)
class Envelope:
    """A frame on its way to the subscribers of ``channel``.

    ``offset`` is the durable message's, 0 for what is not durable. ``body`` is the frame as JSON bytes; ``plain``,
    where it differs, is the form for those who may not see how the bot decides. ``audience`` "staff" goes to agents,
    admins and services, and to the user ``author`` where one is named.
    """

    channel: str
    offset: int
    body: bytes
    plain: bytes | None = None
    audience: Audience = "everyone"
    author: str | None = None


Handler = Callable[[Envelope], None]


class Backplane(Protocol):
    """One node's end of the doorbell."""

    async def start(self, handler: Handler, on_reconnect: Callable[[], None]) -> None:
        """Connect; ``handler`` gets every envelope of the channels listened to."""

    async def close(self) -> None:
        """Stop; no handler is called afterwards. Idempotent."""

    async def listen(self, channel: str) -> None:
        """Begin to receive a channel's envelopes."""

    async def ignore(self, channel: str) -> None:
        """Stop receiving a channel's envelopes."""

    async def publish(self, envelope: Envelope) -> None:
        """Ring the bell."""
