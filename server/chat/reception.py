"""Outside business hours whoever asks for a human is told when somebody will be there.

The word is a durable message of the system, ``data`` ``{"event": "away", "opens_ms"?}``, once for each wait: its key is
made of the message that says that an agent was asked for, so that of many workers one writes it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import Context
from dataclasses import dataclass
from typing import Any, Final

import structlog

from server.chat.messages import Messages
from server.chat.routing import DeskPlan, is_open, next_opening_ms
from server.chat.routing.hours import local_time
from server.clock import Clock
from server.errors import ProtocolError
from server.store.ports import Append, Store
from server.wire.frames import Message
from server.wire.parts import User

MAX_TELLING: Final = 200
"""In work at a time; whoever comes on top is not told."""

_SYSTEM: Final = User("system", "system", "Parlance")
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Opening:
    """Whether somebody is there, and, where nobody is, from when on; None: not in a year."""

    is_open: bool
    opens_ms: int | None
    zone: str


class Reception:
    """``on_message`` hears of this worker's messages."""

    def __init__(
        self, *, store: Store, messages: Messages, clock: Clock, new_id: Callable[[], str], plan: DeskPlan
    ) -> None:
        self._store = store
        self._messages = messages
        self._clock = clock
        self._new_id = new_id
        self._plan = plan
        self._tasks: set[asyncio.Task[None]] = set()

    def opening(self) -> Opening:
        """Now."""
        hours, now_ms = self._plan.hours, self._clock.now_ms()
        if is_open(hours, now_ms):
            return Opening(True, None, hours.zone_name)
        return Opening(False, next_opening_ms(hours, now_ms), hours.zone_name)

    def on_message(self, message: Message) -> None:
        """Tell whoever begins to wait while nobody is there; in the background."""
        data = message.data or {}
        if message.sender.kind != "system" or data.get("event") != "waiting" or len(self._tasks) >= MAX_TELLING:
            return
        opening = self.opening()
        if not opening.is_open:
            self._spawn(self._tell(message, opening))

    async def close(self) -> None:
        """Drop what is in work."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def text(self, language: str | None, opening: Opening) -> str:
        """In that language, or English."""
        away = self._plan.away
        opens = "a later day" if opening.opens_ms is None else self._shown(opening.opens_ms)
        return away.get(language or "en", away["en"]).format(opens=opens, zone=opening.zone)

    def _shown(self, at_ms: int) -> str:
        return f"{local_time(self._plan.hours, at_ms):%Y-%m-%d %H:%M}"

    async def _tell(self, message: Message, opening: Opening) -> None:
        try:
            past = await self._store.past_turns(message.channel, 1)
            language = past[-1].analysis.get("language") if past else None
            data: dict[str, Any] = {"event": "away"}
            if opening.opens_ms is not None:
                data["opens_ms"] = opening.opens_ms
            done = await self._store.append(
                Append(
                    channel=message.channel,
                    sender=_SYSTEM,
                    key=f"away-{message.offset}",
                    text=self.text(language, opening),
                    message_id=self._new_id(),
                    at_ms=self._clock.now_ms(),
                    data=data,
                )
            )
            for stored in done.messages:
                await self._messages.publish(stored)
        except ProtocolError as error:
            _log.warning("not told that nobody is there", channel=message.channel, reason=str(error))
        except Exception:
            _log.exception("not told that nobody is there", channel=message.channel)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        # Of its own context: what one session does must not log under the name of another.
        task = asyncio.create_task(work, context=Context())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
