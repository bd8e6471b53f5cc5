"""What frames are made of: limits, kinds, and the values that several frames carry.

Times are ``*_ms``: integer milliseconds, since the Unix epoch where they name an instant.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

MAX_SAFE_INTEGER = 2**53 - 1
MAX_BATCH_FRAMES = 64
MAX_HISTORY = 200
MAX_CHANNELS = 100
MAX_CONVERSATIONS = 100
MAX_MEMBERS_CHANGED = 100
MAX_CATEGORIES = 16
MAX_PRESENCE_TEXT = 200
MAX_TEXT_CODE_POINTS = 8_000
MAX_DATA_BYTES = 8_192
MAX_SERVER_MESSAGE_BYTES = 1_000_000
MAX_RECOVERED_MESSAGES = 1_000

Kind = Literal["customer", "agent", "admin", "service", "bot", "system"]
State = Literal["bot", "waiting", "claimed"]
Status = Literal["online", "away", "busy", "invisible"]
ReceiptKind = Literal["delivered", "read"]
Priority = Literal["low", "normal", "high", "urgent"]
Id = Annotated[int, Meta(ge=0, le=MAX_SAFE_INTEGER)] | Annotated[str, Meta(max_length=64)]
Key = Annotated[str, Meta(min_length=1, max_length=64)]
Channel = Annotated[str, Meta(min_length=1, max_length=160)]
Offset = Annotated[int, Meta(ge=0, le=MAX_SAFE_INTEGER)]
Timestamp = Annotated[int, Meta(ge=0, le=MAX_SAFE_INTEGER)]
UserId = Annotated[str, Meta(min_length=1, max_length=128)]


class User(Struct, frozen=True):
    """Who did something. ``id`` is the token's subject."""

    id: str
    kind: Kind
    name: str


class ExperimentRef(Struct, frozen=True):
    id: str
    variant: str


class MoodRule(Struct, frozen=True):
    """A mood rule that bent the persona of a reply: fully (``strength`` 1), or still, from an earlier turn."""

    name: str
    strength: float
    because: str


class Mood(Struct, frozen=True):
    """How the moment bent the persona: the rules that count and what they change of its traits."""

    rules: list[MoodRule]
    traits: dict[str, float]


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
    mood: Mood | None = None

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


class Presence(Struct, frozen=True, omit_defaults=True):
    """One user as others see it. ``devices``: open connections on all workers; ``text``: the status in own words."""

    user: User
    status: Literal["online", "away", "busy", "offline"]
    last_seen_ms: int
    devices: int
    text: str | None = None


class ReceiptMark(Struct, frozen=True):
    """How far a user has got."""

    user: User
    kind: ReceiptKind
    offset: int
