"""What the store promises. One contract suite (tests/contract/store) holds every implementation to it.

The database is the ledger (DESIGN's law 1): it gives each conversation's messages their ``offset`` (1, 2, 3 … without
gaps) and each policy's reward events their ``log_offset``. Whatever a coroutine here has returned is committed.

- **Group commit** (law 2). What all callers write shares transactions: one commit locks its conversation rows in id
  order, finds existing keys under that lock, allots offsets to the rest and inserts. ``append``, ``answer``,
  ``resolve``, ``handoff``, ``claim``, ``release`` and ``change_members`` of one caller on one conversation take effect
  in the order in which they were called (not awaited). A failing operation fails alone; the others of its group are
  stored.
- **Errors**. ``server.errors``: ``NotFound``, ``Conflict``, ``Invalid`` where said, ``Unavailable`` when the database
  is away, full or too slow: then the outcome is unknown and the same ``key`` makes a repeat safe.
- **Cancellation**. Cancelling a waiting caller does not undo what it asked for; it may still be committed.
- **Time**. ``at_ms`` values are the caller's wall clock and for show. Leases use the database's clock only.
- **Identifiers** are ULIDs, made by the caller unless said otherwise; a conversation's channel is ``conv:<ulid>``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from server.knowledge.questions import QuestionTurn
from server.store.alert_ports import AlertStore
from server.store.decision_ports import DecisionStore
from server.store.desk_ports import DeskStore
from server.store.edit_ports import EditStore
from server.store.experiment_ports import ExperimentStore, TrialTurn
from server.store.inbox_ports import Doubt, InboxStore
from server.store.knowledge_ports import KnowledgeStore
from server.store.live_ports import LiveStore
from server.store.mood_ports import MoodStore
from server.store.people_ports import PeopleStore
from server.store.policy_ports import PolicyMode, PolicyStore, Repeats
from server.store.question_ports import QuestionStore
from server.store.routing_ports import RoutingStore
from server.store.search_ports import SearchStore
from server.store.slice_ports import SliceStore
from server.store.usage_ports import ModelUsage, UsageStore
from server.wire.frames import Message, Notification
from server.wire.parts import Conversation, Priority, ReceiptKind, ReceiptMark, State, Status, Turn, User


@dataclass(frozen=True, slots=True)
class Append:
    """One message by a person or a service.

    ``text`` is NFC-normalised and checked. With ``wants_turn`` (a customer's message) the same transaction stores an
    open turn leased to ``worker`` with lease number 1, unless the conversation is claimed. A customer's message to a
    resolved conversation reopens it: a system message ``{"event": "reopened"}`` takes the offset before it.

    ``members_only``: ``NotFound`` unless the sender is a member at that moment. In a claimed conversation an ``agent``
    other than the claim's holder, and every ``bot`` (a service), gets ``Conflict``; what is stored already is a
    duplicate all the same.
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
    members_only: bool = False
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

    ``message`` is the caller's own one, new or found by its key. ``turn`` is set when a turn was stored now and is the
    caller's to answer. While an earlier turn of the conversation is open, the new one goes to that one's ``holder``
    (with that one's lease), so that one worker at a time answers a conversation, in offset order.
    """

    message: Message
    duplicate: bool
    messages: tuple[Message, ...]
    turn: OpenTurn | None
    holder: str | None = None


@dataclass(frozen=True, slots=True)
class DecisionRow:
    """A bandit decision as logged: enough to replay it and to judge other policies by it (law 5).

    ``features``: float64 values in the order of the policy's feature names. ``probabilities`` stand in the order of
    ``arms`` and sum to 1. ``version`` counts the log's entries that the policy had folded when it chose,
    ``mode`` says by what it was let choose, and ``seed`` is that of the worker's draws (None: nothing was drawn).
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
    mode: PolicyMode = "live"
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """The bot's reply to a turn, with its decision and what was understood, in one transaction.

    ``decision`` and ``shown`` are None for an apology that no policy has chosen (the model was away).
    ``notes`` is opaque to the store (JSON): what the next turns need to know, such as the phrases used. ``doubt`` puts
    the turn into the inbox; ``trial`` is what experiments know of it, ``usage`` what a language model took for it,
    ``question`` what came of it where it asked something.
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
    doubt: Doubt | None = None
    trial: TrialTurn | None = None
    usage: ModelUsage | None = None
    question: QuestionTurn | None = None


@dataclass(frozen=True, slots=True)
class Resolution:
    """Mark a conversation resolved or open again; a change appends a system message (``resolved`` / ``reopened``).

    A resolved conversation waits for nobody: it leaves the queue. A claim stays.
    """

    channel: str
    resolved: bool
    by: User
    message_id: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class Handoff:
    """Ask for a human: bot → waiting, with a system message. Waiting or claimed already: nothing changes. A resolved
    conversation is reopened.

    ``members_only``: ``NotFound`` unless ``by`` is a member.
    """

    channel: str
    by: User
    reason: str | None
    message_id: str
    at_ms: int
    members_only: bool = False


@dataclass(frozen=True, slots=True)
class Claim:
    """An agent takes the conversation: the claim number grows by one, open turns are dropped, the agent becomes a
    member. The holder's own second claim changes nothing; anybody else's is a ``Conflict``."""

    channel: str
    agent: User
    message_id: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class Release:
    """Give the claim up, to the bot or to the queue (``to``). ``Conflict`` where ``by`` does not hold it (an admin may
    release anybody's), where nobody does, and where ``claim_number`` is given and not current any more.

    To the queue it goes with ``reason``, or the one for which an agent was asked for before; a resolved conversation
    goes to the bot in any case. ``heir``: the id of the agent or admin whose claim begins in the same commit, so that
    the bot gets no word in between; ``NotFound`` where there is none, ``Conflict`` where that one has it already."""

    channel: str
    by: User
    message_id: str
    at_ms: int
    to: Literal["bot", "waiting"] = "bot"
    claim_number: int | None = None
    reason: str | None = None
    heir: str | None = None


@dataclass(frozen=True, slots=True)
class Changed:
    """What became of a conversation: its state now, who holds the claim, and the system message if anything changed.

    ``messages``: all new rows in offset order, ``message`` among them. A hand-off of a resolved conversation reopens
    it first; a release to the queue ends with ``waiting``, one to an heir with ``claimed``.
    """

    state: State
    agent: User | None
    message: Message | None
    messages: tuple[Message, ...] = ()


@dataclass(frozen=True, slots=True)
class QueueItem:
    """A conversation that waits for a human. ``urgency`` and ``sentiment_score`` are those of the last customer message
    that was understood. ``offered_to``: the id of the agent whom it is offered to, until ``offered_until_ms``."""

    channel: str
    waiting_since_ms: int
    reason: str | None
    urgency: float | None
    sentiment_score: float | None
    last_text: str | None
    offered_to: str | None = None
    offered_until_ms: int | None = None


@dataclass(frozen=True, slots=True)
class ClaimRow:
    """A claim that is held. ``absent_ms``: for how long (database time) its agent has been noted absent; None: not."""

    channel: str
    agent: User
    claim_number: int
    absent_ms: int | None


@dataclass(frozen=True, slots=True)
class Account:
    """A user as stored. Tokens issued before ``tokens_from_ms`` (their ``iat``) are revoked."""

    user: User
    status: Status
    status_text: str | None
    last_seen_ms: int
    tokens_from_ms: int
    banned: bool


@dataclass(frozen=True, slots=True)
class Revocation:
    """A user whose tokens from before ``tokens_from_ms`` are void; ``banned``: nobody gets in under the name."""

    user_id: str
    tokens_from_ms: int
    banned: bool


@dataclass(frozen=True, slots=True)
class Receipt:
    """``user`` has got everything up to and including ``offset``; "read" means delivered too."""

    channel: str
    user: User
    kind: ReceiptKind
    offset: int
    at_ms: int
    members_only: bool = False


@dataclass(frozen=True, slots=True)
class Assessment:
    """A rating in [0, 1] of a whole conversation, one per user; a later one replaces the earlier."""

    channel: str
    by: User
    rating: float
    comment: str | None
    categories: tuple[str, ...]
    at_ms: int
    members_only: bool = False


@dataclass(frozen=True, slots=True)
class Notice:
    """A notification to one user, or to every user that is known now (``user_id`` None)."""

    notification_id: str
    user_id: str | None
    priority: Priority
    title: str
    body: str
    data: Mapping[str, Any] | None
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
    so a fold adds the decision once and then only the difference. ``at_ms`` is the reward's time; ``decided_ms`` and
    ``propensity`` are the decision's own, the same in all of its events. ``previous_offset``: of the event that said
    ``previous``. ``user``: the customer's id; ``segment``: as ``PeopleStore.segment``.
    """

    policy: str
    log_offset: int
    decision_id: str
    arm: str
    features: tuple[float, ...]
    reward: float
    previous: float | None
    at_ms: int
    decided_ms: int
    propensity: float
    previous_offset: int | None = None
    user: str | None = None
    segment: str | None = None


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
    which ``rate`` tells. ``decided_ms``: when; 0: unknown."""

    decision_id: str
    parts: Mapping[str, float] = field(default_factory=dict)
    channel: str = ""
    decided_ms: int = 0


class Combine(Protocol):
    """Parts → reward in [0, 1], or None when the parts say nothing. Pure: the order of arrival can't matter."""

    def __call__(self, parts: Mapping[str, float], /) -> float | None: ...


class Store(
    AlertStore,
    DecisionStore,
    DeskStore,
    EditStore,
    RoutingStore,
    SearchStore,
    InboxStore,
    KnowledgeStore,
    LiveStore,
    MoodStore,
    PeopleStore,
    PolicyStore,
    QuestionStore,
    ExperimentStore,
    SliceStore,
    UsageStore,
    Protocol,
):
    """The ledger. See the module's text for the guarantees that hold for every method."""

    async def start(self) -> None:
        """Connect, migrate under a lock, begin committing. Raises ``StartupError`` (with a remedy) when it can't:
        a database newer than the code, no permission, a file that is no database."""

    async def close(self) -> None:
        """Commit what waits, then release everything. Idempotent."""

    async def ping(self) -> None:
        """One cheap round trip that proves the database is writable; raises ``Unavailable``."""

    # users
    async def save_user(self, user: User, at_ms: int) -> Account:
        """Insert, or update kind and name; the account as it stands. Opening a conversation and claiming one insert
        whom they don't know, too."""

    async def accounts(self, user_ids: Sequence[str]) -> dict[str, Account]:
        """Unknown ones are left out."""

    async def list_accounts(self, after: str | None, limit: int) -> list[Account]:
        """By user id, ascending, those after ``after``."""

    async def set_status(self, user_id: str, status: Status, text: str | None) -> None:
        """``NotFound``."""

    async def saw(self, user_ids: Sequence[str], at_ms: int) -> None:
        """Their last device left at ``at_ms``; never goes back. The invisible are passed over."""

    async def revoke_tokens(self, user_id: str, tokens_from_ms: int, *, banned: bool | None = None) -> Revocation:
        """Void the tokens issued before (an earlier revocation stays in force); ``banned`` None leaves that as it is.
        ``NotFound``."""

    async def revocations_after(self, number: int, limit: int) -> tuple[int, list[Revocation]]:
        """What was revoked since the call that returned ``number`` (0: nothing, only the present number), for workers
        that did not hear the doorbell: each user once, as it stands, at most ``limit``, the earliest first. None is
        ever passed over, however late it is committed. A number is never 0."""

    # conversations

    async def open_conversation(self, opening: Opening) -> Opened:
        """Same user and key again: the first answer with ``duplicate=True``; with other metadata: ``Conflict``."""

    async def conversation(self, channel: str, user_id: str) -> Conversation:
        """As ``user_id`` sees it. ``NotFound`` where there is none."""

    async def conversations(self, user_id: str, before_ms: int | None, limit: int) -> list[Conversation]:
        """Those that ``user_id`` is a member of with ``at_ms`` below ``before_ms`` (None: any), newest activity
        first."""

    async def is_member(self, channel: str, user_id: str) -> bool:
        """False also where the conversation does not exist."""

    async def members(self, channel: str, limit: int) -> list[User]:
        """By the time they joined. Empty where the conversation does not exist."""

    async def change_members(
        self, channel: str, add: Sequence[str], remove: Sequence[str], at_ms: int
    ) -> tuple[list[str], list[str]]:
        """Ids that were really added and removed. ``NotFound``: the conversation, or a user to add, does not exist;
        ``Invalid``: an id is in both. Then nothing changes."""

    async def channels_of(self, user_id: str, limit: int) -> list[str]:
        """The channels that ``user_id`` is a member of, newest activity first."""

    async def head(self, channel: str) -> Head:
        """``NotFound`` where there is none."""

    async def heads(self, channels: Sequence[str]) -> dict[str, int]:
        """Last offsets of many conversations in one query; unknown ones are left out."""

    # messages
    async def append(self, append: Append) -> Appended:
        """``NotFound`` (conversation, membership), ``Conflict`` (same sender, channel and key, other text, data or
        reply_to; a claim of somebody else's)."""

    async def resolve(self, resolution: Resolution) -> Message | None:
        """The system message, or None when nothing changed. ``NotFound``."""

    async def handoff(self, handoff: Handoff) -> Changed:
        """``NotFound``."""

    async def claim(self, claim: Claim) -> Changed:
        """``NotFound``, ``Conflict``."""

    async def release(self, release: Release) -> Changed:
        """``NotFound``, ``Conflict``."""

    async def queue(self, limit: int) -> list[QueueItem]:
        """Conversations that wait for a human, longest waiting first."""

    async def claims(self) -> list[ClaimRow]:
        """Every claim that is held now."""

    async def note_agents(self, absent: Sequence[str], present: Sequence[str]) -> None:
        """Begin (where not begun) or end the absence of agents, in database time. A claim ends its agent's, too."""

    async def messages_after(self, channel: str, offset: int, limit: int) -> list[Message]:
        """Messages with a larger offset, ascending, the ``limit`` lowest of them. With their full ``turn``."""

    async def messages_before(self, channel: str, offset: int | None, limit: int) -> list[Message]:
        """Messages with a smaller offset (None: any), ascending, the ``limit`` highest of them."""

    # receipts and notifications
    async def mark(self, receipt: Receipt) -> bool:
        """Whether it moved forward. ``Invalid`` beyond the last message, ``NotFound``."""

    async def receipts(self, channel: str, limit: int) -> list[ReceiptMark]:
        """How far each user has got, those who moved last first; at most ``limit`` marks. A user who was
        delivered more than was read has two."""

    async def notify(self, notice: Notice) -> int:
        """How many users it is for. ``NotFound``: no such user."""

    async def unseen(self, user_id: str, limit: int) -> tuple[list[Notification], int]:
        """The unseen ones, most urgent, then oldest first, and the number of all."""

    async def see(self, user_id: str, notification_id: str, at_ms: int) -> bool:
        """Whether it was unseen until now. ``NotFound``."""

    # turns
    async def answer(self, answer: Answer) -> Message | None:
        """Store the reply and close the turn. None, and nothing stored, when the turn is answered or dropped already,
        the lease number is not current, the conversation is claimed, or an earlier turn of it is open."""

    async def abandon(self, turn: OpenTurn, used: ModelUsage | None = None) -> bool:
        """Drop a turn without an answer: a later message will be answered for it. Whether it was this caller's to
        drop, as with ``answer``; ``used`` is stored in any case."""

    async def take_turns(self, worker: str, lease_ms: int, limit: int) -> list[OpenTurn]:
        """Take over open turns whose lease has run out (database time), lowest offsets first, each with its lease
        number raised by one. Only those of conversations whose first open turn has lapsed, of at most ``limit``
        conversations, of each all that have."""

    async def own_turns(self, worker: str, limit: int, channel: str | None = None) -> list[OpenTurn]:
        """Open turns leased to ``worker`` (in one channel, or in all), lowest offsets first: those that other workers
        stored for it as well, and those whose lease has run out unless they were taken over."""

    async def renew_turns(self, worker: str, turn_ids: Sequence[str], lease_ms: int) -> None:
        """Extend the leases that ``worker`` still holds."""

    async def expire_leases(self) -> int:
        """End every lease now and return their number: for a start that knows it is the only worker."""

    async def past_turns(self, channel: str, limit: int) -> list[PastTurn]:
        """The last answered turns, in offset order."""

    # learning
    async def assess(self, assessment: Assessment) -> None:
        """Store or replace. ``NotFound``."""

    async def rate(self, rating: Rating) -> RewardParts:
        """Store or replace the rating, and say whose decision it is about. ``NotFound`` where the message is no bot
        message of a conversation that ``user_id`` is a member of (with ``in_every_conversation``: of any). The answer's
        ``decision_id`` is "" for a bot message without a decision."""

    async def add_reward(
        self, found: RewardParts, combine: Combine, at_ms: int, repeats: Repeats = "last"
    ) -> RewardEvent | None:
        """Merge parts into the decision's own (``repeats`` says what of a part that is known already), combine them,
        and if the reward changed append one event to its policy's log, all in one transaction. None when nothing
        changed or the decision is unknown."""

    async def rewards_after(self, policy: str, log_offset: int, limit: int) -> list[RewardEvent]:
        """The log's next entries in order: a policy is a fold over them."""
