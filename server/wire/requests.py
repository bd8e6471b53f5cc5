"""What clients send: one frozen struct per frame of PROTOCOL version 1. Decoding one validates it in the same step.

Fields that PROTOCOL marks optional default to ``None``. Unknown fields are ignored.
"""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct

from server.wire.parts import (
    MAX_CATEGORIES,
    MAX_CONVERSATIONS,
    MAX_HISTORY,
    MAX_MEMBERS_CHANGED,
    Channel,
    Id,
    Key,
    Offset,
    ReceiptKind,
    Status,
    Timestamp,
    UserId,
)


class ClientFrame(Struct, frozen=True, tag_field="type", omit_defaults=True):
    """What a client may send. ``id`` comes back on the one direct answer."""

    id: Id


class Signal(Struct, frozen=True, tag_field="type", omit_defaults=True):
    """What a client may send that has no ``id`` and no answer."""


class ClientInfo(Struct, frozen=True, omit_defaults=True):
    """The client program's own name and version, for statistics only."""

    name: str = ""
    version: str = ""


class Position(Struct, frozen=True):
    """The last message seen of a conversation: resume after it. Without both it only subscribes."""

    epoch: str | None = None
    offset: Offset | None = None


class Connect(ClientFrame, frozen=True, tag="connect"):
    token: str | None = None
    client: ClientInfo | None = None
    resume: dict[str, Position] | None = None


class Ping(ClientFrame, frozen=True, tag="ping"):
    pass


class Refresh(ClientFrame, frozen=True, tag="refresh"):
    token: str


class Subscribe(ClientFrame, frozen=True, tag="subscribe"):
    channel: Channel
    epoch: str | None = None
    offset: Offset | None = None


class Unsubscribe(ClientFrame, frozen=True, tag="unsubscribe"):
    channel: Channel


class History(ClientFrame, frozen=True, tag="history"):
    channel: Channel
    before: Offset | None = None
    after: Offset | None = None
    limit: Annotated[int, Meta(ge=1, le=MAX_HISTORY)] = 50


class Open(ClientFrame, frozen=True, tag="open"):
    key: Key
    metadata: dict[str, Any] | None = None


class Send(ClientFrame, frozen=True, tag="send"):
    channel: Channel
    key: Key
    text: str
    data: dict[str, Any] | None = None
    reply_to: str | None = None


class Resolve(ClientFrame, frozen=True, tag="resolve"):
    channel: Channel
    resolved: bool


class Feedback(ClientFrame, frozen=True, tag="feedback"):
    message_id: str
    rating: float
    comment: str | None = None


class Conversations(ClientFrame, frozen=True, tag="conversations"):
    """``before``: only those whose ``at_ms`` is smaller."""

    before: Timestamp | None = None
    limit: Annotated[int, Meta(ge=1, le=MAX_CONVERSATIONS)] = 50


class Members(ClientFrame, frozen=True, tag="members"):
    """Without ``add`` and ``remove``: only tell who the members are."""

    channel: Channel
    add: Annotated[list[UserId], Meta(max_length=MAX_MEMBERS_CHANGED)] | None = None
    remove: Annotated[list[UserId], Meta(max_length=MAX_MEMBERS_CHANGED)] | None = None


class Handoff(ClientFrame, frozen=True, tag="handoff"):
    channel: Channel
    reason: str | None = None


class Claim(ClientFrame, frozen=True, tag="claim"):
    channel: Channel


class Release(ClientFrame, frozen=True, tag="release"):
    channel: Channel


class Rate(ClientFrame, frozen=True, tag="rate"):
    """A rating of the whole conversation, where ``Feedback`` is about one message."""

    channel: Channel
    rating: float
    comment: str | None = None
    categories: Annotated[list[str], Meta(max_length=MAX_CATEGORIES)] | None = None


class SetPresence(ClientFrame, frozen=True, tag="presence"):
    status: Status
    text: str | None = None


class Who(ClientFrame, frozen=True, tag="who"):
    channel: Channel


class MarkSeen(ClientFrame, frozen=True, tag="seen"):
    notification_id: str


class SetTyping(Signal, frozen=True, tag="typing"):
    channel: Channel
    on: bool


class MarkReceipt(Signal, frozen=True, tag="receipt"):
    """Everything up to and including ``offset`` has been delivered, or read."""

    channel: Channel
    kind: ReceiptKind
    offset: Offset


AnyRequest = (
    Connect
    | Ping
    | Refresh
    | Subscribe
    | Unsubscribe
    | History
    | Open
    | Conversations
    | Members
    | Send
    | Resolve
    | Handoff
    | Claim
    | Release
    | Feedback
    | Rate
    | SetPresence
    | Who
    | MarkSeen
)
AnyClientFrame = AnyRequest | SetTyping | MarkReceipt
Incoming = ClientFrame | Signal
