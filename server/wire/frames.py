"""What the server sends: one frozen struct per frame of PROTOCOL version 1.

Fields that PROTOCOL marks optional default to ``None`` and are left out of the encoded frame. An answer and a push of
one type share a struct, told apart by the ``id``.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from server.wire.parts import Conversation, Id, Presence, Priority, ReceiptKind, ReceiptMark, State, Turn, User


class ServerFrame(Struct, frozen=True, tag_field="type", omit_defaults=True):
    """What the server sends. Direct answers carry the ``id`` of what they answer; pushes carry none."""


class Message(ServerFrame, frozen=True, tag="message", rename={"sender": "from"}):
    """A durable message of a conversation, the same for everyone but for ``turn``."""

    channel: str
    epoch: str
    offset: int
    message_id: str
    at_ms: int
    sender: User
    text: str
    data: dict[str, Any] | None = None
    key: str | None = None
    reply_to: str | None = None
    turn: Turn | None = None

    def for_customer(self) -> Message:
        """The same message without what only staff may see."""
        if self.turn is None:
            return self
        return msgspec.structs.replace(self, turn=self.turn.for_customer())


class Event(ServerFrame, frozen=True, tag="event"):
    channel: str
    name: str
    data: dict[str, Any]


class Delta(ServerFrame, frozen=True, tag="delta"):
    """A piece of a reply in the making; the durable ``message`` of the same ``message_id`` ends it."""

    channel: str
    message_id: str
    attempt: int
    seq: int
    text: str = ""
    aborted: bool | None = None


class PresenceChange(ServerFrame, frozen=True, tag="presence"):
    """Differences of a channel's present members, or, where they are many, only their ``count``.

    The three lists come together, also empty. With an ``id`` and nothing else it is the answer to the verb
    ``presence``.
    """

    id: Id | None = None
    channel: str | None = None
    joined: list[Presence] | None = None
    left: list[Presence] | None = None
    changed: list[Presence] | None = None
    count: int | None = None


class TypingChange(ServerFrame, frozen=True, tag="typing"):
    channel: str
    user: User
    on: bool


class ReceiptMoved(ServerFrame, frozen=True, tag="receipt"):
    channel: str
    user: User
    kind: ReceiptKind
    offset: int


class Notification(ServerFrame, frozen=True, tag="notification"):
    channel: str
    notification_id: str
    priority: Priority
    title: str
    body: str
    at_ms: int
    data: dict[str, Any] | None = None


class Seen(ServerFrame, frozen=True, tag="seen"):
    """The answer to ``seen`` (with its ``id``), or word that another device of the same user has seen it."""

    notification_id: str
    id: Id | None = None


class Goodbye(ServerFrame, frozen=True, tag="goodbye"):
    """Comes before a close with the same ``code``: come back after ``after_ms``."""

    code: int
    after_ms: int


class Error(ServerFrame, frozen=True, tag="error"):
    code: int
    name: str
    message: str
    temporary: bool
    retry_after_ms: int | None = None
    id: Id | None = None


class ErrorRef(Struct, frozen=True):
    code: int
    name: str


class Recovered(Struct, frozen=True, omit_defaults=True):
    """One entry of ``welcome.channels``: what ``subscribed`` would hold, or ``error``."""

    recovered: bool | None = None
    epoch: str | None = None
    offset: int | None = None
    messages: list[Message] | None = None
    conversation: Conversation | None = None
    receipts: list[ReceiptMark] | None = None
    error: ErrorRef | None = None


class ServerInfo(Struct, frozen=True):
    name: str
    version: str


class Welcome(ServerFrame, frozen=True, tag="welcome"):
    id: Id
    session: str
    user: User
    ping_interval_ms: int
    max_message_bytes: int
    time_ms: int
    server: ServerInfo
    notifications: list[Notification]
    unread: int
    channels: dict[str, Recovered]
    token: str | None = None


class Pong(ServerFrame, frozen=True, tag="pong"):
    id: Id
    time_ms: int


class Refreshed(ServerFrame, frozen=True, tag="refreshed"):
    id: Id
    exp_ms: int


class Subscribed(ServerFrame, frozen=True, tag="subscribed"):
    id: Id
    channel: str
    epoch: str
    offset: int
    recovered: bool
    messages: list[Message]
    conversation: Conversation | None = None
    receipts: list[ReceiptMark] | None = None


class Unsubscribed(ServerFrame, frozen=True, tag="unsubscribed"):
    id: Id
    channel: str


class HistoryPage(ServerFrame, frozen=True, tag="history"):
    id: Id
    channel: str
    epoch: str
    messages: list[Message]
    more: bool


class Opened(ServerFrame, frozen=True, tag="opened"):
    id: Id
    channel: str
    epoch: str
    offset: int
    duplicate: bool
    conversation: Conversation | None = None


class Ack(ServerFrame, frozen=True, tag="ack"):
    id: Id
    channel: str
    key: str
    message_id: str
    offset: int
    at_ms: int
    duplicate: bool


class Resolved(ServerFrame, frozen=True, tag="resolved"):
    id: Id
    channel: str
    resolved: bool


class ConversationsPage(ServerFrame, frozen=True, tag="conversations"):
    id: Id
    items: list[Conversation]
    more: bool


class MembersNow(ServerFrame, frozen=True, tag="members"):
    id: Id
    channel: str
    members: list[User]


class HandedOff(ServerFrame, frozen=True, tag="handoff"):
    id: Id
    channel: str
    state: State


class Claimed(ServerFrame, frozen=True, tag="claimed"):
    id: Id
    channel: str
    agent: User


class Released(ServerFrame, frozen=True, tag="released"):
    id: Id
    channel: str


class Rated(ServerFrame, frozen=True, tag="rate"):
    id: Id
    channel: str
    accepted: bool


class Present(ServerFrame, frozen=True, tag="who"):
    id: Id
    channel: str
    members: list[Presence]


class FeedbackAccepted(ServerFrame, frozen=True, tag="feedback"):
    id: Id
    message_id: str
    accepted: bool


AnyServerFrame = (
    Message
    | Event
    | Delta
    | PresenceChange
    | TypingChange
    | ReceiptMoved
    | Notification
    | Seen
    | Goodbye
    | Error
    | Welcome
    | Pong
    | Refreshed
    | Subscribed
    | Unsubscribed
    | HistoryPage
    | Opened
    | Ack
    | Resolved
    | ConversationsPage
    | MembersNow
    | HandedOff
    | Claimed
    | Released
    | Rated
    | Present
    | FeedbackAccepted
)
