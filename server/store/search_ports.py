"""Search over what was written.

Part of ``ports.Store``, whose text says what holds for every method. No message waits to be searchable: words are
entered afterwards, conversation by conversation, in the order of the offsets, by whoever calls ``index_words``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from server.wire.frames import Message
from server.wire.parts import State, User

FoundState = Literal["bot", "waiting", "claimed", "resolved"]


@dataclass(frozen=True, slots=True)
class Search:
    """``words``: as ``server.knowledge.plain_words`` makes them; each must begin a word of the message. None: any, the
    last message of each conversation is shown. ``customer``: an id or a whole name, ``agent``: the id of one who has
    claimed the conversation at some time; times are those of the message. ``before``: the last row of the page before.
    """

    words: tuple[str, ...] | None
    customer: str | None = None
    agent: str | None = None
    state: FoundState | None = None
    from_ms: int | None = None
    to_ms: int | None = None
    before: tuple[int, str] | None = None
    limit: int = 50


@dataclass(frozen=True, slots=True)
class Found:
    """A conversation with its newest message that was sought, of ``hits``."""

    channel: str
    state: State
    resolved: bool
    agent: User | None
    customer: User
    message: Message
    hits: int


class SearchStore(Protocol):
    """What ``ports.Store`` promises of the search."""

    async def search(self, search: Search) -> list[Found]:
        """By the time of the message found, newest first."""

    async def index_words(self, channels: Sequence[str], limit: int) -> int:
        """Enter messages of these conversations that are not entered yet, at most ``limit``. How many were entered; 0:
        there are none left."""

    async def unindexed(self, after: str | None, limit: int) -> list[str]:
        """Conversations with messages that are not entered yet, ascending, those behind ``after``."""
