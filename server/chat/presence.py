"""Presence: who is there, over all devices and workers (PROTOCOL §6).

- A user is present while any device is connected, to any worker, and for a grace of 5 s after the last one's close, so
  that a reconnect is not seen. ``left`` is pushed 5 to 6 s after that close, and within 20 s of a worker's death.
- ``status`` and ``text`` are the user's, not a device's; they are stored and hold until they are set anew. A ``text``
  has at most 200 code points (NFC, no NUL); "" or none at all clears it.
- ``invisible`` looks like leaving at once, becoming visible again like joining; invisible users come and go unseen.
  They see themselves in ``who``, as ``offline``.
- ``who`` lists the present members of a conversation. ``devices`` counts open connections (0 during the grace);
  ``last_seen_ms`` is the newest one's last sign of life.
- Pushes go to every subscriber of the conversation, the user concerned included: ``joined``, ``left`` (the element then
  says ``offline``, 0 devices and when), ``changed`` for another status or text; another number of devices alone is not
  pushed. What happens within 250 ms is pushed as one difference; in a conversation of more than 200 members as the
  ``count`` of those present. New members who are present have joined, removed ones have left.
- Whoever subscribes asks ``who`` afterwards, and is told the differences from then on.
- Clients apply differences as settings: joining twice, or leaving when already gone, changes nothing.

How it works: ``Roll`` knows this worker's devices, ``Attendance`` keeps the registry of all workers true and notices
who arrives and departs, ``Announcer`` tells their conversations, ``Onlookers`` shows it to the subscribers of each
worker. Without a registry nobody arrives or leaves until it is back; chat goes on.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence

import structlog

from server.backplane.ports import Registry
from server.chat.access import require_conversation
from server.chat.announcer import Announcer, Membership, Restyled
from server.chat.attendance import Attendance
from server.chat.content import short_text
from server.chat.onlookers import Onlookers
from server.chat.peer import Caller, ChatPeer
from server.chat.roll import Roll
from server.chat.signals import Signals
from server.chat.standing import MAX_MEMBERS_LOOKED_AT, Standings
from server.clock import Clock
from server.errors import ProtocolError
from server.fanout.hub import Fanout
from server.store.ports import Account, Store
from server.wire.codec import JSON
from server.wire.frames import PresenceChange, Present
from server.wire.parts import MAX_PRESENCE_TEXT, MAX_SERVER_MESSAGE_BYTES, Presence, User
from server.wire.requests import SetPresence, Who

# What an answer to ``who`` needs beside its members.
ENVELOPE_BYTES = 1_000
USERS_PER_WRITE = 500

_log = structlog.get_logger(__name__)


class PresenceVerbs:
    """``worker``: unique to this start of this process. ``on_absent(user_id)``: the last device on this worker went.

    ``standings`` say who is there.
    """

    def __init__(
        self,
        *,
        store: Store,
        registry: Registry,
        fanout: Fanout,
        signals: Signals,
        clock: Clock,
        worker: str,
        on_absent: Callable[[str], Awaitable[None]],
    ) -> None:
        self._store = store
        self._clock = clock
        self._on_absent = on_absent
        self.roll = Roll(worker)
        self.standings = Standings(store=store, registry=registry, roll=self.roll, clock=clock)
        self.announcer = Announcer(store=store, standings=self.standings, signals=signals)
        self.attendance = Attendance(
            roll=self.roll,
            registry=registry,
            standings=self.standings,
            announcer=self.announcer,
            clock=clock,
        )
        self.onlookers = Onlookers(store=store, fanout=fanout, signals=signals, standings=self.standings, clock=clock)

    async def run(self) -> None:
        """Notice, tell and show, for ever."""
        await asyncio.gather(self.attendance.run(), self.announcer.run(), self.onlookers.run())

    async def close(self) -> None:
        """Note when those who are still here were seen; call it after ``run`` has been cancelled.

        Their entries stay in the registry: other workers bury them, unless they have come back there.
        """
        seen: dict[int, list[str]] = defaultdict(list)
        for gone in self.roll.departures(self._clock.now_ms()):
            seen[gone.at_ms].append(gone.user_id)
        try:
            for at_ms, user_ids in seen.items():
                for start in range(0, len(user_ids), USERS_PER_WRITE):
                    await self._store.saw(user_ids[start : start + USERS_PER_WRITE], at_ms)
        except ProtocolError as error:
            _log.warning("last seen not noted", users=sum(map(len, seen.values())), reason=str(error))

    # ------------------------------------------------------------------ devices

    async def arrived(self, peer: ChatPeer) -> None:
        """A device has connected. Waits for nothing."""
        self.roll.open(peer.user_id, peer.session_id, self._clock.now_ms())
        self.attendance.wake()

    async def left(self, peer: ChatPeer) -> None:
        """A device has gone; unknown ones are ignored."""
        is_last = self.roll.close(peer.user_id, peer.session_id, self._clock.now_ms(), self._clock.mono_ms())
        self.attendance.wake()
        if is_last:
            await self._on_absent(peer.user_id)
            if peer.is_staff:
                await self._was_here(peer.user_id)

    async def _was_here(self, user_id: str) -> None:
        """An agent's absence begins now, also if nobody who keeps claims has looked while they were here."""
        try:
            await self._store.note_agents([], [user_id])
        except ProtocolError as error:
            _log.warning("absence not begun anew", user=user_id, reason=str(error))

    def members_changed(self, channel: str, added: Sequence[str], removed: Sequence[str]) -> None:
        """Users (ids) have become members of a conversation, or are none any more. Waits for nothing."""
        if added or removed:
            self.announcer.put(Membership(channel, tuple(added), tuple(removed)))

    # ------------------------------------------------------------------ verbs

    async def set(self, caller: Caller, frame: SetPresence) -> PresenceChange:
        """Store status and text, and tell. ``Invalid``: the text is too long or holds NUL."""
        text = short_text(frame.text, "text", MAX_PRESENCE_TEXT) if frame.text else None
        before = await self._account(caller.user)
        if (before.status, before.status_text) != (frame.status, text):
            await self._store.set_status(caller.user.id, frame.status, text)
            self.announcer.put(Restyled(caller.user.id, before.status, before.status_text))
        return PresenceChange(id=frame.id)

    async def _account(self, user: User) -> Account:
        found = (await self._store.accounts([user.id])).get(user.id)
        return found or await self._store.save_user(user, self._clock.now_ms())  # a guest leaves no row on connecting

    async def who(self, caller: Caller, frame: Who) -> Present:
        """The members who are there, by the time they joined. ``NotFound``; ``Unavailable`` without a registry.

        Where they are too many for one message, those who joined first.
        """
        await require_conversation(self._store, caller, frame.channel)
        members = await self._store.members(frame.channel, MAX_MEMBERS_LOOKED_AT)
        standings = await self.standings.present([member.id for member in members])
        shown = [
            standing.shown()
            for standing in (standings.get(member.id) for member in members)
            if standing is not None and (standing.is_visible or standing.account.user.id == caller.user.id)
        ]
        return Present(id=frame.id, channel=frame.channel, members=_fitting(shown))


def _fitting(members: list[Presence]) -> list[Presence]:
    """The first of them that fit into a message; as JSON they are never smaller than as MessagePack."""
    left_bytes = MAX_SERVER_MESSAGE_BYTES - ENVELOPE_BYTES
    for count, member in enumerate(members):
        left_bytes -= len(JSON.encode(member)) + 1
        if left_bytes < 0:
            return members[:count]
    return members
