"""The verbs of the protocol as methods, over whatever carries a request to its answer."""

from __future__ import annotations

import uuid
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, TypeVar

from parlance_client.encoding import ClientFrame
from parlance_client.errors import ProtocolViolation
from parlance_client.frames import (
    Ack,
    Answer,
    Claimed,
    ConversationsPage,
    FeedbackAccepted,
    HandedOff,
    HistoryPage,
    MembersNow,
    Opened,
    Pong,
    Position,
    PresenceChange,
    Present,
    Rated,
    ReceiptKind,
    Refreshed,
    Released,
    Resolved,
    Seen,
    ServerFrame,
    Status,
    Subscribed,
    Unsubscribed,
)

AnswerT = TypeVar("AnswerT", bound=Answer)


def compact(**fields: Any) -> dict[str, Any]:
    """The fields that have a value: an optional one without is left out of its frame."""
    return {name: value for name, value in fields.items() if value is not None}


def expect(answer: ServerFrame, kind: type[AnswerT]) -> AnswerT:
    """Raises ``ProtocolViolation`` where the answer is of another kind."""
    if not isinstance(answer, kind):
        raise ProtocolViolation(f"expected {kind.__name__}, got {answer!r}")
    return answer


class Verbs(ABC):
    """Every request raises ``RequestFailed`` (the server's ``error``), ``RequestTimeout`` and ``Disconnected``."""

    token: str | None

    @abstractmethod
    async def _ask(self, verb: str, fields: ClientFrame, kind: type[AnswerT]) -> AnswerT:
        """Send a request and wait for its answer."""

    @abstractmethod
    async def _tell(self, verb: str, fields: ClientFrame) -> None:
        """Send a frame that has no answer."""

    async def ping(self) -> Pong:
        return await self._ask("ping", {}, Pong)

    async def refresh(self, token: str) -> Refreshed:
        """Replace the token before it expires; it must name the same user."""
        refreshed = await self._ask("refresh", {"token": token}, Refreshed)
        self.token = token
        return refreshed

    async def open(self, *, key: str | None = None, metadata: dict[str, Any] | None = None) -> Opened:
        """A new conversation, subscribed. The same ``key`` again gives the same conversation."""
        return await self._ask("open", compact(key=key or uuid.uuid4().hex, metadata=metadata), Opened)

    async def conversations(self, *, before: int | None = None, limit: int = 50) -> ConversationsPage:
        """One's own, the newest activity first; the next page is ``before`` the last one's ``at_ms``."""
        return await self._ask("conversations", compact(before=before, limit=limit), ConversationsPage)

    async def members(self, channel: str, *, add: Sequence[str] = (), remove: Sequence[str] = ()) -> MembersNow:
        """Who is in a conversation, after a change if any; agents, admins and services only."""
        fields = compact(channel=channel, add=list(add) or None, remove=list(remove) or None)
        return await self._ask("members", fields, MembersNow)

    async def send(
        self,
        channel: str,
        text: str,
        *,
        key: str | None = None,
        data: dict[str, Any] | None = None,
        reply_to: str | None = None,
    ) -> Ack:
        """Send a message; returns once it is durable. To repeat after a failure, pass the same ``key``."""
        key = key or uuid.uuid4().hex
        return await self._ask("send", compact(channel=channel, key=key, text=text, data=data, reply_to=reply_to), Ack)

    async def subscribe(self, channel: str, position: Position | None = None) -> Subscribed:
        """With ``position`` (the last message seen) the answer holds every later message, or ``recovered`` is false."""
        place = position or Position()
        return await self._ask(
            "subscribe", compact(channel=channel, epoch=place.epoch, offset=place.offset), Subscribed
        )

    async def unsubscribe(self, channel: str) -> Unsubscribed:
        return await self._ask("unsubscribe", {"channel": channel}, Unsubscribed)

    async def history(
        self, channel: str, *, before: int | None = None, after: int | None = None, limit: int = 50
    ) -> HistoryPage:
        """Messages, ascending: the newest ones, or those next to an exclusive offset. At most 200."""
        return await self._ask(
            "history", compact(channel=channel, before=before, after=after, limit=limit), HistoryPage
        )

    async def resolve(self, channel: str, resolved: bool = True) -> Resolved:
        return await self._ask("resolve", {"channel": channel, "resolved": resolved}, Resolved)

    async def handoff(self, channel: str, reason: str | None = None) -> HandedOff:
        """Ask for a human; the bot answers until one comes."""
        return await self._ask("handoff", compact(channel=channel, reason=reason), HandedOff)

    async def claim(self, channel: str) -> Claimed:
        """Take a conversation over from the bot; agents and admins only."""
        return await self._ask("claim", {"channel": channel}, Claimed)

    async def release(self, channel: str) -> Released:
        """Give it back to the bot."""
        return await self._ask("release", {"channel": channel}, Released)

    async def feedback(self, message_id: str, rating: float, comment: str | None = None) -> FeedbackAccepted:
        """Rate a bot message in [0, 1]; thumbs are 0 and 1. A later rating replaces the earlier."""
        fields = compact(message_id=message_id, rating=float(rating), comment=comment)
        return await self._ask("feedback", fields, FeedbackAccepted)

    async def rate(
        self, channel: str, rating: float, comment: str | None = None, categories: Sequence[str] | None = None
    ) -> Rated:
        """Rate the whole conversation in [0, 1]."""
        tags = None if categories is None else list(categories)
        fields = compact(channel=channel, rating=float(rating), comment=comment, categories=tags)
        return await self._ask("rate", fields, Rated)

    async def presence(self, status: Status, text: str | None = None) -> PresenceChange:
        """How others see this user, on every device."""
        return await self._ask("presence", compact(status=status, text=text), PresenceChange)

    async def who(self, channel: str) -> Present:
        """The members of a conversation who are there."""
        return await self._ask("who", {"channel": channel}, Present)

    async def seen(self, notification_id: str) -> Seen:
        """The notification comes no more, on any device."""
        return await self._ask("seen", {"notification_id": notification_id}, Seen)

    async def typing(self, channel: str, on: bool = True) -> None:
        """Say that the user types, or has stopped; lapses by itself. Has no answer."""
        await self._tell("typing", {"channel": channel, "on": on})

    async def receipt(self, channel: str, offset: int, kind: ReceiptKind = "read") -> None:
        """Messages up to and including ``offset`` have arrived, or are read. Has no answer."""
        await self._tell("receipt", {"channel": channel, "kind": kind, "offset": offset})
