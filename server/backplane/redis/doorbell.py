"""The doorbell over Redis: ``PUBLISH`` and ``SUBSCRIBE``, in a Cluster ``SPUBLISH`` and ``SSUBSCRIBE``.

A node's own listeners have its envelopes at once, without Redis; what comes back of them is dropped.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import structlog

from server.backplane.ports import Envelope, Handler
from server.backplane.redis.client import RedisClient
from server.backplane.redis.envelope import mark, pack, unpack
from server.backplane.redis.subscriber import Subscriber
from server.backplane.redis.topology import Node
from server.errors import StartupError

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class DoorbellStats:
    """Counters since the start. ``heard``: envelopes of other nodes; ``healed``: interruptions that are over."""

    published: int = 0
    heard: int = 0
    malformed: int = 0
    healed: int = 0


class RedisBackplane:
    """One node's end. ``node_id`` is unique to one start of one process: a node takes what bears it for its own.

    ``prefix`` begins every channel on the wire. Pub/sub knows no databases, so the number of the one in use follows.
    ``on_malformed`` is told of each envelope that can't be read.
    """

    def __init__(
        self, client: RedisClient, *, node_id: str, prefix: str, on_malformed: Callable[[], None] = lambda: None
    ) -> None:
        self._client = client
        self._node_id = node_id
        self._mark = mark(node_id)
        self._prefix = f"{prefix}:{client.db}:".encode()
        self._on_malformed = on_malformed
        self._handler: Handler | None = None
        self._on_reconnect: Callable[[], None] = lambda: None
        self._homes: dict[str, Node] = {}
        self._subscribers: dict[Node, Subscriber] = {}
        self.stats = DoorbellStats()

    @property
    def is_up(self) -> bool:
        """Whether this node hears the others, and they it."""
        hears = all(subscriber.keeper.link is not None for subscriber in self._subscribers.values())
        return bool(self._subscribers) and hears and self._client.is_up

    async def start(self, handler: Handler, on_reconnect: Callable[[], None]) -> None:
        self._handler = handler
        self._on_reconnect = on_reconnect
        await self._client.start()
        self._client.on_change = self._reassign
        await self._reassign()
        for node, subscriber in tuple(self._subscribers.items()):
            if await subscriber.keeper.wait_up(self._client.timing.start_s) is None:
                await self.close()
                raise StartupError(f"Redis at {node} takes no subscriber.", "Raise its maxclients, or check it.")

    async def close(self) -> None:
        self._handler = None
        self._homes.clear()
        await self._client.close()  # first, since it might still have us listen to new nodes
        subscribers, self._subscribers = self._subscribers, {}
        for subscriber in subscribers.values():
            await subscriber.close()

    async def listen(self, channel: str) -> None:
        if not self._subscribers:  # not started: that subscribes to all there is
            self._homes[channel] = ""
            return
        name = self._name(channel)
        self._homes[channel] = node = self._client.topology.node(name)
        await self._subscriber(node).listen(name)

    async def ignore(self, channel: str) -> None:
        node = self._homes.pop(channel, None)
        if node in self._subscribers:
            self._subscribers[node].ignore(self._name(channel))

    async def publish(self, envelope: Envelope) -> None:
        if envelope.channel in self._homes:
            self._hand_over(envelope)
        payload = pack(self._node_id, envelope)
        name = self._name(envelope.channel)
        verb = "SPUBLISH" if self._client.topology.sharded else "PUBLISH"
        self._client.send(name, (verb, name, payload), len(payload))
        self.stats.published += 1

    def _name(self, channel: str) -> bytes:
        return self._prefix + channel.encode()

    def _deliver(self, name: bytes, payload: bytes) -> None:
        if payload.startswith(self._mark):
            return
        channel = name[len(self._prefix) :].decode()
        if channel not in self._homes:  # ignored a moment ago
            return
        try:
            envelope = unpack(channel, payload)
        except ValueError as error:
            self.stats.malformed += 1
            self._on_malformed()
            _log.warning("envelope can't be read", channel=channel, reason=str(error))
            return
        self.stats.heard += 1
        self._hand_over(envelope)

    def _hand_over(self, envelope: Envelope) -> None:
        if self._handler is None:
            return
        try:
            self._handler(envelope)
        except Exception:  # a handler that raises must cost nobody else their envelope
            _log.exception("backplane handler failed", channel=envelope.channel)

    def _healed(self) -> None:
        self.stats.healed += 1
        _log.info("redis is heard again", healed=self.stats.healed)
        try:
            self._on_reconnect()
        except Exception:  # the reader of the link runs this
            _log.exception("on_reconnect failed")

    async def _reassign(self) -> None:
        """Listen to every channel at the node that serves it now."""
        topology = self._client.topology
        for node in topology.nodes():
            self._subscriber(node)
        for channel, home in tuple(self._homes.items()):
            name = self._name(channel)
            node = topology.node(name)
            if node != home:
                if home in self._subscribers:
                    self._subscribers[home].ignore(name)
                self._homes[channel] = node
                self._subscriber(node).adopt(name)
        for subscriber in self._subscribers.values():
            subscriber.again()
        for node in set(self._subscribers) - set(topology.nodes()):
            gone = self._subscribers.pop(node)
            self._client.unwatch(gone.keeper)
            await gone.close()

    def _subscriber(self, node: Node) -> Subscriber:
        subscriber = self._subscribers.get(node)
        if subscriber is None:
            topology = self._client.topology
            subscriber = self._subscribers[node] = Subscriber(
                lambda: topology.dial(node),
                name=node,
                sharded=topology.sharded,
                deliver=self._deliver,
                on_healed=self._healed,
                on_moved=self._client.refresh_soon,
                timing=self._client.timing,
                rng=self._client.rng,
            )
            self._client.watch(subscriber.keeper)
            subscriber.keeper.start()
        return subscriber
