"""Verbs about whole conversations: open, conversations, members, resolve, rate (PROTOCOL §5)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from server.chat.access import CONVERSATION_PREFIX, require_conversation, require_staff
from server.chat.content import checked_categories, checked_comment, checked_rating, plain_data
from server.chat.messages import Listener, Messages, told
from server.chat.peer import Caller
from server.chat.quotas import Doorkeeper
from server.chat.reading import fitting
from server.chat.signals import Removed, Signals
from server.clock import Clock
from server.errors import BadFrame, NotFound
from server.store.ports import Assessment, Opened, Opening, PastTurn, Resolution, Store
from server.wire.codec import JSON
from server.wire.frames import ConversationsPage, MembersNow, Rated, Resolved
from server.wire.parts import Conversation
from server.wire.requests import Conversations, Members, Open, Rate, Resolve

# As many as a page of the answer can name without growing past a message's size.
MAX_MEMBERS_LISTED = 1_000
# Conversations of one user whose last activity was in the same millisecond; an import may make as many.
MAX_ALIKE = 1_000


class ConversationVerbs:
    """``members_changed(channel, added, removed)`` hears of users (ids) who became members, or are none any more."""

    def __init__(
        self,
        *,
        store: Store,
        signals: Signals,
        messages: Messages,
        reactions: Listener,
        members_changed: Callable[[str, Sequence[str], Sequence[str]], None],
        doorkeeper: Doorkeeper,
        clock: Clock,
        new_id: Callable[[], str],
    ) -> None:
        self._store = store
        self._signals = signals
        self._messages = messages
        self._reactions = reactions
        self._members_changed = members_changed
        self._doorkeeper = doorkeeper
        self._clock = clock
        self._new_id = new_id

    async def open(self, caller: Caller, frame: Open) -> Opened:
        """A new conversation, or the one that the key opened before. ``RateLimited``."""
        if caller.user.kind != "service":
            await self._doorkeeper.charge(self._doorkeeper.quotas.opens, caller.user.id)
        opened = await self._store.open_conversation(
            Opening(
                channel=CONVERSATION_PREFIX + self._new_id(),
                epoch=self._new_id(),
                user=caller.user,
                key=frame.key,
                metadata=plain_data(frame.metadata, "metadata"),
                at_ms=self._clock.now_ms(),
            )
        )
        if opened.duplicate:  # the opener may have been removed since
            await require_conversation(self._store, caller, opened.conversation.channel)
        else:
            self._members_changed(opened.conversation.channel, [caller.user.id], [])
        return opened

    async def conversations(self, caller: Caller, frame: Conversations) -> ConversationsPage:
        """A page that never ends among conversations of one ``at_ms``, of which the next page has none.

        So it may be shorter than asked, as where long last messages make it too large, or longer where more than
        that have the same ``at_ms``.
        """
        user_id = caller.user.id
        found = await self._store.conversations(user_id, frame.before, frame.limit + 1)
        items = fitting(JSON, found[: frame.limit])  # in MessagePack it is smaller
        if len(found) > len(items):
            next_ms = found[len(items)].at_ms
            whole = [item for item in items if item.at_ms > next_ms]
            if not whole:
                found = await self._store.conversations(user_id, frame.before, MAX_ALIKE)
                whole = fitting(JSON, [item for item in found if item.at_ms == next_ms])
            items = whole
        more = len(found) > len(items)
        return ConversationsPage(id=frame.id, items=items, more=more)

    async def conversation(self, caller: Caller, channel: str) -> Conversation:
        """One, as the caller sees it. ``NotFound``."""
        await require_conversation(self._store, caller, channel)
        return await self._store.conversation(channel, caller.user.id)

    async def analyses(self, caller: Caller, channel: str, limit: int) -> list[PastTurn]:
        """The last answered turns with what was understood of each, in the order of their offsets. ``Forbidden``."""
        await require_conversation(self._store, caller, channel)
        require_staff(caller, "analyses")
        return await self._store.past_turns(channel, limit)

    async def members(self, caller: Caller, frame: Members) -> MembersNow:
        await require_conversation(self._store, caller, frame.channel)
        require_staff(caller, "members")
        add, remove = frame.add or [], frame.remove or []
        if set(add) & set(remove):
            raise BadFrame("members: the same user can't be added and removed")
        if add or remove:
            try:
                added, removed = await self._store.change_members(frame.channel, add, remove, self._clock.now_ms())
            except NotFound as error:
                raise NotFound(str(error)) from None
            self._members_changed(frame.channel, added, removed)
            if remove:  # all of them: word of an earlier removal may have been lost
                await self._signals.send(Removed(frame.channel, remove))
        members = await self._store.members(frame.channel, MAX_MEMBERS_LISTED)
        return MembersNow(id=frame.id, channel=frame.channel, members=members)

    async def resolve(self, caller: Caller, frame: Resolve) -> Resolved:
        await require_conversation(self._store, caller, frame.channel)
        message = await self._store.resolve(
            Resolution(
                channel=frame.channel,
                resolved=frame.resolved,
                by=caller.user,
                message_id=self._new_id(),
                at_ms=self._clock.now_ms(),
            )
        )
        if message is not None:
            await self._messages.publish(message)
            await told(self._reactions.on_resolved(frame.channel, frame.resolved))
        return Resolved(id=frame.id, channel=frame.channel, resolved=frame.resolved)

    async def rate(self, caller: Caller, frame: Rate) -> Rated:
        await require_conversation(self._store, caller, frame.channel)
        await self._store.assess(
            Assessment(
                channel=frame.channel,
                by=caller.user,
                rating=checked_rating(frame.rating),
                comment=checked_comment(frame.comment),
                categories=checked_categories(frame.categories or []),
                at_ms=self._clock.now_ms(),
                members_only=not caller.is_staff,
            )
        )
        await told(self._reactions.on_assessed(frame.channel, frame.rating))
        return Rated(id=frame.id, channel=frame.channel, accepted=True)
