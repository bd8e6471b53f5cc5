"""What the store promises. One contract suite (tests/contract/store) holds every implementation to it.

The database is the ledger (DESIGN's law 1): it gives each conversation's messages their ``offset`` (1, 2, 3 … without
gaps) and each policy's reward events their ``log_offset``. Whatever a coroutine here has returned is committed.

- **Group commit** (law 2). ``append``, ``answer`` and ``resolve`` of all callers share transactions: one commit
  locks its conversation rows in id order, finds existing keys under that lock, allots offsets to the rest and
  inserts. Operations of one caller on one conversation take effect in the order in which they were called (not
  awaited). A failing operation fails alone; the others of its group are stored.
- **Errors**. ``server.errors``: ``NotFound``, ``Conflict``, ``Invalid`` where said, ``Unavailable`` when the database
  is away, full or too slow: then the outcome is unknown and the same ``key`` makes a repeat safe.
- **Cancellation**. Cancelling a waiting caller does not undo what it asked for; it may still be committed.
- **Time**. ``at_ms`` values are the caller's wall clock and for show. Leases use the database's clock only.
- **Identifiers** are ULIDs, made by the caller unless said otherwise; a conversation's channel is ``conv:<ulid>``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from server.wire.frames import Message
from server.wire.parts import Conversation, Turn, User


@dataclass(frozen=True, slots=True)
class Append:
    """One message by a person or a service.

    ``text`` is NFC-normalised and checked. With ``wants_turn`` (a customer's message) the same transaction stores an
    open turn leased to ``worker`` with lease number 1, unless the conversation is claimed. A customer's message to a
    resolved conversation reopens it: a system message ``{"event": "reopened"}`` takes the offset before it.
    """

    channel: str
    sender: User
    key: str
    text: str
    message_id: str
    at_ms: int
    data: Mapping[str, Any] | None = None
    reply_to: str | None = None
    wants_turn: bool = False
    worker: str = ""
    lease_ms: int = 6_000


@dataclass(frozen=True, slots=True)
class OpenTurn:
    """A turn that its holder may answer while ``lease_number`` is current. ``message`` is the customer's."""

    turn_id: str
    lease_number: int
    message: Message


@dataclass(frozen=True, slots=True)
class Appended:
    """``messages``: the new rows in offset order (empty for a duplicate; two when the conversation was reopened).

    ``message`` is the caller's own one, new or found by its key. ``turn`` is set when a turn was stored now.
    """

    message: Message
    duplicate: bool
    messages: tuple[Message, ...]
    turn: OpenTurn | None


@dataclass(frozen=True, slots=True)
class DecisionRow:
    """A bandit decision as logged: enough to replay it and to judge other policies by it (law 5).

    ``features``: float64 values in the order of the policy's feature names. ``probabilities`` stand in the order of
    ``arms`` and sum to 1. ``version`` counts the reward events that the policy had folded when it chose.
    """

    decision_id: str
    policy: str
    version: int
    arm: str
    propensity: float
    arms: tuple[str, ...]
    probabilities: tuple[float, ...]
    features: tuple[float, ...]
    at_ms: int


@dataclass(frozen=True, slots=True)
class Answer:
    """The bot's reply to a turn, with its decision and what was understood, in one transaction.

    ``decision`` and ``shown`` are None for an apology that no policy has chosen (the model was away).
    ``notes`` is opaque to the store (JSON): what the next turns need to know, such as the phrases used.
    """

    turn: OpenTurn
    sender: User
    text: str
    message_id: str
    at_ms: int
    data: Mapping[str, Any] | None
    shown: Turn | None
    decision: DecisionRow | None
    analysis: Mapping[str, Any]
    notes: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Resolution:
    """Mark a conversation resolved or open again; a change appends a system message (``resolved`` / ``reopened``)."""

    channel: str
    resolved: bool
    by: User
    message_id: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class Opening:
    """Open a conversation; ``key`` is unique per user. The opener becomes a member."""

    channel: str
    epoch: str
    user: User
    key: str
    metadata: Mapping[str, Any] | None
    at_ms: int


@dataclass(frozen=True, slots=True)
class Opened:
    conversation: Conversation
    epoch: str
    duplicate: bool


@dataclass(frozen=True, slots=True)
class Head:
    """Where a conversation stands: ``offset`` is its last message's, 0 when empty."""

    epoch: str
    offset: int


@dataclass(frozen=True, slots=True)
class PastTurn:
    """An answered turn, for rebuilding what the bot remembers of a conversation; an apology has no decision.

    ``text`` and ``at_ms`` are the customer's, ``answered_at_ms`` the reply's.
    """

    turn_id: str
    decision_id: str | None
    arm: str | None
    text: str
    analysis: Mapping[str, Any]
    notes: Mapping[str, Any]
    at_ms: int
    answered_at_ms: int


@dataclass(frozen=True, slots=True)
class RewardEvent:
    """One entry of a policy's reward log; ``log_offset`` is 1, 2, 3 … per policy without gaps.

    ``reward`` in [0, 1] is the decision's reward from now on; ``previous`` what it was before (None the first time),
    so a fold adds the decision once and then only the difference.
    """

    policy: str
    log_offset: int
    decision_id: str
    arm: str
    features: tuple[float, ...]
    reward: float
    previous: float | None
    at_ms: int


@dataclass(frozen=True, slots=True)
class Rating:
    """A person's rating in [0, 1] of a bot message; staff rates in every conversation, others in their own."""

    message_id: str
    user_id: str
    rating: float
    comment: str | None
    at_ms: int
    in_every_conversation: bool = False


@dataclass(frozen=True, slots=True)
class RewardParts:
    """Named parts of a decision's reward, each in [0, 1], e.g. ``{"feedback": 1.0}``; ``channel``: where it was made,
    which ``rate`` tells."""

    decision_id: str
    parts: Mapping[str, float] = field(default_factory=dict)
    channel: str = ""


class Combine(Protocol):
    """Parts → reward in [0, 1], or None when the parts say nothing. Pure: the order of arrival can't matter."""

    def __call__(self, parts: Mapping[str, float], /) -> float | None: ...


class Store(Protocol):
    """The ledger. See the module's text for the guarantees that hold for every method."""

    async def start(self) -> None:
        """Connect, migrate under a lock, begin committing. Raises ``StartupError`` (with a remedy) when it can't:
        a database newer than the code, no permission, a file that is no database."""

    async def close(self) -> None:
        """Commit what waits, then release everything. Idempotent."""

    async def ping(self) -> None:
        """One cheap round trip that proves the database is writable; raises ``Unavailable``."""

    # users and conversations
    async def save_user(self, user: User, at_ms: int) -> None:
        """Insert, or update kind and name."""

    async def open_conversation(self, opening: Opening) -> Opened:
        """Same user and key again: the first answer with ``duplicate=True``; with other metadata: ``Conflict``."""

    async def conversation(self, channel: str, user_id: str) -> Conversation:
        """As ``user_id`` sees it. ``NotFound`` where there is none."""

    async def is_member(self, channel: str, user_id: str) -> bool:
        """False also where the conversation does not exist."""

    async def head(self, channel: str) -> Head:
        """``NotFound`` where there is none."""

    async def heads(self, channels: Sequence[str]) -> dict[str, int]:
        """Last offsets of many conversations in one query; unknown ones are left out."""

    # messages
    async def append(self, append: Append) -> Appended:
        """``NotFound`` (conversation), ``Conflict`` (same sender, channel and key, other text, data or reply_to)."""

    async def resolve(self, resolution: Resolution) -> Message | None:
        """The system message, or None when nothing changed. ``NotFound``."""

    async def messages_after(self, channel: str, offset: int, limit: int) -> list[Message]:
        """Messages with a larger offset, ascending, the ``limit`` lowest of them. With their full ``turn``."""

    async def messages_before(self, channel: str, offset: int | None, limit: int) -> list[Message]:
        """Messages with a smaller offset (None: any), ascending, the ``limit`` highest of them."""

    # turns
    async def answer(self, answer: Answer) -> Message | None:
        """Store the reply and close the turn. None, and nothing stored, when the turn is answered already, the lease
        number is not current, or the conversation is claimed."""

    async def take_turns(self, worker: str, lease_ms: int, limit: int) -> list[OpenTurn]:
        """Take over open turns whose lease has run out (database time), lowest offsets first, each with its lease
        number raised by one. Turns of claimed conversations wait for the release."""

    async def renew_turns(self, worker: str, turn_ids: Sequence[str], lease_ms: int) -> None:
        """Extend the leases that ``worker`` still holds."""

    async def expire_leases(self) -> int:
        """End every lease now and return their number: for a start that knows it is the only worker."""

    async def past_turns(self, channel: str, limit: int) -> list[PastTurn]:
        """The last answered turns, in offset order."""

    # learning
    async def rate(self, rating: Rating) -> RewardParts:
        """Store or replace the rating, and say whose decision it is about. ``NotFound`` where the message is no bot
        message of a conversation that ``user_id`` is a member of (with ``in_every_conversation``: of any). The answer's
        ``decision_id`` is "" for a bot message without a decision."""

    async def add_reward(self, found: RewardParts, combine: Combine, at_ms: int) -> RewardEvent | None:
        """Merge parts into the decision's own (a later value of a part replaces the earlier), combine them, and if
        the reward changed append one event to its policy's log, all in one transaction. None when nothing changed
        or the decision is unknown."""

    async def rewards_after(self, policy: str, log_offset: int, limit: int) -> list[RewardEvent]:
        """The log's next entries in order: a policy is a fold over them."""
