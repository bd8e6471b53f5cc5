"""Notifications: stored until seen, pushed to every device of their user (PROTOCOL §7)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec

from server.backplane.ports import Envelope
from server.chat.access import user_channel
from server.chat.connected import Connected
from server.chat.content import plain_data, short_text
from server.chat.peer import Caller
from server.chat.signals import NotedByAll, Signals
from server.clock import Clock
from server.fanout.hub import Fanout
from server.store.ports import Notice, Store
from server.wire.codec import JSON
from server.wire.frames import Notification, Seen
from server.wire.requests import MarkSeen

MAX_UNSEEN = 100
# A few milliseconds' work.
SHOWN_PER_TURN = 100
MAX_TITLE_CODE_POINTS = 200
MAX_BODY_CODE_POINTS = 2_000


class Notices:
    """What concerns a person and not a conversation."""

    def __init__(
        self,
        *,
        store: Store,
        fanout: Fanout,
        signals: Signals,
        connected: Connected,
        clock: Clock,
        new_id: Callable[[], str],
    ) -> None:
        self._store = store
        self._fanout = fanout
        self._signals = signals
        self._connected = connected
        self._clock = clock
        self._new_id = new_id
        self._showing: set[asyncio.Task[None]] = set()
        signals.on(NotedByAll, self._show_all)

    async def unseen(self, caller: Caller, limit: int) -> tuple[list[Notification], int]:
        """The most urgent, then oldest, and the number of all."""
        return await self._store.unseen(caller.user.id, limit)

    async def snapshot(self, caller: Caller) -> dict[str, Any]:
        """What the user's own channel holds."""
        notifications, unread = await self.unseen(caller, MAX_UNSEEN)
        return {"notifications": msgspec.to_builtins(notifications), "unread": unread}

    async def notify(self, notice: Notice) -> tuple[Notification, int]:
        """Store it and push it to whom it is for; how many users that is. The id and the time are given here.

        ``Invalid`` for texts that are empty or too long, ``NotFound`` for an unknown user.
        """
        notice = replace(
            notice,
            notification_id=self._new_id(),
            at_ms=self._clock.now_ms(),
            title=short_text(notice.title, "title", MAX_TITLE_CODE_POINTS),
            body=short_text(notice.body, "body", MAX_BODY_CODE_POINTS),
            data=plain_data(notice.data),
        )
        users = await self._store.notify(notice)
        shown = Notification(
            channel=user_channel(notice.user_id or ""),
            notification_id=notice.notification_id,
            priority=notice.priority,
            title=notice.title,
            body=notice.body,
            at_ms=notice.at_ms,
            data=None if notice.data is None else dict(notice.data),
        )
        if notice.user_id is None:
            await self._signals.send(NotedByAll(shown))
        else:
            await self._fanout.publish(Envelope(shown.channel, 0, JSON.encode(shown)))
        return shown, users

    def _show_all(self, word: NotedByAll) -> None:
        task = asyncio.create_task(self._show_each(word.notification))
        self._showing.add(task)
        task.add_done_callback(self._showing.discard)

    async def _show_each(self, notification: Notification) -> None:
        """To everybody on this worker; others' work comes between, since each user's frame is another."""
        for number, user_id in enumerate({peer.user_id for peer in self._connected}):
            shown = msgspec.structs.replace(notification, channel=user_channel(user_id))
            self._fanout.show(Envelope(shown.channel, 0, JSON.encode(shown)))
            if number % SHOWN_PER_TURN == SHOWN_PER_TURN - 1:
                await asyncio.sleep(0)

    async def see(self, caller: Caller, frame: MarkSeen, session_id: str | None = None) -> Seen:
        """Mark it as seen and tell the user's other devices: all but the connection ``session_id``."""
        if await self._store.see(caller.user.id, frame.notification_id, self._clock.now_ms()):
            push = JSON.encode(Seen(notification_id=frame.notification_id))
            channel = user_channel(caller.user.id)
            await self._fanout.publish(Envelope(channel, 0, push, audience="others", author=session_id))
        return Seen(notification_id=frame.notification_id, id=frame.id)
