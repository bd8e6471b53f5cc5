"""What the server sends, as frozen dataclasses, and maps into them (PROTOCOL version 1).

An answer and a push of one type share a class, told apart by the ``id``. Fields that the protocol calls optional
default to ``None``. Unknown fields are ignored; ``from`` is ``sender`` here, since Python keeps that word for itself.
Times are ``*_ms``: integer milliseconds, since the Unix epoch where they name an instant.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["customer", "agent", "admin", "service", "bot", "system"]
State = Literal["bot", "waiting", "claimed"]
Status = Literal["online", "away", "busy", "invisible"]
ReceiptKind = Literal["delivered", "read"]
Priority = Literal["low", "normal", "high", "urgent"]
Id = int | str

MAX_BATCH_FRAMES = 64
MAX_HISTORY = 200
MAX_SERVER_MESSAGE_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class Position:
    """The last message seen of a conversation: resume after it. Without both it only subscribes."""

    epoch: str | None = None
    offset: int | None = None


# --------------------------------------------------------------------------- values within frames


@dataclass(frozen=True, slots=True)
class User:
    """Who did something. ``id`` is the token's subject."""

    id: str
    kind: Kind
    name: str


@dataclass(frozen=True, slots=True)
class ExperimentRef:
    id: str
    variant: str


@dataclass(frozen=True, slots=True)
class Turn:
    """How the bot came to its reply. Customers get ``decision_id`` and ``persona`` only, unless ``explain`` is on."""

    decision_id: str
    persona: str
    policy: str | None = None
    version: int | None = None
    propensity: float | None = None
    experiment: ExperimentRef | None = None
    analysis_us: int | None = None
    decide_us: int | None = None
    total_us: int | None = None
    mood: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class LastMessage:
    offset: int
    sender: User = field(metadata={"wire": "from"})
    text: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation as the asking user sees it: ``read_offset`` and ``unread`` are that user's."""

    channel: str
    state: State
    resolved: bool
    at_ms: int
    offset: int
    read_offset: int
    unread: int
    agent: User | None = None
    last: LastMessage | None = None


@dataclass(frozen=True, slots=True)
class Presence:
    """One user as others see it. ``devices``: open connections on all workers; ``text``: the status in own words."""

    user: User
    status: Literal["online", "away", "busy", "offline"]
    last_seen_ms: int
    devices: int
    text: str | None = None


@dataclass(frozen=True, slots=True)
class ReceiptMark:
    """How far a user has got."""

    user: User
    kind: ReceiptKind
    offset: int


@dataclass(frozen=True, slots=True)
class ErrorRef:
    code: int
    name: str


@dataclass(frozen=True, slots=True)
class ServerInfo:
    name: str
    version: str


# --------------------------------------------------------------------------- pushes


@dataclass(frozen=True, slots=True)
class Message:
    """A durable message of a conversation, the same for everyone but for ``turn``."""

    channel: str
    epoch: str
    offset: int
    message_id: str
    at_ms: int
    sender: User = field(metadata={"wire": "from"})
    text: str
    data: dict[str, Any] | None = None
    key: str | None = None
    reply_to: str | None = None
    turn: Turn | None = None


