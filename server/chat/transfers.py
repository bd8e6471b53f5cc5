"""A claimed conversation goes to another agent, or back to the queue.

The ledger does it in one commit: a claim ends and, with a named agent, the next begins, so that no instant lies between
at which the bot could answer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from server.chat.access import require_agent, require_conversation
from server.chat.content import short_text
from server.chat.handoff import MAX_REASON_CODE_POINTS
from server.chat.messages import Messages, told
from server.chat.notebook import Notebook
from server.chat.notices import Notices
from server.chat.peer import Caller
from server.clock import Clock
from server.errors import Invalid
from server.store.ports import Changed, Notice, Release, Store
from server.telemetry import Metrics
from server.wire.parts import User


class Transfers:
    """``members_changed`` as ``HandoffVerbs``'s. The reason becomes a note, for customers must not read it, and the
    agent named gets a notification."""

    def __init__(
        self,
        *,
        store: Store,
        messages: Messages,
        notebook: Notebook,
        notices: Notices,
        members_changed: Callable[[str, Sequence[str], Sequence[str]], None],
        metrics: Metrics,
        clock: Clock,
        new_id: Callable[[], str],
    ) -> None:
        self._store = store
        self._messages = messages
        self._notebook = notebook
        self._notices = notices
        self._members_changed = members_changed
        self._metrics = metrics
        self._clock = clock
        self._new_id = new_id

    async def transfer(self, caller: Caller, channel: str, agent: str | None, reason: str | None) -> Changed:
        """To the agent with that id, or to the queue, which wants a reason. ``NotFound`` also for an id that is no
        agent's; ``Forbidden``; ``Conflict`` where somebody else has claimed it, or nobody; ``Invalid``."""
        await require_conversation(self._store, caller, channel)
        require_agent(caller, "transfer")
        said = short_text(reason, "reason", MAX_REASON_CODE_POINTS) if reason else None
        if agent is None and said is None:
            raise Invalid("Say why it goes back to the queue, in reason, or name the agent who is to have it.")
        changed = await self._store.release(
            Release(
                channel=channel,
                by=caller.user,
                message_id=self._new_id(),
                at_ms=self._clock.now_ms(),
                to="bot" if agent is not None else "waiting",
                reason=said,
                heir=agent,
            )
        )
        for message in changed.messages:
            await self._messages.publish(message)
        if changed.agent is not None:
            self._metrics.claims.inc()
            self._members_changed(channel, [changed.agent.id], [])
        await told(self._tell(caller, channel, changed.agent, said))
        return changed

    async def _tell(self, caller: Caller, channel: str, heir: User | None, reason: str | None) -> None:
        to = "the queue" if heir is None else heir.name
        if reason is not None:
            await self._notebook.add(caller, channel, f"Passed on to {to}: {reason}", self._new_id())
        if heir is not None:
            await self._notices.notify(
                Notice(
                    notification_id="",
                    user_id=heir.id,
                    priority="high",
                    title=f"{caller.user.name[:100]} has passed a conversation on to you",
                    body=reason or "No reason was given.",
                    data={"transfer": channel},
                    at_ms=0,
                )
            )
