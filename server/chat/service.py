"""What each verb of the protocol does. Every method answers its peer, or raises an error of the table."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Protocol

import structlog

from server import __version__
from server.chat.access import (
    CONVERSATION_PREFIX,
    message_sender,
    no_such_channel,
    own_channels,
    require_conversation,
)
from server.chat.content import checked_comment, checked_rating, normal_text, plain_data
from server.chat.peer import ChatPeer
from server.chat.reading import ENVELOPE_BYTES, Recovery, read_history, recover
from server.clock import Clock
from server.errors import BadFrame, Invalid, ProtocolError
from server.fanout.feed import Subscription
from server.fanout.hub import Fanout
from server.store.ports import Append, Opening, OpenTurn, Rating, Resolution, RewardParts, Store
from server.wire.frames import (
    Ack,
    ErrorRef,
    Event,
    FeedbackAccepted,
    Message,
    Opened,
    Recovered,
    Resolved,
    ServerInfo,
    Subscribed,
    Unsubscribed,
    Welcome,
)
from server.wire.parts import MAX_CHANNELS, MAX_SERVER_MESSAGE_BYTES
from server.wire.requests import (
    Connect,
    Feedback,
    History,
    Incoming,
    Open,
    Position,
    Resolve,
    Send,
    Subscribe,
    Unsubscribe,
)

MAX_ID_CODE_POINTS = 64

_log = structlog.get_logger(__name__)


class Listener(Protocol):
    """Who wants to know how answers are received."""

    async def on_rating(self, found: RewardParts) -> None:
        """Somebody rated a decision's answer."""

    async def on_resolved(self, channel: str, resolved: bool) -> None:
        """A conversation was resolved or opened again."""


