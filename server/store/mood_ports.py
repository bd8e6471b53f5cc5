"""What was understood over time, of one user and of many conversations.

Part of ``ports.Store``, whose text says what holds for every method. All of it is read from what turns leave anyway;
nothing here is written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class HeardTurn:
    """A customer's message that was answered, as it was understood; an apology's ``analysis`` is empty."""

    channel: str
    offset: int
    at_ms: int
    analysis: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class MeanContext:
    """The mean of the contexts of a conversation's decisions, in the order of the feature names; contexts of an older
    release, which are shorter, count with zeros at their end. ``decisions``: how many those are."""

    channel: str
    decisions: int
    mean: tuple[float, ...]


class MoodStore(Protocol):
    """What ``ports.Store`` promises of moods."""

    async def heard_of(self, user_id: str, limit: int) -> list[HeardTurn]:
        """The last answered messages of a user, in the conversations that the user is a member of now and joined last
        (at most 50), the earliest first; empty for unknown users."""

    async def heard_in(self, channel: str, limit: int) -> list[HeardTurn]:
        """The last answered messages of a conversation, the earliest first; empty for unknown ones."""

    async def conversations_opened(self, user_id: str, most: int) -> int:
        """How many conversations the user has opened; counting ends at ``most``."""

    async def mean_contexts(self, channel: str, limit: int) -> list[MeanContext]:
        """Of the conversations among the last ``limit`` decisions, and of ``channel``, by all of its own, at the front
        where it has any; the others by their last decision, the latest first."""
