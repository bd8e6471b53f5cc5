"""What goes on: conversations with a customer's word in the last minutes, and what they were about.

Part of ``ports.Store``, whose text says what holds for every method. All of it is read from what turns leave anyway;
nothing here is written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from server.wire.parts import State, User


@dataclass(frozen=True, slots=True)
class LiveConversation:
    """``customer``: who wrote last; ``text``, ``at_ms`` and ``analysis`` are that message's, the last one empty while
    it is not answered. ``messages``: how many there are."""

    channel: str
    state: State
    resolved: bool
    messages: int
    customer: User
    text: str
    at_ms: int
    analysis: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of the hour or day that begins at ``at_ms`` (UTC). ``ratings`` of whole conversations by customers, in [0, 1],
    ``satisfied`` those of four or five stars; thumbs on answers; conversations ``resolved`` without a person, or
    ``handed_over`` to one."""

    at_ms: int
    ratings: int = 0
    rating_sum: float = 0.0
    satisfied: int = 0
    thumbs_up: int = 0
    thumbs_down: int = 0
    resolved: int = 0
    handed_over: int = 0


class LiveStore(Protocol):
    """What ``ports.Store`` promises of what goes on."""

    async def live_conversations(self, since_ms: int, limit: int) -> list[LiveConversation]:
        """Those in which a customer has asked the bot something since then, the latest first."""

    async def outcomes(self, since_ms: int, span_ms: int) -> list[Outcome]:
        """By spans of ``span_ms`` since the epoch, the earliest first; those without anything are left out."""

    async def analyses_since(self, since_ms: int, limit: int) -> list[Mapping[str, Any]]:
        """What was understood of the last answered turns since then, the newest first, apologies left out."""
