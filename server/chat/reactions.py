"""What follows an answer is its reward: the customer's next words, a thumb, stars, a resolution, a wish for a person,
or nothing at all."""

from __future__ import annotations

import asyncio

import structlog

from adapters.rewards import After, next_turn_parts
from inference.analysis import Analysis
from server.chat.apprentice import Apprentice
from server.chat.credit import Credit
from server.chat.learning import Learner
from server.chat.memory import LastAnswer
from server.chat.recollection import Recollection
from server.clock import Clock
from server.store.ports import RewardParts
from server.wire.frames import Message

SILENCE_SWEEP_S = 30.0

_log = structlog.get_logger(__name__)


class Reactions:
    """Hears what customers and agents do, and tells ``learner``. ``silence_ms``: after so long nobody reacts any more.
    ``credit`` carries back how a conversation ended, ``apprentice`` learns from agents; None: nobody does."""

    def __init__(
        self,
        *,
        learner: Learner,
        recollection: Recollection,
        clock: Clock,
        silence_ms: int,
        credit: Credit | None = None,
        apprentice: Apprentice | None = None,
    ) -> None:
        self._learner = learner
        self._recollection = recollection
        self._clock = clock
        self._silence_ms = silence_ms
        self._credit = credit
        self._apprentice = apprentice

    async def on_next_turn(self, last: LastAnswer | None, asked: Message, analysis: Analysis) -> None:
        """The customer wrote again; what was written before the answer was there says nothing of it."""
        if last is not None and asked.at_ms > last.at_ms:
            await self._reward(last, After(analysis.sentiment.score, analysis.act))

    async def on_rating(self, found: RewardParts) -> None:
        """A thumb, or any rating, on an answer."""
        memory = self._recollection.at_hand(found.channel)
        if memory is not None and memory.last is not None and memory.last.decision_id == found.decision_id:
            memory.last_rating = found.parts.get("feedback")
        await self._learner.reward(found)

    async def on_agent_message(self, message: Message) -> None:
        """An agent wrote, and said in which persona."""
        if self._apprentice is not None:
            await self._apprentice.watch(message)

    async def on_assessed(self, channel: str, rating: float) -> None:
        """Somebody rated the conversation; that is said of its last answer."""
        last = (await self._recollection.of(channel)).last
        if last is not None and last.decision_id is not None:
            await self._learner.reward(RewardParts(last.decision_id, {"rating": rating}, decided_ms=last.at_ms))
        if self._credit is not None:
            await self._credit.carry_back(channel, {"rating": rating})

    async def on_resolved(self, channel: str, resolved: bool) -> None:
        """The last answer led to a resolution, or to a reopening."""
        memory = await self._recollection.of(channel)
        memory.resolved_before = memory.resolved_before or resolved
        await self._reward(memory.last, After(resolved=resolved))
        if self._credit is not None:
            await self._credit.carry_back(channel, {"resolved": float(resolved)})

    async def on_handoff(self, channel: str) -> None:
        """After the last answer somebody wanted a human."""
        memory = await self._recollection.of(channel)
        await self._reward(memory.last, After(handoff=True))

    async def watch_silence(self) -> None:
        """Run for ever: no reaction to an answer for ``silence_ms`` is a reaction too, told once per answer."""
        while True:
            await asyncio.sleep(SILENCE_SWEEP_S)
            try:
                await self.tell_silences()
            except Exception:  # whatever it was, the next round must come
                _log.exception("silences not told")

    async def tell_silences(self) -> None:
        """Reward every answer that nobody has reacted to for ``silence_ms``, once."""
        before_ms = self._clock.now_ms() - self._silence_ms
        for memory in self._recollection.all_at_hand():
            last = memory.last
            if last is not None and last.at_ms < before_ms and not memory.silence_told:
                memory.silence_told = True
                await self._reward(last, After(silent=True))

    async def _reward(self, last: LastAnswer | None, after: After) -> None:
        if last is None or last.decision_id is None:
            return
        parts = next_turn_parts(last.before, after)
        await self._learner.reward(RewardParts(last.decision_id, parts, decided_ms=last.at_ms))
