"""What this worker hears from one server: one connection, read by one task, made again whenever it breaks."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from random import Random
from typing import Any

import structlog
from redis.asyncio.connection import Connection
from redis.exceptions import AskError, ResponseError

from server.backplane.redis.command import Words
from server.backplane.redis.interest import Interest
from server.backplane.redis.keeper import Keeper
from server.backplane.redis.link import Link, LinkLost
from server.backplane.redis.timing import Timing

_log = structlog.get_logger(__name__)

MESSAGES = (b"message", b"smessage")
BEGINNINGS = (b"subscribe", b"ssubscribe")
ENDINGS = (b"unsubscribe", b"sunsubscribe")


class SubscriberLink(Link):
    """A connection in pub/sub mode. ``hear`` gets every answer but the pongs."""

    def __init__(self, connection: Connection, timing: Timing, hear: Callable[[Any], None]) -> None:
        super().__init__(connection, timing)
        self._hear = hear

    def tell(self, commands: Iterable[Words]) -> None:
        """Send (un)subscriptions."""
        for words in commands:
            self._write(words)

    def _ping(self) -> None:
        self._write(("PING",))

    def _received(self, answer: Any) -> None:
        # Without any subscription the server answers as to an ordinary connection.
        if answer == b"PONG" or (isinstance(answer, list) and answer[0] == b"pong"):
            self._ponged()
        else:
            self._hear(answer)


class Subscriber:
    """The subscriptions at one node. Channels are names as they stand on the wire.

    ``deliver(channel, payload)`` gets every envelope; ``on_healed`` is called when an interruption is over and all
    that was listened to is heard again; ``on_moved`` when channels seem to belong to another node.
    """

    def __init__(
        self,
        dial: Callable[[], Awaitable[Connection]],
        *,
        name: str,
        sharded: bool,
        deliver: Callable[[bytes, bytes], None],
        on_healed: Callable[[], None],
        on_moved: Callable[[], None],
        timing: Timing,
        rng: Random,
    ) -> None:
        self._deliver = deliver
        self._on_healed = on_healed
        self._on_moved = on_moved
        self._timing = timing
        self._interest = Interest(sharded)
        self._waiters: dict[bytes, asyncio.Future[None]] = {}
        # Something may have been missed; the interruption ends when these channels are confirmed.
        self._interrupted = False
        self._owed: set[bytes] = set()
        self._flush_is_due = False
        self.keeper: Keeper[SubscriberLink] = Keeper(
            dial,
            lambda connection: SubscriberLink(connection, timing, self._hear),
            name=f"{name} (subscriptions)",
            timing=timing,
            rng=rng,
            on_up=self._begin,
            on_down=self._end,
        )

    async def close(self) -> None:
        """End the connection. Whoever waits in ``listen`` is let go."""
        await self.keeper.close()
        self._end()

    async def listen(self, channel: bytes) -> None:
        """Returns when the server has confirmed, or has not in time; then ``on_healed`` comes when it has."""
        self._interest.want(channel)
        if self._interest.is_settled(channel):
            return
        self._flush_soon()
        if self.keeper.is_away:
            return
        waiter = self._waiters.get(channel)
        if waiter is None:
            waiter = self._waiters[channel] = asyncio.get_running_loop().create_future()
        done, _ = await asyncio.wait({waiter}, timeout=self._timing.answer_s)
        if not done:
            self._owe((channel,))

    def adopt(self, channel: bytes) -> None:
        """Listen without waiting, to a channel whose envelopes may have been missed for a moment."""
        self._interest.want(channel)
        self._owe((channel,))
        self._flush_soon()

    def ignore(self, channel: bytes) -> None:
        """Stop listening."""
        self._interest.drop(channel)
        self._owed.discard(channel)
        self._let_go(channel)
        self._flush_soon()

    def again(self) -> None:
        """Ask once more for what the server has refused or taken away."""
        self._interest.again()
        self._flush_soon()

    def _begin(self, link: SubscriberLink) -> None:  # noqa: ARG002  (the keeper's, by now)
        self._interest.restart()
        self._owed = set(self._interest.wanted) if self._interrupted else set()
        self._flush()
        self._check_healed()

    def _end(self) -> None:
        self._interrupted = True
        for channel in tuple(self._waiters):
            self._let_go(channel)

    def _flush_soon(self) -> None:
        """What is asked for in one tick of the event loop is asked of the server together."""
        if not self._flush_is_due:
            self._flush_is_due = True
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        self._flush_is_due = False
        if self.keeper.link is not None:
            self.keeper.link.tell(self._interest.changes())

    def _hear(self, answer: Any) -> None:
        match answer:
            case [kind, channel, payload] if kind in MESSAGES:
                self._deliver(channel, payload)
            case [kind, channel, _] if kind in BEGINNINGS or kind in ENDINGS:
                self._confirmed(kind in BEGINNINGS, channel)
            case AskError():
                self._taken_away(self._interest.refused())
            case ResponseError():
                raise LinkLost(f"subscribing was refused: {answer}")
            case _:
                raise LinkLost("an answer came that nobody asked for")

    def _confirmed(self, subscribes: bool, channel: bytes) -> None:
        if not self._interest.confirmed(subscribes, channel):
            self._taken_away((channel,))
        elif self._interest.is_settled(channel):
            self._owed.discard(channel)
            self._let_go(channel)
            self._check_healed()

    def _taken_away(self, channels: Iterable[bytes]) -> None:
        # Asked again at once the server would refuse again, and so on: the slots have to be read first.
        self._owe(channel for channel in channels if channel in self._interest.wanted)
        self._on_moved()

    def _owe(self, channels: Iterable[bytes]) -> None:
        self._interrupted = True
        self._owed.update(channels)

    def _check_healed(self) -> None:
        if self._interrupted and not self._owed and self.keeper.link is not None:
            self._interrupted = False
            self._on_healed()

    def _let_go(self, channel: bytes) -> None:
        waiter = self._waiters.pop(channel, None)
        if waiter is not None and not waiter.done():
            waiter.set_result(None)
