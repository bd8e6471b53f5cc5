"""What agents keep and want to know beside a conversation: notes, its customer, how satisfied customers were.

Part of ``ports.Store``, whose text says what holds for every method. Notes are for agents and admins: nothing that a
customer gets and nothing that a policy or a language model reads has them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from server.wire.parts import State, User


@dataclass(frozen=True, slots=True)
class Note:
    """``key``: the author's own, unique per author and conversation, so that a repeat adds nothing."""

    note_id: str
    channel: str
    author: User
    key: str
    text: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class PastConversation:
    """A conversation of a customer. ``rating``: the customer's, in [0, 1]; ``first_text``: the first that the customer
    wrote."""

    channel: str
    state: State
    resolved: bool
    created_at_ms: int
    at_ms: int
    messages: int
    first_text: str | None
    rating: float | None


@dataclass(frozen=True, slots=True)
class Customer:
    """Who a conversation is with. ``conversations``: how many they opened, ``rated`` of which ended with a rating,
    whose mean is ``mean_rating``. ``metadata``: of the newest conversation; ``past``: the newest ones."""

    user: User
    created_at_ms: int
    last_seen_ms: int
    conversations: int
    rated: int
    mean_rating: float | None
    metadata: Mapping[str, Any]
    past: tuple[PastConversation, ...]


@dataclass(frozen=True, slots=True)
class Satisfaction:
    """Customers' ratings of conversations that ``agent_id`` had resolved, of one day.

    ``day``: whole days (UTC) since the Unix epoch. ``total``: the sum of ``count`` ratings in [0, 1]; ``satisfied``:
    how many were at least ``SATISFIED``."""

    agent_id: str
    agent_name: str | None
    day: int
    count: int
    total: float
    satisfied: int


SATISFIED = 0.75
"""4 and 5 of 5: the usual meaning of CSAT."""


class DeskStore(Protocol):
    """What ``ports.Store`` promises of the agents' desk."""

    async def add_note(self, note: Note) -> tuple[Note, bool]:
        """Store it, or find the one with the same key; whether it was there already. ``Conflict``: the key was used
        for another text. ``NotFound``: no such conversation."""

    async def notes(self, channel: str, before: str | None, limit: int) -> list[Note]:
        """The newest ``limit`` with a ``note_id`` below ``before`` (None: any), the earliest first."""

    async def customer(self, user_id: str, past: int) -> Customer | None:
        """With the newest ``past`` conversations that the user opened; None for unknown users."""

    async def opener(self, channel: str) -> User | None:
        """Who opened a conversation; None where it does not exist."""

    async def satisfaction(self, from_ms: int, to_ms: int) -> list[Satisfaction]:
        """By day and agent, of ratings given from ``from_ms`` up to, but not including, ``to_ms``."""
