"""``agent:queue``: the conversations that wait for a human, and their changes (PROTOCOL §7).

Nobody sends an item: workers only say which conversations may have changed, and each worker with a subscriber then
reads the queue and shows how it differs from what it showed before. So word that comes late, twice or in another order
can't leave a conversation in the list that is not in the ledger's; word that is lost is made up for within
``REFRESH_S``, when every worker reads the queue anyway, to know whose messages matter.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import msgspec
import structlog

from server.backplane.ports import Envelope
from server.chat.access import QUEUE_CHANNEL
from server.chat.peer import Caller
from server.chat.signals import QueueMoved, Signals
from server.clock import Clock
from server.errors import ProtocolError
from server.fanout.hub import Fanout
from server.store.ports import QueueItem, Store
from server.wire.codec import JSON
from server.wire.frames import Event, Message
from server.wire.parts import MAX_SERVER_MESSAGE_BYTES

MAX_ITEMS = 500
MAX_LAST_TEXT_CODE_POINTS = 500
# What a frame holds beside its items.
ENVELOPE_BYTES = 1_000
REFRESH_S = 5.0
# What changes within this time is read once.
GATHER_S = 0.1
RETRY_S = 1.0

_log = structlog.get_logger(__name__)

Item = dict[str, Any]
Items = Mapping[str, Item]


class Difference(NamedTuple):
    """An event's ``name`` and ``data``."""

    name: str
    data: dict[str, Any]


def shown(queue: Sequence[QueueItem], budget_bytes: int = MAX_SERVER_MESSAGE_BYTES - ENVELOPE_BYTES) -> dict[str, Item]:
    """The items as clients see them, by channel, in the queue's order; the first of them that fit into one frame.

    Of a long ``last_text`` the beginning is shown.
    """
    items: dict[str, Item] = {}
    for waiting in queue:
        item: Item = msgspec.to_builtins(waiting)
        if waiting.offered_to is None:
            del item["offered_to"], item["offered_until_ms"]
        text = waiting.last_text
        if text is not None and len(text) > MAX_LAST_TEXT_CODE_POINTS:
            item["last_text"] = text[: MAX_LAST_TEXT_CODE_POINTS - 1] + "…"
        budget_bytes -= len(msgspec.json.encode(item)) + 1
        if budget_bytes < 0:
            break
        items[waiting.channel] = item
    return items


def differences(before: Items, after: Items) -> Iterator[Difference]:
    """What makes of one queue the other, for who applies it in order."""
    for channel in before:
        if channel not in after:
            yield Difference("remove", {"channel": channel})
    for channel, item in after.items():
        if before.get(channel) != item:
            yield Difference("upsert", {"item": item})


class Queue:
    """One worker's view of the queue. ``on_length`` hears how many wait, at most ``MAX_ITEMS``."""

    def __init__(
        self, *, store: Store, fanout: Fanout, signals: Signals, clock: Clock, on_length: Callable[[int], None]
    ) -> None:
        self._store = store
        self._fanout = fanout
        self._signals = signals
        self._clock = clock
        self._on_length = on_length
        self._items: dict[str, Item] = {}
        self._named: set[str] = set()
        self._untold: set[str] = set()
        self._stale = False
        self._wake = asyncio.Event()
        self._reading = asyncio.Lock()
        self._started = 0
        self._read_ms = float("-inf")
        signals.on(QueueMoved, self._hear)

    def on_message(self, message: Message) -> None:
        """A message was stored by this worker: it may have moved its conversation, or be of one that waits."""
        is_event = message.sender.kind == "system" and message.data is not None and "event" in message.data
        if is_event or message.channel in self._items or message.channel in self._named:
            self._untold.add(message.channel)
            self._wake.set()

    def waiting(self, now_ms: int) -> tuple[int, int]:
        """How many wait, at most ``MAX_ITEMS``, and for how many milliseconds the first of them has."""
        since = [item["waiting_since_ms"] for item in self._items.values()]
        return len(since), max(0, now_ms - min(since, default=now_ms))

    async def snapshot(self, _: Caller) -> dict[str, Any]:
        """Those who wait, longest first."""
        await self.refresh()
        return {"items": list(self._items.values())}

    def _hear(self, word: QueueMoved) -> None:
        self._named.update(word.channels)
        if self._fanout.subscribers(QUEUE_CHANNEL):
            self._stale = True
            self._wake.set()

    async def keep(self) -> None:
        """Tell the others what moves here, and show what moves anywhere, for ever."""
        while True:
            try:
                await self.step()
            except ProtocolError as error:
                _log.warning("queue not read", reason=str(error))
                await asyncio.sleep(RETRY_S)
            except Exception:  # whatever it was, the next round must come
                _log.exception("queue not read")
                await asyncio.sleep(RETRY_S)
            await asyncio.sleep(GATHER_S)
            with suppress(TimeoutError):
                async with asyncio.timeout(REFRESH_S):
                    await self._wake.wait()
            self._wake.clear()

    async def step(self) -> None:
        """What there is to tell and to read now."""
        if self._untold:
            await self._tell()
        if self._stale or self._clock.mono_ms() - self._read_ms >= REFRESH_S * 1000:
            await self.refresh()

    async def _tell(self) -> None:
        channels, self._untold = sorted(self._untold), set()
        await self._signals.send(QueueMoved(channels))

    async def refresh(self) -> None:
        """Read the queue and show what has changed. Who comes while a read waits for its turn shares that one."""
        started = self._started
        async with self._reading:
            if self._started > started:
                return
            self._started += 1
            try:
                await self._read()
            except BaseException:
                self._started -= 1
                self._stale = True
                raise

    async def _read(self) -> None:
        self._stale = False
        self._read_ms = self._clock.mono_ms()
        named = set(self._named)
        items = shown(await self._store.queue(MAX_ITEMS))
        self._named -= named
        before, self._items = self._items, items
        self._on_length(len(items))
        if self._fanout.subscribers(QUEUE_CHANNEL):
            for name, data in differences(before, items):
                event = Event(channel=QUEUE_CHANNEL, name=name, data=data)
                self._fanout.show(Envelope(QUEUE_CHANNEL, 0, JSON.encode(event)))
