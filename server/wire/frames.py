"""One frozen struct per frame of PROTOCOL version 1. Decoding one validates it in the same step.

Fields that PROTOCOL marks optional default to ``None`` and are left out of the encoded frame. Unknown fields are
ignored. ``*_ms`` are integer milliseconds, since the Unix epoch where they name an instant.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

MAX_SAFE_INTEGER = 2**53 - 1
MAX_BATCH_FRAMES = 64
MAX_HISTORY = 200
MAX_CHANNELS = 100
MAX_TEXT_CODE_POINTS = 8_000
MAX_DATA_BYTES = 8_192
MAX_SERVER_MESSAGE_BYTES = 1_000_000
MAX_RECOVERED_MESSAGES = 1_000

Kind = Literal["customer", "agent", "admin", "service", "bot", "system"]
State = Literal["bot", "waiting", "claimed"]
Id = Annotated[int, Meta(ge=0, le=MAX_SAFE_INTEGER)] | Annotated[str, Meta(max_length=64)]
Key = Annotated[str, Meta(min_length=1, max_length=64)]
Channel = Annotated[str, Meta(min_length=1, max_length=160)]
Offset = Annotated[int, Meta(ge=0, le=MAX_SAFE_INTEGER)]


class User(Struct, frozen=True):
    """Who did something. ``id`` is the token's subject."""

    id: str
    kind: Kind
    name: str


# --------------------------------------------------------------------------- client to server


class ClientFrame(Struct, frozen=True, tag_field="type", omit_defaults=True):
    """What a client may send. ``id`` comes back on the one direct answer."""

    id: Id


class ClientInfo(Struct, frozen=True, omit_defaults=True):
    """The client program's own name and version, for statistics only."""

    name: str = ""
    version: str = ""


class Position(Struct, frozen=True):
    """The last message seen of a conversation: resume after it."""

    epoch: str
    offset: Offset


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


AnyClientFrame = Connect | Ping | Refresh | Subscribe | Unsubscribe | History | Open | Send | Resolve | Feedback

# --------------------------------------------------------------------------- parts of server frames


class ExperimentRef(Struct, frozen=True):
    id: str
    variant: str


class Turn(Struct, frozen=True, omit_defaults=True):
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

    def for_customer(self) -> Turn:
        """The two fields that a customer may see."""
        return Turn(decision_id=self.decision_id, persona=self.persona)


class LastMessage(Struct, frozen=True, rename={"sender": "from"}):
    offset: int
    sender: User
    text: str
    at_ms: int


class Conversation(Struct, frozen=True, omit_defaults=True):
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


# --------------------------------------------------------------------------- server to client


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


class Goodbye(ServerFrame, frozen=True, tag="goodbye"):
    """Comes before a close with the same ``code``: come back after ``after_ms``."""

    code: int
    after_ms: int


class Error(ServerFrame, frozen=True, tag="error"):
    code: int
    name: str
    message: str
    temporary: bool | None = None
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
    notifications: list[dict[str, Any]]
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


class FeedbackAccepted(ServerFrame, frozen=True, tag="feedback"):
    id: Id
    message_id: str
    accepted: bool


AnyServerFrame = (
    Welcome
    | Pong
    | Refreshed
    | Subscribed
    | Unsubscribed
    | HistoryPage
    | Opened
    | Ack
    | Resolved
    | FeedbackAccepted
    | Message
    | Event
    | Goodbye
    | Error
)
