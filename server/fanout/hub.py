"""Every channel that somebody on this worker has subscribed to: the shell around ``Feed``.

It rings nobody's bell and trusts none: a gap that lasts ``GAP_WAIT_S`` is read from the store, and every
``RECONCILE_S`` (and after a backplane's reconnect) the last offsets of all its conversations are compared in one query.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Protocol

import structlog

from server.backplane.ports import Backplane, Envelope
from server.errors import ProtocolError
from server.fanout.feed import Feed, Peer, Subscription
from server.fanout.parcel import Parcel, message_envelope
from server.wire.frames import Message

WORKERS_CHANNEL = "workers"
GAP_WAIT_S = 0.05
RECONCILE_S = 2.0
# How many peers of a large channel are written to before the loop may do something else: about 2 ms.
PEERS_PER_TURN = 256
# One read of a gap: bounded so that a feed far behind can't hold the event loop or the store for long.
REPAIR_MESSAGES = 500

_log = structlog.get_logger(__name__)


class Ledger(Protocol):
    """What the fan-out reads of the store."""

    async def messages_after(self, channel: str, offset: int, limit: int) -> list[Message]: ...

    async def heads(self, channels: Sequence[str]) -> dict[str, int]: ...


class Fanout:
    """One worker's feeds. All methods run on the event loop's thread.

    ``on_signal`` gets the envelopes for ``workers``: those of channels that somebody here has joined, and those of
    ``WORKERS_CHANNEL``, which every worker hears. ``on_message`` gets each durable message that is published here;
    ``on_reconnect`` is told of every healed interruption.
    """

    def __init__(
        self,
        ledger: Ledger,
        backplane: Backplane,
        on_deliveries: Callable[[int], None],
        on_signal: Callable[[Envelope], None] = lambda _: None,
        *,
        on_message: Callable[[Message], None] = lambda _: None,
        on_reconnect: Callable[[], None] = lambda: None,
    ) -> None:
        self._on_signal = on_signal
        self._on_message = on_message
        self._on_reconnect = on_reconnect
        self._ledger = ledger
        self._backplane = backplane
        self._on_deliveries = on_deliveries
        self._feeds: dict[str, Feed] = {}
        self._watchers: dict[str, list[Callable[[Envelope], None]]] = {}
        self._repairing: set[str] = set()
        self._dealing: dict[Feed, None] = {}  # in the order of their turns
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_alone = False

    async def start(self) -> None:
        await self._backplane.start(self._receive, self._reconnected)
        await self._backplane.listen(WORKERS_CHANNEL)
        self._spawn(self._reconcile_for_ever())

    async def close(self) -> None:
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._backplane.close()

    async def publish_message(self, message: Message) -> None:
        """Ring for a committed message. A backplane that is away is no error: the others reconcile."""
        self._on_message(message)
        await self.publish(message_envelope(message))

    async def publish(self, envelope: Envelope) -> None:
        """Ring for any envelope; see ``publish_message``."""
        try:
            await self._backplane.publish(envelope)
        except ProtocolError as error:
            if not self._is_alone:  # once per outage: there may be thousands of envelopes a second
                _log.warning("doorbell not heard by others", channel=envelope.channel, reason=str(error))
            self._is_alone = True
        else:
            self._is_alone = False

    async def join(self, peer: Peer, channel: str) -> Subscription:
        """Start holding the channel's parcels back for ``peer``. Then read the ledger, answer, and ``open``."""
        feed = self._feeds.get(channel)
        if feed is None:
            feed = self._feeds[channel] = Feed(channel)
            if not channel.startswith("conv:"):
                feed.prime(0)
        self._on_deliveries(feed.settle())
        subscription = feed.join(peer)
        try:
            await self._backplane.listen(channel)
        except BaseException:
            await self.give_up(subscription)
            raise
        return subscription

    async def give_up(self, subscription: Subscription) -> None:
        """Undo ``join``: the ledger could not be read. The peer's earlier one goes on, with what it missed.

        Not where the peer has left meanwhile, by its own will or another's.
        """
        if not self.holds(subscription):
            return
        feed = self._feeds[subscription.channel]
        earlier = subscription.replaced
        if earlier is None:
            await self.leave(subscription.peer, subscription.channel)
            return
        self._on_deliveries(feed.settle())
        feed.restore(earlier)
        if earlier.lags(feed):
            self._spawn(self._catch_up(feed, earlier))

    def holds(self, subscription: Subscription) -> bool:
        """Whether it is the peer's subscription still: it ends when the peer leaves, and when it joins anew."""
        feed = self._feeds.get(subscription.channel)
        return feed is not None and feed.subscriptions.get(subscription.peer) is subscription

    def open(self, subscription: Subscription, offset: int) -> None:
        """Begin delivery after ``offset``, which the ledger gave after ``join`` had returned."""
        feed = self._feeds.get(subscription.channel)
        if feed is None:
            return
        self._on_deliveries(subscription.open(offset) + feed.prime(offset))
        self._watch(feed)
        if subscription.lags(feed):
            self._spawn(self._catch_up(feed, subscription))

    async def leave(self, peer: Peer, channel: str) -> None:
        """End a subscription; unknown ones are ignored."""
        feed = self._feeds.get(channel)
        if feed is None:
            return
        self._on_deliveries(feed.settle())
        feed.leave(peer)
        if not feed.subscriptions:
            del self._feeds[channel]
            await self._ignore(channel)

    async def watch(self, channel: str, heard: Callable[[Envelope], None]) -> None:
        """Hand every envelope of the channel to ``heard`` as it comes, in no certain order and perhaps not at all; on
        the event loop's thread, must not block. Those for workers are not among them."""
        self._watchers.setdefault(channel, []).append(heard)
        await self._backplane.listen(channel)

    async def unwatch(self, channel: str, heard: Callable[[Envelope], None]) -> None:
        """End ``watch``; unknown ones are ignored."""
        watchers = self._watchers.get(channel, [])
        if heard not in watchers:
            return
        watchers.remove(heard)
        if not watchers:
            del self._watchers[channel]
            await self._ignore(channel)

    async def _ignore(self, channel: str) -> None:
        """Where nobody here wants the channel any more."""
        if channel in self._feeds or channel in self._watchers:
            return
        await self._backplane.ignore(channel)
        if channel in self._feeds or channel in self._watchers:  # somebody came while the backplane was being told
            await self._backplane.listen(channel)

    def show(self, envelope: Envelope) -> None:
        """Deliver to the subscribers on this worker only; for what is not durable."""
        feed = self._feeds.get(envelope.channel)
        if feed is not None:
            self._accept(feed, Parcel(envelope))

    def subscribers(self, channel: str) -> list[Peer]:
        """Who has joined the channel on this worker."""
        feed = self._feeds.get(channel)
        return [] if feed is None else list(feed.subscriptions)

    def channels(self) -> list[str]:
        """Those that somebody on this worker has joined."""
        return list(self._feeds)

    def _reconnected(self) -> None:
        self._on_reconnect()
        self._spawn(self._reconcile())

    def _receive(self, envelope: Envelope) -> None:
        if envelope.audience == "workers":
            self._on_signal(envelope)
            return
        if self._watchers:
            for heard in tuple(self._watchers.get(envelope.channel, ())):
                heard(envelope)
        feed = self._feeds.get(envelope.channel)
        if feed is not None:
            self._accept(feed, Parcel(envelope))
            self._watch(feed)

    def _accept(self, feed: Feed, parcel: Parcel) -> None:
        self._on_deliveries(feed.accept(parcel))
        if feed.is_dealing and feed not in self._dealing:
            if not self._dealing:
                asyncio.get_running_loop().call_soon(self._deal)
            self._dealing[feed] = None

    def _deal(self) -> None:
        """One turn of one large channel: others' turns, and everything else that the loop has to do, come between."""
        feed = next(iter(self._dealing))
        del self._dealing[feed]
        self._on_deliveries(feed.deal(PEERS_PER_TURN))
        if feed.is_dealing:
            self._dealing[feed] = None
        if self._dealing:
            asyncio.get_running_loop().call_soon(self._deal)

    def _watch(self, feed: Feed) -> None:
        if feed.has_gap and feed.channel not in self._repairing:
            self._repairing.add(feed.channel)
            self._spawn(self._repair_later(feed))

    async def _repair_later(self, feed: Feed) -> None:
        try:
            await asyncio.sleep(GAP_WAIT_S)
            while feed.has_gap and self._feeds.get(feed.channel) is feed:
                if not await self._read_gap(feed):
                    break  # the ledger has nothing: what is held is ahead of it, or it is away; reconciling comes back
        finally:
            self._repairing.discard(feed.channel)

    async def _read_gap(self, feed: Feed) -> bool:
        if feed.next_offset is None:
            return False
        try:
            messages = await self._ledger.messages_after(feed.channel, feed.next_offset - 1, REPAIR_MESSAGES)
        except ProtocolError as error:
            _log.warning("gap not read", channel=feed.channel, reason=str(error))
            return False
        for message in messages:
            self._accept(feed, Parcel(message_envelope(message)))
        return bool(messages)

    async def _catch_up(self, feed: Feed, subscription: Subscription) -> None:
        """Another subscriber knew of later messages and the feed has moved on: read what this one has missed."""
        while subscription.lags(feed) and feed.subscriptions.get(subscription.peer) is subscription:
            try:
                seen = subscription.seen_offset
                messages = await self._ledger.messages_after(feed.channel, seen, REPAIR_MESSAGES)
                missed = [Parcel(message_envelope(message)) for message in messages]
                self._on_deliveries(subscription.open(seen, missed))
            except ProtocolError as error:
                _log.warning("missed messages not read", channel=feed.channel, reason=str(error))
            except Exception:  # whatever it was, what is missed must be read the next time
                _log.exception("missed messages not read", channel=feed.channel)
            if subscription.lags(feed):
                await asyncio.sleep(RECONCILE_S)

    async def _reconcile_for_ever(self) -> None:
        while True:
            await asyncio.sleep(RECONCILE_S)
            try:
                await self._reconcile()
            except Exception:  # whatever it was, the next round must come
                _log.exception("reconciling failed")

    async def _reconcile(self) -> None:
        channels = [name for name, feed in self._feeds.items() if feed.next_offset and name.startswith("conv:")]
        if not channels:
            return
        try:
            heads = await self._ledger.heads(channels)
        except ProtocolError as error:
            _log.warning("reconciling failed", reason=str(error))
            return
        for channel, head in heads.items():
            feed = self._feeds.get(channel)
            while feed is not None and feed.next_offset is not None and feed.next_offset <= head:
                if not await self._read_gap(feed):
                    break

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("a task of the fan-out died", exc_info=error)
