"""What a connection asks of the chat: who is there, which channels it hears, and which verb answers which frame."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from typing import Any, NamedTuple

import structlog

from server import __version__
from server.chat.access import (
    is_conversation,
    no_such_channel,
    own_channels,
    require_conversation,
    require_live_channel,
    user_channel,
)
from server.chat.accounts import Accounts
from server.chat.connected import Connected
from server.chat.conversations import ConversationVerbs
from server.chat.messages import Messages
from server.chat.notices import MAX_UNSEEN, Notices
from server.chat.peer import Caller, ChatPeer, Claims
from server.chat.presence import PresenceVerbs
from server.chat.quotas import Doorkeeper
from server.chat.reading import ENVELOPE_BYTES, Recovery, recover
from server.clock import Clock
from server.errors import BadFrame, NotFound, ProtocolError
from server.fanout.feed import Subscription
from server.fanout.hub import Fanout
from server.store.ports import Store
from server.wire.codec import error_frame
from server.wire.frames import (
    ErrorRef,
    Event,
    Opened,
    Recovered,
    ServerFrame,
    ServerInfo,
    Subscribed,
    Unsubscribed,
    Welcome,
)
from server.wire.parts import MAX_CHANNELS, MAX_SERVER_MESSAGE_BYTES
from server.wire.requests import Connect, History, Incoming, MarkSeen, Open, Position, Send, Subscribe, Unsubscribe

# Word of a removal is lost only with the doorbell; each subscription of a customer costs a look-up per round.
CHECK_MEMBERS_S = 15.0

_log = structlog.get_logger(__name__)

Verb = Callable[[Caller, Any], Awaitable[ServerFrame | None]]
Snapshot = Callable[[Caller], Awaitable[dict[str, Any]]]

# What ``subscribed`` would hold of a channel without durable messages.
LIVE = Recovered(recovered=False, epoch="", offset=0, messages=[])


class Joined(NamedTuple):
    """A subscription that waits for its answer, to be opened at ``offset`` after ``snapshot``."""

    subscription: Subscription
    offset: int
    snapshot: Event | None = None


class Chat:
    """The roads between connections and verbs.

    ``verbs``: what answers a frame of a type, for callers of any kind. ``snapshots``: what a channel without durable
    messages holds now, by channel; the others begin empty. ``notice``: what everybody is told who connects.
    """

    def __init__(
        self,
        *,
        store: Store,
        fanout: Fanout,
        connected: Connected,
        messages: Messages,
        conversations: ConversationVerbs,
        doorkeeper: Doorkeeper,
        accounts: Accounts,
        presence: PresenceVerbs,
        notices: Notices,
        verbs: Mapping[type[Incoming], Verb],
        snapshots: Mapping[str, Snapshot],
        clock: Clock,
        explain: bool,
        ping_interval_ms: int,
        max_message_bytes: int,
        notice: Callable[[], Event | None] = lambda: None,
    ) -> None:
        self.explain = explain
        self._store = store
        self._fanout = fanout
        self._connected = connected
        self._messages = messages
        self._conversations = conversations
        self._doorkeeper = doorkeeper
        self._accounts = accounts
        self._presence = presence
        self._notices = notices
        self._verbs = verbs
        self._snapshots = snapshots
        self._notice = notice
        self._clock = clock
        self._ping_interval_ms = ping_interval_ms
        self._max_message_bytes = max_message_bytes

    async def perform(self, peer: ChatPeer, frame: Incoming) -> None:
        """Do what a frame other than connect, ping, refresh and send asks for, and answer it."""
        match frame:
            case Subscribe():
                await self._subscribe(peer, frame)
            case Unsubscribe():
                await self._unsubscribe(peer, frame)
            case Open():
                await self._open(peer, frame)
            case History():
                peer.answer(await self._messages.history(peer.caller, frame, peer.codec))
            case MarkSeen():
                peer.answer(await self._notices.see(peer.caller, frame, peer.session_id))
            case _:
                verb = self._verbs.get(type(frame))
                if verb is None:
                    raise BadFrame(f"unknown type {type(frame).__name__.lower()!r}")
                answer = await verb(peer.caller, frame)
                if answer is not None:
                    peer.answer(answer)

    async def prepare_send(self, peer: ChatPeer, frame: Send) -> Coroutine[Any, Any, None]:
        """See ``Messages.prepare_send``. Raises ``RateLimited``."""
        await self._messages.charge(peer.caller)
        return self._messages.prepare_send(peer.caller, frame, peer.answer)

    # ------------------------------------------------------------------ connecting

    async def connect(self, peer: ChatPeer, frame: Connect) -> None:
        """Register the user, catch up with every channel of ``resume``, and welcome."""
        user = peer.caller.user
        now_ms = self._clock.now_ms()
        self._connected.add(peer)  # before the account is read: a revocation from now on closes this connection
        self._doorkeeper.count_devices(len(self._connected.of(user.id)))
        if peer.claims.new_token is None:  # a guest who never opens a conversation leaves no row
            await self._accounts.admit(peer.claims)
        own = [Joined(await self._fanout.join(peer, channel), 0) for channel in own_channels(user.id)]
        channels, resumed = await self._resume(peer, frame.resume or {})
        notifications, unread = await self._notices.unseen(peer.caller, MAX_UNSEEN)
        peer.answer(
            Welcome(
                id=frame.id,
                session=peer.session_id,
                user=user,
                token=peer.claims.new_token,
                ping_interval_ms=self._ping_interval_ms,
                max_message_bytes=self._max_message_bytes,
                time_ms=now_ms,
                server=ServerInfo(name="parlance", version=__version__),
                notifications=notifications,
                unread=unread,
                channels=channels,
            )
        )
        notice = self._notice()
        if notice is not None:
            peer.answer(notice)
        for joined in (*own, *resumed):
            if joined.snapshot is not None:
                peer.answer(joined.snapshot)
            self._fanout.open(joined.subscription, joined.offset)
        await self._presence.arrived(peer)

    async def readmit(self, claims: Claims) -> None:
        """A new token for a connection that is open: ``Unauthenticated`` where it was revoked, ``Banned``."""
        await self._accounts.admit(claims)

    async def _resume(self, peer: ChatPeer, resume: dict[str, Position]) -> tuple[dict[str, Recovered], list[Joined]]:
        entries: dict[str, Recovered] = {}
        resumed: list[Joined] = []
        left_bytes = MAX_SERVER_MESSAGE_BYTES - ENVELOPE_BYTES
        looks = 0  # each asks the store, also for a channel that there is not
        for channel, position in resume.items():
            if channel in own_channels(peer.user_id):  # joined already; the welcome has what they hold
                entries[channel] = LIVE
                continue
            if looks >= MAX_CHANNELS:
                entries[channel] = Recovered(error=ErrorRef(429, "rate_limited"))
                continue
            looks += 1
            try:
                if not is_conversation(channel):
                    resumed.append(await self._join_live(peer, channel))
                    entries[channel] = LIVE
                    continue
                subscription, found = await self._join_conversation(peer, channel, position, left_bytes)
            except ProtocolError as error:
                entries[channel] = Recovered(error=ErrorRef(error.code, error.name))
                continue
            left_bytes -= found.encoded_bytes
            resumed.append(Joined(subscription, found.offset))
            entries[channel] = Recovered(
                recovered=found.recovered,
                epoch=found.epoch,
                offset=found.offset,
                messages=found.messages,
                conversation=found.conversation,
                receipts=found.receipts or None,
            )
        return entries, resumed

    async def disconnect(self, peer: ChatPeer) -> None:
        """Leave every channel."""
        self._connected.remove(peer)
        for channel in (*peer.session.channels, *own_channels(peer.user_id)):
            peer.session.channels.discard(channel)
            await self._fanout.leave(peer, channel)
        await self._presence.left(peer)

    async def evict(self, channel: str, user_ids: Iterable[str]) -> None:
        """End the subscriptions, also those in the making, of users who are no members any more, and tell them.

        Staff needs no membership; who was added again meanwhile stays.
        """
        for user_id in user_ids:
            peers = [peer for peer in self._connected.of(user_id) if not peer.is_staff]
            if not peers or await self._store.is_member(channel, user_id):
                continue
            for peer in peers:
                if channel in peer.session.channels:
                    peer.session.channels.discard(channel)
                    peer.answer(error_frame(NotFound(f"you are no member of {channel} any more")))
                await self._fanout.leave(peer, channel)

    async def check_members(self) -> None:
        """Evict whoever on this worker is subscribed without being a member: word of a removal may have been lost."""
        for peer in self._connected:
            if not peer.is_staff:
                for channel in [channel for channel in peer.session.channels if is_conversation(channel)]:
                    await self.evict(channel, [peer.user_id])

    async def watch_members(self) -> None:
        """``check_members`` from time to time, for ever."""
        while True:
            await asyncio.sleep(CHECK_MEMBERS_S)
            try:
                await self.check_members()
            except ProtocolError as error:
                _log.warning("members not checked", reason=str(error))
            except Exception:  # whatever it was, the next round must come
                _log.exception("members not checked")

    # ------------------------------------------------------------------ channels

    async def _join_conversation(
        self, peer: ChatPeer, channel: str, position: Position | None, budget_bytes: int
    ) -> tuple[Subscription, Recovery]:
        """Join first, then read: what is committed in between is waiting in the subscription."""
        subscription = await self._fanout.join(peer, channel)
        try:
            await require_conversation(self._store, peer.caller, channel)
            found = await recover(self._store, peer, channel, position, budget_bytes)
        except BaseException:
            await self._fanout.give_up(subscription)
            raise
        if not self._fanout.holds(subscription):  # evicted while the ledger was read
            raise no_such_channel()
        peer.session.channels.add(channel)
        return subscription, found

    async def _subscribe(self, peer: ChatPeer, frame: Subscribe) -> None:
        if not is_conversation(frame.channel):
            await self._subscribe_live(peer, frame)
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
                receipts=found.receipts or None,
            )
        )
        self._fanout.open(subscription, found.offset)

    async def _subscribe_live(self, peer: ChatPeer, frame: Subscribe) -> None:
        joined = await self._join_live(peer, frame.channel)
        peer.answer(Subscribed(frame.id, frame.channel, "", 0, False, []))
        if joined.snapshot is not None:
            peer.answer(joined.snapshot)
        self._fanout.open(joined.subscription, 0)

    async def _join_live(self, peer: ChatPeer, channel: str) -> Joined:
        """A channel without durable messages: what it holds now, then changes. ``NotFound``."""
        require_live_channel(peer.caller, channel)
        subscription = await self._fanout.join(peer, channel)
        try:
            data = await self._held(peer.caller, channel)
        except BaseException:
            await self._fanout.give_up(subscription)
            raise
        if channel not in own_channels(peer.user_id):
            peer.session.channels.add(channel)
        return Joined(subscription, 0, Event(channel=channel, name="snapshot", data=data))

    async def _held(self, caller: Caller, channel: str) -> dict[str, Any]:
        if channel == user_channel(caller.user.id):
            return await self._notices.snapshot(caller)
        snapshot = self._snapshots.get(channel)
        return {"items": []} if snapshot is None else await snapshot(caller)

    async def _unsubscribe(self, peer: ChatPeer, frame: Unsubscribe) -> None:
        if frame.channel not in peer.session.channels and frame.channel not in own_channels(peer.user_id):
            raise no_such_channel()
        peer.session.channels.discard(frame.channel)
        await self._fanout.leave(peer, frame.channel)
        peer.answer(Unsubscribed(id=frame.id, channel=frame.channel))

    async def _open(self, peer: ChatPeer, frame: Open) -> None:
        opened = await self._conversations.open(peer.caller, frame)
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
