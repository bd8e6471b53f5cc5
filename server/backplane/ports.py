"""What the backplane promises. One contract suite (tests/contract/backplane) holds every implementation to it.

The backplane is a doorbell, never a ledger (DESIGN's law 1): whoever needs a durable message reads the database.

- **Delivery** is at most once to every node that listens to the channel, the publishing node included. Envelopes may be
  lost, and may come in another order than they were published when they come from different nodes; those of one node
  on one channel keep their order. None is altered.
- **Interest.** An envelope published after ``listen`` has returned reaches the node; after ``ignore`` has returned none
  of that channel does. Both are idempotent, and neither fails because others can't be reached: the node then hears
  its own envelopes at once, those of others after the interruption, whose end ``on_reconnect`` tells.
- **Handlers** are called on the event loop's thread, never concurrently, and must not block. One that raises is logged
  and costs nobody else their envelope.
- **publish** returns when the envelope is handed over, not when it has arrived, and raises ``Unavailable`` when the
  node knows that nobody else can be reached; local listeners have it even then, before ``publish`` returns.
- **on_reconnect** is called after every healed interruption of what the node hears, when it hears again: envelopes may
  have been lost, so compare with the ledger.
- **Cancelling** ``publish`` leaves it open whether the envelope goes out; nothing else is disturbed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from server.limits import Quota

Audience = Literal["everyone", "staff", "agents", "others", "workers"]


@dataclass(frozen=True, slots=True)
class Envelope:
    """A frame on its way to the subscribers of ``channel``.

    ``offset`` is the durable message's, 0 for what is not durable. ``body`` is the frame as JSON bytes; ``plain``,
    where it differs, is the form for those who may not see how the bot decides. ``audience`` "staff" goes to
    agents, admins and services, and to the user ``author`` where one is named; "agents" to agents and admins alone;
    "others" to everyone but the user, or the one connection (session), ``author``; "workers" to no subscriber: ``body``
    is then word between the workers themselves (``server.chat.signals``).
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
        """Connect; ``handler`` gets every envelope of the channels listened to. Started again: another handler.

        Raises ``StartupError`` when the others can't be reached as configured; later interruptions heal by themselves.
        """

    async def close(self) -> None:
        """Stop; no handler is called afterwards. Idempotent. The registry and the limiter that were made with this
        backplane share its connections and end with it."""

    async def listen(self, channel: str) -> None:
        """Begin to receive a channel's envelopes."""

    async def ignore(self, channel: str) -> None:
        """Stop receiving a channel's envelopes."""

    async def publish(self, envelope: Envelope) -> None:
        """Ring the bell."""


@dataclass(frozen=True, slots=True)
class Device:
    """One connection of a user. ``at_ms``: wall clock of its last sign of life."""

    user_id: str
    session_id: str
    worker: str
    at_ms: int


class Registry(Protocol):
    """Which devices are connected, over all workers. Emptied, it is right again after one heartbeat (``beat``).

    A device belongs to the worker that added it (its ``worker``, unique to one start of one process); those of a
    worker that has not beaten for ``dead_after_ms`` do not count any more. Every method raises ``Unavailable`` when the
    registry can't be reached: what was asked is then made up for by a later ``beat``, removals included.
    """

    async def add(self, device: Device) -> int:
        """Register a device, or its newer ``at_ms``; how many others the user had before, on any worker. The first
        one counts as a beat. ``ValueError``: the device is another worker's."""

    async def remove(self, user_id: str, session_id: str) -> int:
        """Forget a device; how many the user still has, on any worker. Unknown ones are ignored."""

    async def devices(self, user_ids: Sequence[str]) -> dict[str, list[Device]]:
        """The living devices of each user; users without any are left out."""

    async def beat(self, devices: Sequence[Device]) -> None:
        """This worker lives, and these are all of its devices: those that the registry has lost are added again, and
        within ten beats each one's ``at_ms`` is passed on. Call it every three seconds or so."""

    async def bury(self, limit: int) -> list[str]:
        """Take over what workers that died have left: at most ``limit`` users, whose devices on those workers are gone
        now; whether they have others, ``devices`` says. A dead worker's user is given to one caller only, unless the
        registry goes away meanwhile: then perhaps again, later. What was taken over until then is returned."""

    async def workers(self) -> int:
        """How many workers beat, this one included."""


class Limiter(Protocol):
    """Counts what users and addresses do, over all workers while they can reach each other, else per worker."""

    async def take(self, quota: Quota, key: str, cost: int = 1) -> int:
        """0 when ``cost`` actions of ``key`` are within the quota (they are counted then), otherwise the milliseconds
        (at least 1) after which they will be. A cost above the burst counts as the whole burst. Never raises: a limiter
        that can't reach the others counts locally."""
