"""The way to a human and back: handoff, claim, release (PROTOCOL §5).

The ledger fences: once a claim is committed no answer of the bot is, whatever worker it was made on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from server.chat.access import is_conversation, no_such_channel, require_agent, require_conversation
from server.chat.content import short_text
from server.chat.messages import Listener, Messages, told
from server.chat.peer import Caller
from server.clock import Clock
from server.errors import NotFound
from server.store import ports
from server.store.ports import Changed, Store
from server.telemetry import Metrics
from server.wire.frames import Claimed, HandedOff, Released
from server.wire.requests import Claim, Handoff, Release

MAX_REASON_CODE_POINTS = 500


class HandoffVerbs:
    """``members_changed(channel, added, removed)`` hears that an agent has become a member by claiming."""

    def __init__(
        self,
        *,
        store: Store,
        messages: Messages,
        reactions: Listener,
        members_changed: Callable[[str, Sequence[str], Sequence[str]], None],
        metrics: Metrics,
        clock: Clock,
        new_id: Callable[[], str],
    ) -> None:
        self._store = store
        self._messages = messages
        self._reactions = reactions
        self._members_changed = members_changed
        self._metrics = metrics
        self._clock = clock
        self._new_id = new_id

    async def handoff(self, caller: Caller, frame: Handoff) -> HandedOff:
        """Ask for a human; asking again changes nothing. An empty ``reason`` is none. ``NotFound``, ``Invalid``."""
        if not is_conversation(frame.channel):
            raise no_such_channel()
        try:
            changed = await self._store.handoff(
                ports.Handoff(
                    channel=frame.channel,
                    by=caller.user,
                    reason=short_text(frame.reason, "reason", MAX_REASON_CODE_POINTS) if frame.reason else None,
                    message_id=self._new_id(),
                    at_ms=self._clock.now_ms(),
                    members_only=not caller.is_staff,
                )
            )
        except NotFound:
            raise no_such_channel() from None
        if await self._publish(changed):
            self._metrics.handoffs.inc()
            await told(self._reactions.on_handoff(frame.channel))
        return HandedOff(id=frame.id, channel=frame.channel, state=changed.state)

    async def claim(self, caller: Caller, frame: Claim) -> Claimed:
        """Take the conversation over. ``NotFound``, ``Forbidden``, ``Conflict`` where another agent has it."""
        await require_conversation(self._store, caller, frame.channel)
        require_agent(caller, "claim")
        changed = await self._store.claim(
            ports.Claim(channel=frame.channel, agent=caller.user, message_id=self._new_id(), at_ms=self._clock.now_ms())
        )
        if await self._publish(changed):
            self._metrics.claims.inc()
            self._members_changed(frame.channel, [caller.user.id], [])
        return Claimed(id=frame.id, channel=frame.channel, agent=changed.agent or caller.user)

    async def release(self, caller: Caller, frame: Release) -> Released:
        """Give it back to the bot; admins end anybody's claim. ``NotFound``, ``Forbidden``, ``Conflict``."""
        await require_conversation(self._store, caller, frame.channel)
        require_agent(caller, "release")
        changed = await self._store.release(
            ports.Release(channel=frame.channel, by=caller.user, message_id=self._new_id(), at_ms=self._clock.now_ms())
        )
        await self._publish(changed)
        return Released(id=frame.id, channel=frame.channel)

    async def _publish(self, changed: Changed) -> bool:
        """Ring for what was stored; whether that is anything."""
        for message in changed.messages:
            await self._messages.publish(message)
        return bool(changed.messages)