class Chat:
    """The verbs. Values it is given: the ledger, the fan-out, the bot, a clock, and makers of identifiers."""

    def __init__(
        self,
        *,
        store: Store,
        fanout: Fanout,
        bot: Listener,
        submit_turn: Callable[[OpenTurn], None],
        clock: Clock,
        new_id: Callable[[], str],
        explain: bool,
        worker: str,
        lease_ms: int,
        ping_interval_ms: int,
        max_message_bytes: int,
        on_message: Callable[[], None],
    ) -> None:
        self.explain = explain
        self._store = store
        self._fanout = fanout
        self._bot = bot
        self._submit_turn = submit_turn
        self._clock = clock
        self._new_id = new_id
        self._worker = worker
        self._lease_ms = lease_ms
        self._ping_interval_ms = ping_interval_ms
        self._max_message_bytes = max_message_bytes
        self._on_message = on_message

    async def perform(self, peer: ChatPeer, frame: Incoming) -> None:
        """Do what a frame other than connect, ping, refresh and send asks for."""
        match frame:
            case Subscribe():
                await self._subscribe(peer, frame)
            case Unsubscribe():
                await self._unsubscribe(peer, frame)
            case History():
                await require_conversation(self._store, peer, frame.channel)
                peer.answer(await read_history(self._store, peer, frame))
            case Open():
                await self._open(peer, frame)
            case Resolve():
                await self._resolve(peer, frame)
            case Feedback():
                await self._feedback(peer, frame)
            case _:
                raise BadFrame(f"unknown type {type(frame).__name__.lower()!r}")

    # ------------------------------------------------------------------ connecting

    async def connect(self, peer: ChatPeer, frame: Connect) -> None:
        """Register the user, catch up with every channel of ``resume``, and welcome."""
        user = peer.session.require_user()
        now_ms = self._clock.now_ms()
        if peer.new_token is None:  # a guest who never opens a conversation leaves no row
            await self._store.save_user(user, now_ms)
        for channel in own_channels(peer):
            self._fanout.open(await self._fanout.join(peer, channel), 0)
        channels, subscriptions = await self._resume(peer, frame.resume or {})
        peer.answer(
            Welcome(
                id=frame.id,
                session=peer.session_id,
                user=user,
                token=peer.new_token,
                ping_interval_ms=self._ping_interval_ms,
                max_message_bytes=self._max_message_bytes,
                time_ms=now_ms,
                server=ServerInfo(name="parlance", version=__version__),
                notifications=[],
                unread=0,
                channels=channels,
            )
        )
        for subscription, offset in subscriptions:
            self._fanout.open(subscription, offset)

    async def _resume(
        self, peer: ChatPeer, resume: dict[str, Position]
    ) -> tuple[dict[str, Recovered], list[tuple[Subscription, int]]]:
        entries: dict[str, Recovered] = {}
        subscriptions: list[tuple[Subscription, int]] = []
        left_bytes = MAX_SERVER_MESSAGE_BYTES - ENVELOPE_BYTES
        for channel, position in resume.items():
            if channel in own_channels(peer):
                entries[channel] = Recovered(recovered=False, epoch="", offset=0, messages=[])
                continue
            if len(peer.session.channels) >= MAX_CHANNELS:
                entries[channel] = Recovered(error=ErrorRef(429, "rate_limited"))
                continue
            try:
                subscription, found = await self._join_conversation(peer, channel, position, left_bytes)
            except ProtocolError as error:
                entries[channel] = Recovered(error=ErrorRef(error.code, error.name))
                continue
            left_bytes -= found.encoded_bytes
            subscriptions.append((subscription, found.offset))
            entries[channel] = Recovered(
                recovered=found.recovered,
                epoch=found.epoch,
                offset=found.offset,
                messages=found.messages,
                conversation=found.conversation,
            )
        return entries, subscriptions

    async def disconnect(self, peer: ChatPeer) -> None:
        """Leave every channel."""
        for channel in (*peer.session.channels, *own_channels(peer)):
            peer.session.channels.discard(channel)
            await self._fanout.leave(peer, channel)

    # ------------------------------------------------------------------ channels

    async def _join_conversation(
        self, peer: ChatPeer, channel: str, position: Position | None, budget_bytes: int
    ) -> tuple[Subscription, Recovery]:
        """Join first, then read: what is committed in between is waiting in the subscription."""
        await require_conversation(self._store, peer, channel)
        subscription = await self._fanout.join(peer, channel)
        try:
            found = await recover(self._store, peer, channel, position, budget_bytes)
        except BaseException:
            await self._fanout.give_up(subscription)
            raise
        peer.session.channels.add(channel)
        return subscription, found

    async def _subscribe(self, peer: ChatPeer, frame: Subscribe) -> None:
        if frame.channel in own_channels(peer):
            subscription = await self._fanout.join(peer, frame.channel)
            peer.answer(Subscribed(frame.id, frame.channel, "", 0, False, []))
            peer.answer(Event(channel=frame.channel, name="snapshot", data={"items": []}))
            self._fanout.open(subscription, 0)
            return
        position = None
        if frame.epoch is not None and frame.offset is not None:
            position = Position(frame.epoch, frame.offset)
        budget_bytes = MAX_SERVER_MESSAGE_BYTES - ENVELOPE_BYTES
        subscription, found = await self._join_conversation(peer, frame.channel, position, budget_bytes)
        peer.answer(
            Subscribed(
                id=frame.id,
                channel=frame.channel,
                epoch=found.epoch,
                offset=found.offset,
                recovered=found.recovered,
                messages=found.messages,
                conversation=found.conversation,
            )
        )
        self._fanout.open(subscription, found.offset)

    async def _unsubscribe(self, peer: ChatPeer, frame: Unsubscribe) -> None:
        if frame.channel not in peer.session.channels and frame.channel not in own_channels(peer):
            raise no_such_channel()
        peer.session.channels.discard(frame.channel)
        await self._fanout.leave(peer, frame.channel)
        peer.answer(Unsubscribed(id=frame.id, channel=frame.channel))

    async def _open(self, peer: ChatPeer, frame: Open) -> None:
        opening = Opening(
            channel=CONVERSATION_PREFIX + self._new_id(),
            epoch=self._new_id(),
            user=peer.session.require_user(),
            key=frame.key,
            metadata=plain_data(frame.metadata, "metadata"),
            at_ms=self._clock.now_ms(),
        )
        opened = await self._store.open_conversation(opening)
        channel = opened.conversation.channel
        subscription, found = await self._join_conversation(peer, channel, None, MAX_SERVER_MESSAGE_BYTES)
        peer.answer(
            Opened(
                id=frame.id,
                channel=channel,
                epoch=found.epoch,
                offset=found.offset,
                duplicate=opened.duplicate,
                conversation=found.conversation,
            )
        )
        self._fanout.open(subscription, found.offset)

    # ------------------------------------------------------------------ messages

    async def prepare_send(self, peer: ChatPeer, frame: Send) -> Coroutine[Any, Any, None]:
        """Check everything now; the coroutine commits, acks and rings. Start coroutines in the order prepared."""
        await require_conversation(self._store, peer, frame.channel)
        if frame.reply_to is not None and not 1 <= len(frame.reply_to) <= MAX_ID_CODE_POINTS:
            raise Invalid("reply_to is no message_id")
        user = peer.session.require_user()
        append = Append(
            channel=frame.channel,
            sender=message_sender(user),
            key=frame.key,
            text=normal_text(frame.text),
            message_id=self._new_id(),
            at_ms=self._clock.now_ms(),
            data=plain_data(frame.data),
            reply_to=frame.reply_to,
            wants_turn=user.kind == "customer",
            worker=self._worker,
            lease_ms=self._lease_ms,
        )
        return self._commit_send(peer, frame, append)

    async def _commit_send(self, peer: ChatPeer, frame: Send, append: Append) -> None:
        done = await self._store.append(append)
        peer.answer(
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
            await self._publish(message)
        if done.turn is not None:
            self._submit_turn(done.turn)

    async def _publish(self, message: Message) -> None:
        self._on_message()
        await self._fanout.publish_message(message)

    async def _resolve(self, peer: ChatPeer, frame: Resolve) -> None:
        await require_conversation(self._store, peer, frame.channel)
        message = await self._store.resolve(
            Resolution(
                channel=frame.channel,
                resolved=frame.resolved,
                by=peer.session.require_user(),
                message_id=self._new_id(),
                at_ms=self._clock.now_ms(),
            )
        )
        peer.answer(Resolved(id=frame.id, channel=frame.channel, resolved=frame.resolved))
        if message is not None:
            await self._publish(message)
            await _tell(self._bot.on_resolved(frame.channel, frame.resolved))

    async def _feedback(self, peer: ChatPeer, frame: Feedback) -> None:
        found = await self._store.rate(
            Rating(
                message_id=frame.message_id,
                user_id=peer.user_id,
                rating=checked_rating(frame.rating),
                comment=checked_comment(frame.comment),
                at_ms=self._clock.now_ms(),
                in_every_conversation=peer.is_staff,
            )
        )
        peer.answer(FeedbackAccepted(id=frame.id, message_id=frame.message_id, accepted=True))
        await _tell(self._bot.on_rating(found))


async def _tell(work: Coroutine[Any, Any, None]) -> None:
    """Do what follows an answer that has gone out: its failure is no second answer."""
    try:
        await work
    except Exception:
        _log.exception("after the answer")
