"""What language models were used for, and what a turn has to know before it asks one.

Part of ``ports.Store``, whose text says what holds for every method. Usage is stored in the commit of its turn's
answer, or with ``abandon``; nothing here costs a turn a commit of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, Protocol

from server.wire.frames import Message

Outcome = Literal["answered", "replaced", "failed", "interrupted"]
"""Said as the model wrote it; withdrawn by the checks; the writer failed; nobody waits for it any more."""


@dataclass(frozen=True, slots=True)
class ModelUsage:
    """One turn's use of a language model, its tries together.

    ``estimated``: the server did not count the tokens itself. ``cost_micros``: millionths of the operator's currency.
    ``first_token_ms``: None where none came; both times since the first request.
    """

    usage_id: str
    user_id: str
    model: str
    persona: str
    variant: str | None
    outcome: Outcome
    prompt_tokens: int
    completion_tokens: int
    estimated: bool
    cost_micros: int
    first_token_ms: int | None
    total_ms: int
    tries: int
    at_ms: int


@dataclass(frozen=True, slots=True)
class Amount:
    """Tokens of prompts and answers together, and what they cost."""

    tokens: int = 0
    cost_micros: int = 0

    def __add__(self, other: Amount) -> Amount:
        return Amount(self.tokens + other.tokens, self.cost_micros + other.cost_micros)

    def __sub__(self, other: Amount) -> Amount:
        return Amount(self.tokens - other.tokens, self.cost_micros - other.cost_micros)


@dataclass(frozen=True, slots=True)
class Spent:
    """What was spent before: in this conversation, by this user and by everybody since a moment."""

    conversation: Amount = field(default_factory=Amount)
    user: Amount = field(default_factory=Amount)
    everybody: Amount = field(default_factory=Amount)


@dataclass(frozen=True, slots=True)
class RatedTurn:
    """A customer's text and the bot's answer that this customer rated."""

    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class LanguageContext:
    """``window``: messages before the turn's, ascending. ``written_on``: a customer has written after it.

    ``rated``: the newest first. ``spent``: None where nobody asked. ``preferences``: what the conversation's metadata
    says of the customer.
    """

    window: tuple[Message, ...]
    written_on: bool
    rated: tuple[RatedTurn, ...]
    spent: Spent | None
    preferences: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ContextWish:
    """What to read: at most ``window`` messages below ``offset``, ``rated`` turns of the user with ``rating_from`` or
    more, and what was spent since ``since_ms`` (None: don't count)."""

    channel: str
    offset: int
    user_id: str
    window: int
    rated: int
    rating_from: float
    since_ms: int | None


@dataclass(frozen=True, slots=True)
class UsageSum:
    """What one model, persona and variant have used. Means are over the uses that have a value; None: none has."""

    model: str
    persona: str
    variant: str | None
    uses: int
    answered: int
    prompt_tokens: int
    completion_tokens: int
    cost_micros: int
    first_token_ms: float | None
    total_ms: float


class UsageStore(Protocol):
    """What ``ports.Store`` promises of language models."""

    async def language_context(self, wish: ContextWish) -> LanguageContext:
        """All of it in one read. Empty where there is no such conversation."""

    async def model_usage(self, since_ms: int, until_ms: int) -> list[UsageSum]:
        """By model, persona and variant, ascending, of the uses in [``since_ms``, ``until_ms``)."""
