"""Verbs about single messages: send, history, feedback (PROTOCOL §5)."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Protocol

import structlog

from server.chat.access import is_conversation, message_sender, no_such_channel, require_conversation
from server.chat.apprentice import chosen_persona
from server.chat.content import checked_comment, checked_rating, normal_text, plain_data
from server.chat.peer import Caller
from server.chat.quotas import Doorkeeper
from server.chat.reading import read_history
from server.chat.signals import Signals, TurnsLeft
from server.clock import Clock
from server.errors import Invalid, NotFound
from server.fanout.hub import Fanout
from server.store.ports import Append, Appended, OpenTurn, Rating, RewardParts, Store
from server.wire.codec import JSON, Codec
from server.wire.frames import Ack, FeedbackAccepted, HistoryPage, Message
from server.wire.requests import Feedback, History, Send

MAX_ID_CODE_POINTS = 64
_AGENTS = ("agent", "admin")

_log = structlog.get_logger(__name__)


class Listener(Protocol):
    """Who wants to know how answers are received."""

    async def on_rating(self, found: RewardParts) -> None:
        """Somebody rated a decision's answer."""

    async def on_agent_message(self, message: Message) -> None:
        """An agent wrote, and said in which persona."""

    async def on_assessed(self, channel: str, rating: float) -> None:
        """Somebody rated a conversation as a whole."""

    async def on_resolved(self, channel: str, resolved: bool) -> None:
        """A conversation was resolved or opened again."""

    async def on_handoff(self, channel: str) -> None:
        """Somebody asked for a human."""


class Messages:
    """``submit_turn`` gets the turns that are this worker's to answer, ``listen`` the customers' messages that no bot
    answers, since a person has claimed their conversation."""

    def __init__(
        self,
        *,
        store: Store,
        fanout: Fanout,
        signals: Signals,
        reactions: Listener,
        submit_turn: Callable[[OpenTurn], None],
        listen: Callable[[Message], None],
        clock: Clock,
        new_id: Callable[[], str],
        doorkeeper: Doorkeeper,
        worker: str,
        lease_ms: int,
    ) -> None:
        self._store = store
        self._fanout = fanout
        self._signals = signals
        self._reactions = reactions
        self._submit_turn = submit_turn
        self._listen = listen
        self._clock = clock
        self._new_id = new_id
        self._doorkeeper = doorkeeper
        self._worker = worker
        self._lease_ms = lease_ms

    async def charge(self, caller: Caller) -> None:
        """Count one message of the caller's; ``RateLimited``. Services write for many people and are not counted."""
        if caller.user.kind != "service":
            await self._doorkeeper.charge(self._doorkeeper.quotas.messages, caller.user.id)

    def prepare_send(self, caller: Caller, frame: Send, acked: Callable[[Ack], None]) -> Coroutine[Any, Any, None]:
        """Check everything now but for membership, which the commit does; the coroutine commits, acks and rings.

        Start coroutines in the order prepared: messages take their offsets in that order.
        """
        if not is_conversation(frame.channel):
            raise no_such_channel()
        if frame.reply_to is not None and not 1 <= len(frame.reply_to) <= MAX_ID_CODE_POINTS:
            raise Invalid("reply_to is no message_id")
        append = Append(
            channel=frame.channel,
            sender=message_sender(caller.user),
            key=frame.key,
            text=normal_text(frame.text),
            message_id=self._new_id(),
            at_ms=self._clock.now_ms(),
            data=plain_data(frame.data),
            reply_to=frame.reply_to,
            wants_turn=not caller.is_staff,
            members_only=not caller.is_staff,
            worker=self._worker,
            lease_ms=self._lease_ms,
        )
        return self._commit(frame, append, acked)

    async def _commit(self, frame: Send, append: Append, acked: Callable[[Ack], None]) -> None:
        try:
            done = await self._store.append(append)
        except NotFound:
            raise no_such_channel() from None
        acked(
            Ack(
                id=frame.id,
                channel=frame.channel,
                key=frame.key,
                message_id=done.message.message_id,
                offset=done.message.offset,
                at_ms=done.message.at_ms,
                duplicate=done.duplicate,
            )
        )
        for message in done.messages:
            await self.publish(message)
        await self._hand_over(done, append)
        if not done.duplicate and append.sender.kind in _AGENTS and chosen_persona(append.data) is not None:
            await told(self._reactions.on_agent_message(done.message))

    async def _hand_over(self, done: Appended, append: Append) -> None:
        if done.turn is not None:
            self._submit_turn(done.turn)
        elif done.holder is not None:
            await self._signals.send(TurnsLeft(done.holder, done.message.channel))
        elif append.wants_turn and not done.duplicate:
            self._listen(done.message)

    async def publish(self, message: Message) -> None:
        """Ring for a message that has just been stored."""
        await self._fanout.publish_message(message)

    async def history(self, caller: Caller, frame: History, codec: Codec = JSON) -> HistoryPage:
        await require_conversation(self._store, caller, frame.channel)
        return await read_history(self._store, caller, frame, codec)

    async def feedback(self, caller: Caller, frame: Feedback) -> FeedbackAccepted:
        found = await self._store.rate(
            Rating(
                message_id=frame.message_id,
                user_id=caller.user.id,
                rating=checked_rating(frame.rating),
                comment=checked_comment(frame.comment),
                at_ms=self._clock.now_ms(),
                in_every_conversation=caller.is_staff,
            )
        )
        await told(self._reactions.on_rating(found))
        return FeedbackAccepted(id=frame.id, message_id=frame.message_id, accepted=True)


async def told(work: Coroutine[Any, Any, None]) -> None:
    """Do what follows something that is stored: its failure must not look like the verb's."""
    try:
        await work
    except Exception:
        _log.exception("after a verb")
