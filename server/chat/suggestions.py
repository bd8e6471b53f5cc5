"""What an agent might answer: the writer's words in a persona's manner, and articles that may hold the answer.

Nothing of it is sent by itself, counted as an answer or learned from: an agent who takes it over sends it as their own.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from adapters.personas import Persona
from inference.analysis import Analysis
from inference.errors import InferenceError
from server.chat.access import require_agent, require_conversation
from server.chat.memory import Memory, rebuild
from server.chat.mood import bend
from server.chat.peer import GUEST_NAME, Caller
from server.chat.recollection import PAST_TURNS
from server.chat.writer import Situation, Written
from server.errors import NotFound, Unavailable
from server.knowledge.index import Hit
from server.store.ports import Store
from server.wire.frames import Message

LOOK_BACK: Final = 50
MAX_ARTICLES: Final = 3
LEAST_CONFIDENCE: Final = 0.1
"""An agent reads before sending, so that more may be shown than the bot would say."""

Analyse = Callable[[str], Awaitable[Analysis]]


class Writer(Protocol):
    """The built-in one."""

    def write(self, situation: Situation, rng: random.Random) -> Written: ...


class Search(Protocol):
    """The user's knowledge."""

    async def search(self, text: str, analysis: Analysis, *, limit: int) -> list[Hit]: ...


@dataclass(frozen=True, slots=True)
class Suggested:
    """``message``: the customer's last one; None: nobody has written yet, and nothing is suggested. ``persona``: in
    whose manner ``text`` is written. ``articles``: the surest first."""

    message: Message | None = None
    persona: str | None = None
    text: str | None = None
    articles: tuple[Hit, ...] = ()


class Suggestions:
    """``writer`` and ``personas`` give those in use at that moment."""

    def __init__(
        self,
        *,
        store: Store,
        analyse: Analyse,
        knowledge: Search,
        writer: Callable[[], Writer],
        personas: Callable[[], Sequence[Persona]],
        rng: random.Random,
    ) -> None:
        self._store = store
        self._analyse = analyse
        self._knowledge = knowledge
        self._writer = writer
        self._personas = personas
        self._rng = rng

    async def suggest(self, caller: Caller, channel: str, persona: str | None) -> Suggested:
        """For the customer's last message, in the manner of ``persona`` or of whoever answered last. ``NotFound``,
        ``Forbidden``; ``Unavailable`` while the model is away."""
        await require_conversation(self._store, caller, channel)
        require_agent(caller, "suggestions")
        recent = await self._store.messages_before(channel, None, LOOK_BACK)
        asked = next((one for one in reversed(recent) if one.sender.kind == "customer"), None)
        chosen = self._chosen(persona, recent)
        if asked is None:
            return Suggested()
        try:
            analysis, past = await asyncio.gather(
                self._analyse(asked.text), self._store.past_turns(channel, PAST_TURNS)
            )
        except InferenceError as error:
            raise Unavailable("The model is away; nothing can be suggested now.") from error
        articles = await self._knowledge.search(asked.text, analysis, limit=MAX_ARTICLES)
        memory = rebuild([turn for turn in past if turn.turn_id != asked.message_id])
        return Suggested(
            asked,
            chosen.name,
            self._written(asked, analysis, memory, chosen),
            tuple(hit for hit in articles if hit.confidence >= LEAST_CONFIDENCE),
        )

    def _chosen(self, name: str | None, recent: Sequence[Message]) -> Persona:
        personas = {one.name: one for one in self._personas()}
        if name is not None and name not in personas:
            raise NotFound(f"There is no persona {name!r}; there are {', '.join(personas)}.")
        last = next((one.turn.persona for one in reversed(recent) if one.turn is not None), None)
        return personas.get(name or last or "") or next(iter(personas.values()))

    def _written(self, asked: Message, analysis: Analysis, memory: Memory, persona: Persona) -> str:
        memory.hear(analysis, asked.text, asked.at_ms)
        sender = asked.sender
        situation = Situation(
            analysis=analysis,
            persona=bend(memory, analysis, persona).persona,
            text=asked.text,
            turn_number=memory.turns,
            used=tuple(memory.used_phrases),
            previous_intent=memory.previous_intent,
            known=memory.known,
            asked_back=memory.asked_back,
            customer_name=None if sender.name == GUEST_NAME else sender.name,
        )
        return self._writer().write(situation, self._rng).text