@dataclass(frozen=True, slots=True)
class Event:
    channel: str
    name: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of a reply in the making; the durable ``message`` of the same ``message_id`` ends it."""

    channel: str
    message_id: str
    attempt: int
    seq: int
    text: str = ""
    aborted: bool | None = None


@dataclass(frozen=True, slots=True)
class PresenceChange:
    """Differences of a channel's present members, or, where they are many, only their ``count``.

    With an ``id`` and nothing else it is the answer to the verb ``presence``.
    """

    id: Id | None = None
    channel: str | None = None
    joined: list[Presence] | None = None
    left: list[Presence] | None = None
    changed: list[Presence] | None = None
    count: int | None = None


@dataclass(frozen=True, slots=True)
class TypingChange:
    channel: str
    user: User
    on: bool


@dataclass(frozen=True, slots=True)
class ReceiptMoved:
    channel: str
    user: User
    kind: ReceiptKind
    offset: int


@dataclass(frozen=True, slots=True)
class Notification:
    channel: str
    notification_id: str
    priority: Priority
    title: str
    body: str
    at_ms: int
    data: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """The answer to ``seen`` (with its ``id``), or word that another device of the same user has seen it."""

    notification_id: str
    id: Id | None = None


@dataclass(frozen=True, slots=True)
class Goodbye:
    """Comes before a close with the same ``code``: come back after ``after_ms``."""

    code: int
    after_ms: int


@dataclass(frozen=True, slots=True)
class Error:
    code: int
    name: str
    message: str
    temporary: bool
    retry_after_ms: int | None = None
    id: Id | None = None


# --------------------------------------------------------------------------- answers


@dataclass(frozen=True, slots=True)
class Recovered:
    """One entry of ``welcome.channels``: what ``subscribed`` would hold, or ``error``."""

    recovered: bool | None = None
    epoch: str | None = None
    offset: int | None = None
    messages: list[Message] | None = None
    conversation: Conversation | None = None
    receipts: list[ReceiptMark] | None = None
    error: ErrorRef | None = None


@dataclass(frozen=True, slots=True)
class Welcome:
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


@dataclass(frozen=True, slots=True)
class Pong:
    id: Id
    time_ms: int


@dataclass(frozen=True, slots=True)
class Refreshed:
    id: Id
    exp_ms: int


@dataclass(frozen=True, slots=True)
class Subscribed:
    id: Id
    channel: str
    epoch: str
    offset: int
    recovered: bool
    messages: list[Message]
    conversation: Conversation | None = None
    receipts: list[ReceiptMark] | None = None


@dataclass(frozen=True, slots=True)
class Unsubscribed:
    id: Id
    channel: str


@dataclass(frozen=True, slots=True)
class HistoryPage:
    id: Id
    channel: str
    epoch: str
    messages: list[Message]
    more: bool


@dataclass(frozen=True, slots=True)
class Opened:
    id: Id
    channel: str
    epoch: str
    offset: int
    duplicate: bool
    conversation: Conversation | None = None


@dataclass(frozen=True, slots=True)
class Ack:
    id: Id
    channel: str
    key: str
    message_id: str
    offset: int
    at_ms: int
    duplicate: bool


@dataclass(frozen=True, slots=True)
class Resolved:
    id: Id
    channel: str
    resolved: bool


@dataclass(frozen=True, slots=True)
class ConversationsPage:
    id: Id
    items: list[Conversation]
    more: bool


@dataclass(frozen=True, slots=True)
class MembersNow:
    id: Id
    channel: str
    members: list[User]


@dataclass(frozen=True, slots=True)
class HandedOff:
    id: Id
    channel: str
    state: State


@dataclass(frozen=True, slots=True)
class Claimed:
    id: Id
    channel: str
    agent: User


@dataclass(frozen=True, slots=True)
class Released:
    id: Id
    channel: str


@dataclass(frozen=True, slots=True)
class Rated:
    id: Id
    channel: str
    accepted: bool


@dataclass(frozen=True, slots=True)
class Present:
    id: Id
    channel: str
    members: list[Presence]


@dataclass(frozen=True, slots=True)
class FeedbackAccepted:
    id: Id
    message_id: str
    accepted: bool


Push = Message | Event | Delta | PresenceChange | TypingChange | ReceiptMoved | Notification | Seen | Goodbye | Error
Answer = (
    Welcome
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
    | PresenceChange
    | Seen
    | Error
)
ServerFrame = Push | Answer

TYPES: dict[str, type[ServerFrame]] = {
    "message": Message,
    "event": Event,
    "delta": Delta,
    "presence": PresenceChange,
    "typing": TypingChange,
    "receipt": ReceiptMoved,
    "notification": Notification,
    "seen": Seen,
    "goodbye": Goodbye,
    "error": Error,
    "welcome": Welcome,
    "pong": Pong,
    "refreshed": Refreshed,
    "subscribed": Subscribed,
    "unsubscribed": Unsubscribed,
    "history": HistoryPage,
    "opened": Opened,
    "ack": Ack,
    "resolved": Resolved,
    "conversations": ConversationsPage,
    "members": MembersNow,
    "handoff": HandedOff,
    "claimed": Claimed,
    "released": Released,
    "rate": Rated,
    "who": Present,
    "feedback": FeedbackAccepted,
}
"""The frame's class by its ``type``."""
