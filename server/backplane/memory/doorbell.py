"""The doorbell inside one process: what a single worker uses, and what many nodes in one test or simulation share."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from server.backplane.ports import Envelope, Handler

_log = structlog.get_logger(__name__)


class MemoryHub:
    """Where the nodes of one process meet."""

    def __init__(self) -> None:
        self._listeners: dict[str, set[MemoryBackplane]] = {}

    def listeners(self, channel: str) -> set[MemoryBackplane]:
        """The nodes that listen to ``channel``; add and remove in place."""
        return self._listeners.setdefault(channel, set())

    def forget(self, channel: str) -> None:
        """Drop a channel nobody listens to, so that old channels cost no memory."""
        if not self._listeners.get(channel):
            self._listeners.pop(channel, None)

    def ring(self, envelope: Envelope) -> None:
        """Hand the envelope to every listening node."""
        for node in tuple(self._listeners.get(envelope.channel, ())):
            node.receive(envelope)


class MemoryBackplane:
    """One node of a ``MemoryHub``. Handlers run inside ``publish``: nothing is faster, and order is kept."""

    def __init__(self, hub: MemoryHub | None = None) -> None:
        self._hub = hub or MemoryHub()
        self._handler: Handler | None = None
        self._channels: set[str] = set()

    async def start(self, handler: Handler, on_reconnect: Callable[[], None]) -> None:  # noqa: ARG002  (never breaks)
        self._handler = handler

    async def close(self) -> None:
        self._handler = None
        for channel in tuple(self._channels):
            await self.ignore(channel)

    async def listen(self, channel: str) -> None:
        self._channels.add(channel)
        self._hub.listeners(channel).add(self)

    async def ignore(self, channel: str) -> None:
        self._channels.discard(channel)
        self._hub.listeners(channel).discard(self)
        self._hub.forget(channel)

    async def publish(self, envelope: Envelope) -> None:
        self._hub.ring(envelope)

    def receive(self, envelope: Envelope) -> None:
        """Called by the hub."""
        if self._handler is None:
            return
        try:
            self._handler(envelope)
        except Exception:  # a handler that raises must cost nobody else their envelope
            _log.exception("backplane handler failed", channel=envelope.channel)
