"""What the bot remembers of the conversations that it answers, read from the ledger where it is not at hand."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from server.chat.memory import Memories, Memory, rebuild
from server.store.ports import Store

PAST_TURNS: Final = 50


class Recollection:
    """``segment``: the customers' that a conversation is with, where anybody asks for it. ``sole_worker``: nobody else
    answers, so what is at hand is never behind."""

    def __init__(
        self,
        *,
        store: Store,
        memories: Memories,
        segment: Callable[[str], Awaitable[str | None]],
        sole_worker: bool,
    ) -> None:
        self._store = store
        self._memories = memories
        self._segment = segment
        self._sole_worker = sole_worker

    def at_hand(self, channel: str) -> Memory | None:
        """Without a look into the ledger."""
        return self._memories.get(channel)

    def all_at_hand(self) -> list[Memory]:
        """Every conversation of which something is."""
        return self._memories.all()

    def forget(self, channel: str) -> None:
        """Drop what may be wrong, so that it is read anew."""
        self._memories.forget(channel)

    async def of(self, channel: str, before_offset: int | None = None) -> Memory:
        """What is known of the messages below ``before_offset`` (None: whatever is at hand)."""
        known = self._memories.get(channel)
        if known is not None and (self._sole_worker or before_offset is None or before_offset <= known.offset + 1):
            return known
        if known is not None:  # other messages have come since: another worker may have answered some
            self._memories.forget(channel)
        # Before the first message there is nothing to read.
        past = [] if before_offset == 1 else await self._store.past_turns(channel, PAST_TURNS)
        segment = await self._segment(channel)
        # Somebody else may have rebuilt it meanwhile, and heard more since.
        memory = self._memories.get(channel) or self._memories.put(channel, rebuild(past))
        memory.segment = segment
        memory.offset = max(memory.offset, (before_offset or 1) - 1)
        return memory
