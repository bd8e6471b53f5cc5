"""Search over conversations, and the keeper that lets messages be found.

Nobody who writes waits for the search: a worker enters what it has stored a moment later, and looks from time to time
for what any worker has left behind (the ledger tells). Whoever searches has this worker's entered first.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final

import structlog

from server.chat.access import require_agent
from server.chat.peer import Caller
from server.clock import Clock
from server.errors import Invalid, ProtocolError
from server.knowledge.plain_words import sought_words
from server.store.ports import Store
from server.store.search_ports import Found, FoundState, Search
from server.wire.frames import Message

MAX_FOUND: Final = 100
GATHER_S: Final = 1.0
RETRY_S: Final = 5.0
SWEEP_EVERY_MS: Final = 60_000
"""Every conversation is compared with what was entered of it; it takes a second for a million of them."""
BATCH: Final = 50
"""Conversations of a commit, which others share."""
MESSAGES_AT_ONCE: Final = 100
"""Likewise: some milliseconds' work."""
SWEPT_AT_ONCE: Final = 500
MAX_PENDING: Final = 10_000
"""Conversations; more are left to the next sweep."""

_log = structlog.get_logger(__name__)


class Searching:
    """``on_message`` hears of this worker's messages; ``keep`` runs for ever."""

    def __init__(self, *, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._pending: set[str] = set()
        self._swept_ms = float("-inf")
        self._wake = asyncio.Event()

    def on_message(self, message: Message) -> None:
        """It was stored by this worker."""
        if len(self._pending) < MAX_PENDING:
            self._pending.add(message.channel)
            self._wake.set()

    async def search(
        self,
        caller: Caller,
        *,
        text: str | None,
        customer: str | None,
        agent: str | None,
        state: FoundState | None,
        from_ms: int | None,
        to_ms: int | None,
        before: str | None,
        limit: int,
    ) -> tuple[list[Found], str | None]:
        """Conversations by their newest message that was sought, and what leads to the next page. ``Forbidden``;
        ``Invalid`` for a text without a word, and for a ``before`` that no page has given."""
        require_agent(caller, "search")
        words = None if text is None else sought_words(text)
        if words == ():
            raise Invalid("The text holds no word to look for; leave it out to see every conversation.")
        await self._enter_pending()
        wanted = Search(words, customer, agent, state, from_ms, to_ms, _place_of(before), limit + 1)
        found = await self._store.search(wanted)
        more = len(found) > limit
        found = found[:limit]
        return found, f"{found[-1].message.at_ms}:{found[-1].channel}" if more else None

    async def keep(self) -> None:
        """Enter what comes, for ever."""
        while True:
            try:
                await self.step()
            except ProtocolError as error:
                _log.warning("messages not entered into the search", reason=str(error))
                await asyncio.sleep(RETRY_S)
            except Exception:  # whatever it was, the next round must come
                _log.exception("messages not entered into the search")
                await asyncio.sleep(RETRY_S)
            await asyncio.sleep(GATHER_S)
            with suppress(TimeoutError):
                async with asyncio.timeout(SWEEP_EVERY_MS / 1000):
                    await self._wake.wait()
            self._wake.clear()

    async def step(self) -> None:
        """What is to enter now."""
        await self._enter_pending()
        now_ms = self._clock.mono_ms()
        if now_ms - self._swept_ms >= SWEEP_EVERY_MS:
            await self._sweep()
            self._swept_ms = now_ms

    async def _sweep(self) -> None:
        behind: list[str] | None = None
        while behind is None or behind:
            behind = await self._store.unindexed(behind[-1] if behind else None, SWEPT_AT_ONCE)
            for start in range(0, len(behind), BATCH):
                await self._enter(behind[start : start + BATCH])

    async def _enter_pending(self) -> None:
        while self._pending:
            some = sorted(self._pending)[:BATCH]
            self._pending.difference_update(some)
            try:
                await self._enter(some)
            except BaseException:
                self._pending.update(some)
                raise

    async def _enter(self, channels: list[str]) -> None:
        while await self._store.index_words(channels, MESSAGES_AT_ONCE):
            pass


def _place_of(before: str | None) -> tuple[int, str] | None:
    if before is None:
        return None
    at_ms, colon, channel = before.partition(":")
    if not at_ms.isdecimal() or len(at_ms) > 15 or not colon or not channel:
        raise Invalid("before is what next_before of the page before was")
    return int(at_ms), channel
