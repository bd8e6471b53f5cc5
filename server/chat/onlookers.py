"""Shows those who are subscribed on this worker what became of a conversation's members (PROTOCOL §6)."""

from __future__ import annotations

import asyncio

import structlog

from server.backplane.ports import Envelope
from server.chat.differences import Differences, Gathering
from server.chat.signals import PresenceMoved, Signals
from server.chat.standing import Standings
from server.clock import Clock
from server.errors import ProtocolError, Unavailable
from server.fanout.hub import Fanout
from server.store.ports import Store
from server.wire.codec import JSON
from server.wire.frames import PresenceChange

CROWD_MEMBERS = 200
"""In a conversation of more members only their number is pushed."""
SIZE_KEPT_MS = 10_000.0
"""How long a size that was read is trusted; word of changed members, which may be lost, drops it at once."""
AT_A_TIME = 32
"""Conversations whose size is read at the same time: their queries can share a round trip."""

_log = structlog.get_logger(__name__)


class Onlookers:
    """Gathers what the workers tell and pushes it; conversations that nobody here looks at cost nothing."""

    def __init__(self, *, store: Store, fanout: Fanout, signals: Signals, standings: Standings, clock: Clock) -> None:
        self._store = store
        self._fanout = fanout
        self._standings = standings
        self._clock = clock
        self._gathering = Gathering()
        self._crowds: dict[str, tuple[bool | None, float]] = {}  # None: being read; the first to lapse comes first
        self._wake = asyncio.Event()
        signals.on(PresenceMoved, self._gather)

    def _gather(self, word: PresenceMoved) -> None:
        if word.members_changed:
            self._crowds.pop(word.channel, None)
        if self._fanout.subscribers(word.channel) and (word.joined or word.left or word.changed):
            gathered = self._gathering.of(word.channel, self._clock.mono_ms())
            gathered.merge(word.joined, word.left, word.changed)
            self._wake.set()

    async def run(self) -> None:
        """For ever."""
        while True:
            due_ms = self._gathering.due_ms
            if due_ms is None:
                self._wake.clear()
                await self._wake.wait()
                continue
            await asyncio.sleep(max(due_ms - self._clock.mono_ms(), 0) / 1000)
            try:
                await self.push_due()
            except Exception:  # whatever it was, the next round must come
                _log.exception("presence not pushed")

    async def push_due(self) -> None:
        """Push what has been gathered for long enough."""
        due = self._gathering.take(self._clock.mono_ms())
        for start in range(0, len(due), AT_A_TIME):
            await asyncio.gather(*(self._push(*one) for one in due[start : start + AT_A_TIME]))

    async def _push(self, channel: str, differences: Differences) -> None:
        if not self._fanout.subscribers(channel):
            self._crowds.pop(channel, None)  # nobody hears for this channel any more that its members change
            return
        try:
            change = await self._change(channel, differences)
            if change is not None:
                self._fanout.show(Envelope(channel, 0, JSON.encode(change)))
        except ProtocolError as error:
            _log.warning("presence not pushed", channel=channel, reason=str(error))
        except Exception:  # the other conversations want theirs
            _log.exception("presence not pushed", channel=channel)

    async def _change(self, channel: str, differences: Differences) -> PresenceChange | None:
        told = differences.told()
        if not told:
            return None
        try:
            is_crowd = await self._is_crowd(channel)
        except Unavailable:  # what happened must not get lost; the lists are right, if perhaps too long
            is_crowd = sum(map(len, told)) > CROWD_MEMBERS
        if not is_crowd:
            return PresenceChange(channel=channel, joined=told.joined, left=told.left, changed=told.changed)
        if not told.joined and not told.left:
            return None
        return PresenceChange(channel=channel, count=await self._standings.count_visible(channel))

    async def _is_crowd(self, channel: str) -> bool:
        now_ms = self._clock.mono_ms()
        while self._crowds and next(iter(self._crowds.values()))[1] <= now_ms:
            del self._crowds[next(iter(self._crowds))]
        kept, _ = self._crowds.get(channel, (None, 0.0))
        if kept is not None:
            return kept
        until_ms = now_ms + SIZE_KEPT_MS
        self._crowds.setdefault(channel, (None, until_ms))
        is_crowd = len(await self._store.members(channel, CROWD_MEMBERS + 1)) > CROWD_MEMBERS
        if channel in self._crowds:  # else the members changed while they were read
            self._crowds[channel] = (is_crowd, until_ms)
        return is_crowd
