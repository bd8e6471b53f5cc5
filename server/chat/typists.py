"""Typing: who is about to say something (PROTOCOL §6).

``typing`` has no answer. The others in the conversation, not the user who types nor any of that user's devices, are
told when it begins and when it ends: it ends when the client says so, 6 s after it last said ``on``, or with the user's
last connection. Sending a message does not end it. Each use checks whether the user may act in the conversation.
"""

from __future__ import annotations

import asyncio
from typing import NamedTuple

import structlog

from server.backplane.ports import Envelope
from server.chat.access import require_conversation
from server.chat.peer import Caller
from server.chat.signals import Signals, TypingMoved
from server.clock import Clock
from server.fanout.hub import Fanout
from server.store.ports import Store
from server.wire.codec import JSON
from server.wire.frames import TypingChange
from server.wire.parts import User
from server.wire.requests import SetTyping

LAPSE_MS = 6_000.0
MAX_TYPISTS = 50_000
"""Who may type at a time in the conversations looked at here; further ones are not shown."""

_log = structlog.get_logger(__name__)


class Typing(NamedTuple):
    channel: str
    user: User


class Typists:
    """Who types where, until when. Pure; times are monotonic."""

    def __init__(self, lapse_ms: float = LAPSE_MS, most: int = MAX_TYPISTS) -> None:
        self._lapse_ms = lapse_ms
        self._most = most
        # All lapse after equally long, and whoever types on goes to the end: the first lapses first.
        self._typing: dict[tuple[str, str], tuple[float, User]] = {}

    def heard(self, channel: str, user: User, on: bool, now_ms: float) -> bool:
        """Whether this is a beginning or an end, and not more of the same."""
        was_on = self._typing.pop((channel, user.id), None) is not None
        if on and len(self._typing) < self._most:
            self._typing[channel, user.id] = (now_ms + self._lapse_ms, user)
            return not was_on
        return was_on

    @property
    def due_ms(self) -> float | None:
        """When the next one lapses."""
        return next((due_ms for due_ms, _ in self._typing.values()), None)

    def take_lapsed(self, now_ms: float) -> list[Typing]:
        """Those who have not said for too long that they type; they don't any more."""
        lapsed: list[Typing] = []
        for (channel, _), (due_ms, user) in self._typing.items():
            if due_ms > now_ms:
                break
            lapsed.append(Typing(channel, user))
        for channel, user in lapsed:
            del self._typing[channel, user.id]
        return lapsed


class TypingVerbs:
    """Takes it from those who type, and shows it on every worker to those who look."""

    def __init__(self, *, store: Store, fanout: Fanout, signals: Signals, clock: Clock) -> None:
        self._store = store
        self._fanout = fanout
        self._signals = signals
        self._clock = clock
        self._shown = Typists()
        self._said: dict[str, Typists] = {}
        self._wake = asyncio.Event()
        signals.on(TypingMoved, self._hear)

    async def set(self, caller: Caller, frame: SetTyping) -> None:
        """``NotFound`` where the caller may not act in the conversation."""
        await require_conversation(self._store, caller, frame.channel)
        now_ms = self._clock.mono_ms()
        said = self._said.setdefault(caller.user.id, Typists())
        said.take_lapsed(now_ms)
        said.heard(frame.channel, caller.user, frame.on, now_ms)
        if said.due_ms is None:
            del self._said[caller.user.id]
        await self._signals.send(TypingMoved(frame.channel, caller.user, frame.on), frame.channel)

    async def stop(self, user_id: str) -> None:
        """The user's last connection to this worker has gone, and with it what was said over it."""
        said = self._said.pop(user_id, None)
        if said is None:
            return
        said.take_lapsed(self._clock.mono_ms())
        for channel, user in said.take_lapsed(float("inf")):
            await self._signals.send(TypingMoved(channel, user, False), channel)

    def _hear(self, word: TypingMoved) -> None:
        if word.on and not self._fanout.subscribers(word.channel):
            return
        if self._shown.heard(word.channel, word.user, word.on, self._clock.mono_ms()):
            self._show(word.channel, word.user, word.on)
        self._wake.set()

    def _show(self, channel: str, user: User, on: bool) -> None:
        push = JSON.encode(TypingChange(channel=channel, user=user, on=on))
        self._fanout.show(Envelope(channel, 0, push, audience="others", author=user.id))

    async def run(self) -> None:
        """Let lapse, for ever."""
        while True:
            due_ms = self._shown.due_ms
            if due_ms is None:
                self._wake.clear()
                await self._wake.wait()
                continue
            await asyncio.sleep(max(due_ms - self._clock.mono_ms(), 0) / 1000)
            self.lapse()

    def lapse(self) -> None:
        """Tell of those who have stopped without saying so."""
        for channel, user in self._shown.take_lapsed(self._clock.mono_ms()):
            try:
                self._show(channel, user, on=False)
            except Exception:  # the others have stopped too, and the next round must come
                _log.exception("end of typing not shown", channel=channel)
